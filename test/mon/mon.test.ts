import assert from "node:assert/strict";
import { test } from "node:test";
import { run, start } from "../cli/logspread.ts";
import { publish, startNode } from "../cli/node.ts";
import { until } from "../cli/until.ts";
import { fakeNode } from "./fake-node.ts";
import { overview, server } from "./overview.ts";
import { inTerminal, noTerminal } from "./pty.ts";

const RESTORED = /\x1b\[0m\x1b\[\?7h\x1b\[\?25h\x1b\[\?1049l$/;

test("the monitor takes the screen, follows the node and gives the terminal back at q", {
  skip: noTerminal,
}, async (t) => {
  const node = await fakeNode(t);
  const mon = inTerminal(t, ["mon", "--to", node.url]);
  await mon.shows(/live .*\n Requests\/s +123 /);
  assert.deepEqual(
    [...mon.emulator.modes].filter((mode) => mode !== "2026"),
    ["1049"],
  );
  node.send(overview({ now: { requestsPerS: 777, bytesPerS: 1, errorShare: 0 } }));
  await mon.shows(/Requests\/s +777 /);
  mon.keys("q");
  assert.deepEqual(await mon.ended, { code: 0, signal: null, restored: true });
  assert.match(mon.output(), RESTORED);
  assert.equal(mon.emulator.main, "");
});

test("it adapts when the terminal is resized", { skip: noTerminal }, async (t) => {
  const node = await fakeNode(t);
  const mon = inTerminal(t, ["mon", "--to", node.url]);
  await mon.shows(/live/);
  mon.resize(120, 40);
  await mon.shows(/SERVER .*SIZE P95[\s\S]* n node/);
  mon.resize(60, 15);
  await mon.shows(/^ logspread .*\n[\s\S]*\n q quit/);
  mon.keys("\x03");
  assert.equal((await mon.ended).code, 0);
});

test("keys choose panels, groups and spans, and the node is asked anew", { skip: noTerminal }, async (t) => {
  const node = await fakeNode(t);
  const mon = inTerminal(t, ["mon", "--to", node.url, "--span", "5m"]);
  await mon.shows(/live/);
  mon.keys("t");
  await mon.shows(/\/search\?q=logs/);
  mon.keys("g");
  await mon.shows(/\[x\] coolsite[\s\S]*\[x\] shop/);
  assert.doesNotMatch(mon.emulator.text, /\$ledger/);
  mon.keys("\x1b[B ");
  await mon.shows(/\[ \] coolsite/);
  await until(() => node.asked.at(-1) === "/v1/metrics/live?span=300&top=30&groups=shop");
  mon.keys("\r+");
  await until(() => node.asked.at(-1) === "/v1/metrics/live?span=900&top=30&groups=shop");
  await mon.shows(/ shop, last 15 min/);
  mon.keys("?");
  await mon.shows(/join and leave groups/);
  mon.keys("q");
  assert.equal((await mon.ended).code, 0);
});

test("pause holds what is shown, and going on shows the latest", { skip: noTerminal }, async (t) => {
  const node = await fakeNode(t);
  const mon = inTerminal(t, ["mon", "--to", node.url]);
  await mon.shows(/live/);
  mon.keys("p");
  await mon.shows(/PAUSED/);
  node.send(overview({ now: { requestsPerS: 777, bytesPerS: 1, errorShare: 0 } }));
  await mon.shows(/data 1\.\d s old/);
  assert.match(mon.emulator.text, /Requests\/s +123 /);
  mon.keys("p");
  await mon.shows(/Requests\/s +777 /);
});

test("when the node goes away it says so, and comes back with it", { skip: noTerminal }, async (t) => {
  const node = await fakeNode(t);
  const mon = inTerminal(t, ["mon", "--to", node.url]);
  await mon.shows(/live/);
  await node.stop();
  await mon.shows(/lost[\s\S]*gone for .*ECONNREFUSED/);
  assert.match(mon.emulator.text, /Requests\/s +123 /);
  await node.start();
  await mon.shows(/ live /);
  mon.keys("c");
  await mon.shows(/Disconnected: c connects again/);
  mon.keys("c");
  await mon.shows(/ live /);
});

test("a node that fails is left for the next of --to", { skip: noTerminal }, async (t) => {
  const [one, two] = [
    await fakeNode(t),
    await fakeNode(t, overview({ now: { requestsPerS: 2, bytesPerS: 0, errorShare: 0 } })),
  ];
  const mon = inTerminal(t, ["mon", "--to", `${one.url},${two.url}`]);
  await mon.shows(/Requests\/s +123 /);
  await one.stop();
  await mon.shows(/live[\s\S]*Requests\/s +2\.0 /);
});

for (const [name, number] of [
  ["SIGTERM", 15],
  ["SIGINT", 2],
  ["SIGHUP", 1],
] as const) {
  test(`${name} gives the terminal back, and ends it as the signal does`, { skip: noTerminal }, async (t) => {
    const node = await fakeNode(t);
    const mon = inTerminal(t, ["mon", "--to", node.url]);
    await mon.shows(/live/);
    mon.signal(number);
    assert.deepEqual(await mon.ended, { code: null, signal: number, restored: true });
    assert.match(mon.output(), RESTORED);
  });
}

test("it ends when its terminal goes away", { skip: noTerminal }, async (t) => {
  const node = await fakeNode(t);
  const mon = inTerminal(t, ["mon", "--to", node.url]);
  await mon.shows(/live/);
  mon.hangup();
  const { code, signal } = await mon.ended;
  assert.ok(code === 0 || signal === 1, `${code} ${signal}`);
});

test("a fault of its own is told on the terminal as it was before", { skip: noTerminal }, async (t) => {
  const node = await fakeNode(t);
  const mon = inTerminal(t, ["mon", "--to", node.url]);
  await mon.shows(/live/);
  node.send({ ...overview(), totals: {} as never }); // No node sends this; the view cannot draw it.
  assert.deepEqual(await mon.ended, { code: 1, signal: null, restored: true });
  assert.match(mon.emulator.main, /TypeError/);
});

test("what log lines contain cannot reach the terminal", { skip: noTerminal }, async (t) => {
  const name = "\x1b]0;owned\x07\x9b2Jweb";
  const node = await fakeNode(t, overview({ servers: [server(name)] }));
  const mon = inTerminal(t, ["mon", "--to", node.url]);
  await mon.shows(/\\x1b\]0;owned/); // The emulator throws at what is none of the monitor's own sequences.
  mon.keys("q");
  await mon.ended;
});

test("NO_COLOR takes the colours away, a locale without UTF-8 all but ASCII", { skip: noTerminal }, async (t) => {
  const node = await fakeNode(t, overview({ servers: [server("größe")] }));
  const mon = inTerminal(t, ["mon", "--to", node.url], { env: { NO_COLOR: "1", LC_ALL: "C" } });
  await mon.shows(/gr\\u\{f6\}/);
  mon.keys("q");
  await mon.ended;
  assert.doesNotMatch(mon.output(), /\x1b\[[\d;]*3\dm|[^\x00-\x7f]/);
});

test("a terminal that cannot be drawn on gets a report", { skip: noTerminal }, async (t) => {
  const node = await fakeNode(t);
  const mon = inTerminal(t, ["mon", "--to", node.url], { env: { TERM: "dumb" } });
  assert.equal((await mon.ended).code, 0);
  assert.doesNotMatch(mon.output(), /\x1b/);
  assert.match(mon.output(), /Requests\/s +123/);
});

test("--once prints a report, with the groups and the span that were asked for", async (t) => {
  const node = await fakeNode(t);
  const { code, stdout, stderr } = await run(t, [
    "mon",
    "coolsite",
    "--once",
    "--to",
    node.url,
    "--span",
    "1h",
    "--server",
    "web1",
  ]);
  assert.equal(stderr, "");
  assert.equal(code, 0);
  assert.match(
    stdout,
    /Requests\/s +123 [\s\S]*Servers:\nSERVER [\s\S]*web1 [\s\S]*Status codes:[\s\S]*404 [\s\S]*Pages:[\s\S]*Anomalies:\nNothing/,
  );
  const asked = new URL(node.asked[0]!, "http://node");
  assert.equal(asked.pathname, "/v1/metrics/overview");
  assert.deepEqual(Object.fromEntries(asked.searchParams), {
    from: "3600s",
    top: "30",
    groups: "coolsite",
    servers: "web1",
  });
});

test("--json --once prints one overview, harmless and the same", async (t) => {
  const hostile = overview({ servers: [server("\x9b2J\u202e")] });
  const node = await fakeNode(t, hostile);
  const { code, stdout } = await run(t, ["mon", "--json", "--once", "--to", node.url]);
  assert.equal(code, 0);
  assert.doesNotMatch(stdout, /[\x80-\x9f\u202e]/);
  assert.deepEqual(JSON.parse(stdout), JSON.parse(JSON.stringify(hostile)));
});

test("--json prints an overview a line, and ends quietly when its reader has gone", async (t) => {
  const node = await fakeNode(t);
  const mon = start(t, ["mon", "--json", "--to", node.url]);
  await mon.waitFor(/\n/);
  assert.equal(JSON.parse(mon.stdout().trim()).atUs, overview().atUs);
  mon.child.stdout!.destroy();
  const more = setInterval(() => node.send(overview()), 100);
  const { code, stderr } = await mon.ended;
  clearInterval(more);
  assert.equal(code, 0);
  assert.equal(stderr, "");
});

test("--once ends with 69 when no node answers, and says which were asked", async (t) => {
  const node = await fakeNode(t);
  await node.stop();
  const { code, stderr, stdout } = await run(t, ["mon", "--once", "--to", node.url]);
  assert.equal(code, 69);
  assert.equal(stdout, "");
  assert.match(stderr, new RegExp(`no node answers: ${node.url}: .*ECONNREFUSED.*logspread up`));
});

test("wrong arguments are told with their mend", async (t) => {
  for (const args of [["--interval", "0"], ["--span", "soon"], ["--sort", "beauty"], ["a b"]]) {
    const { code, stderr } = await run(t, ["mon", "--once", ...args]);
    assert.equal(code, 2, stderr);
  }
});

const WITH_METRICS = "metrics: {}\noutputs: {}\n";

test("of a real node it shows what was published, as it comes", { skip: noTerminal }, async (t) => {
  const node = await startNode(t, undefined, undefined, WITH_METRICS);
  const line = (path: string, status: number) =>
    `192.0.2.7 - - [${apacheTime(new Date())}] "GET ${path} HTTP/1.1" ${status} 512 "-" "Mozilla/5.0"\n`;
  await publish(node.url, "coolsite", line("/first", 200).repeat(20), "apache@web1");
  const mon = inTerminal(t, ["mon", "coolsite", "--to", node.url, "--span", "1m"]);
  await mon.shows(/live[\s\S]*Requests +20 [\s\S]*\nweb1 /);
  mon.resize(120, 40);
  mon.keys("2");
  await mon.shows(/\n\/first +20 /);
  await publish(node.url, "coolsite", line("/\x1b[2J\u202e", 503).repeat(10), "apache@web2");
  await mon.shows(/Requests +30 [\s\S]*\nweb2 [\s\S]*\n\/.*2J\S* +10 /);
  mon.keys("3");
  await mon.shows(/\n503 {2}Service Unavailable +10 /);
  mon.keys("q");
  assert.deepEqual(await mon.ended, { code: 0, signal: null, restored: true });
  const { code, stdout } = await run(t, ["mon", "--once", "--json", "--to", node.url]);
  assert.equal(code, 0);
  assert.equal(JSON.parse(stdout).totals.requests, 30);
});

test("of a node without metrics it says how to have some", async (t) => {
  const node = await startNode(t);
  const { code, stderr } = await run(t, ["mon", "--once", "--to", node.url]);
  assert.equal(code, 1);
  assert.match(stderr, /gives no metrics: .*metrics: \{\}/);
});

/** "24/Nov/2026:13:55:36 +0000". */
function apacheTime(date: Date): string {
  const [, day, month, year, time] = /, (\d+) (\w+) (\d+) ([\d:]+)/.exec(date.toUTCString())!;
  return `${day}/${month}/${year}:${time} +0000`;
}
