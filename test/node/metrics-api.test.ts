import assert from "node:assert/strict";
import { cpSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Overview, SessionRow, TopRow } from "../../src/metrics/snapshot.ts";
import { start } from "../cli/logspread.ts";
import { tempFolder } from "../temp.ts";
import { waitFor } from "../wait.ts";
import { getText, messagesUrl, post, raw, testNode } from "./running.ts";

/** 2026-07-25T12:00:00Z, in µs. */
const NOON = 1_784_980_800e6;
const MINUTE = 60e6;

interface Asked {
  readonly address?: string;
  readonly path?: string;
  readonly status?: number;
  readonly bytes?: number | string;
  readonly referrer?: string;
  readonly agent?: string;
  readonly method?: string;
}

/** A line of the combined format. */
function line({ address = "192.0.2.1", path = "/", status = 200, bytes = 100, ...rest }: Asked = {}): string {
  const { referrer = "-", agent = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Firefox/130.0", method = "GET" } = rest;
  return `${address} - - [25/Jul/2026:12:00:00 +0000] "${method} ${path} HTTP/1.1" ${status} ${bytes} "${referrer}" "${agent}"\n`;
}

async function publish(url: string, lines: string, { group = "web", sender = "www-data@web1" } = {}): Promise<void> {
  const answer = await post(messagesUrl(url, group), lines, { "logspread-sender": sender });
  assert.equal(answer.status, 200);
}

async function getJson<T>(url: string): Promise<T> {
  const response = await fetch(url);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return JSON.parse(text) as T;
}

/** Asks until the overview is as it should be. */
async function overviewWith(url: string, query: string, wanted: (overview: Overview) => boolean): Promise<Overview> {
  let last: Overview | undefined;
  try {
    await waitFor(async () => {
      const response = await fetch(`${url}/v1/metrics/overview${query}`);
      if (response.status === 503) return false; // The thread is just starting.
      last = (await response.json()) as Overview;
      return response.status === 200 && wanted(last);
    }, 15_000);
  } catch (error) {
    assert.fail(`${String(error)}; the last was ${JSON.stringify({ ...last, series: undefined })}`);
  }
  return last!;
}

/** A node whose clock is moved by hand. */
async function nodeAt(t: TestContext, overrides: Record<string, unknown> = {}, timeUs = NOON) {
  const clock = { us: timeUs };
  const node = await testNode(t, { metrics: {}, ...overrides }, { nowUs: () => clock.us });
  return { node, clock, url: node.url };
}

/** Sums of 60 seconds each. */
function perMinute(seconds: readonly number[]): number[] {
  const minutes: number[] = [];
  for (const [i, count] of seconds.entries()) minutes[Math.floor(i / 60)] = (minutes[Math.floor(i / 60)] ?? 0) + count;
  return minutes;
}

const all = (from: number, to: number) => `?from=@${from / 1e6}&to=@${to / 1e6}`;
const requests =
  (count: number) =>
  ({ totals }: Overview): boolean =>
    totals.requests === count;

test("what is published shows in the overview within two seconds, counted exactly", async (t) => {
  const { url } = await testNode(t, { metrics: {} });
  await overviewWith(url, "", () => true);
  const started = performance.now();
  const lines = [
    ...Array.from({ length: 6 }, (_, i) => line({ path: "/a", bytes: 1000 + i })),
    line({ path: "/missing", status: 404, bytes: 10 }),
    line({ status: 503, bytes: "-" }),
    "no access log\n",
  ];
  await publish(url, lines.join(""));
  await publish(url, line({ path: "/b", method: "POST", address: "192.0.2.2" }), { sender: "www-data@web2" });
  const { totals, codes, servers, tops, groups, simulated } = await overviewWith(url, "", requests(9));
  assert.ok(performance.now() - started < 2000, `it took ${performance.now() - started} ms`);
  assert.deepEqual(
    [totals.bytes, totals.classes, totals.unparsed, totals.visitors],
    [6125, [0, 0, 7, 0, 1, 1], { "too-short": 1 }, 2],
  );
  assert.deepEqual(
    codes.map(({ status, requests }) => [status, requests]),
    [
      [200, 7],
      [404, 1],
      [503, 1],
    ],
  );
  assert.deepEqual(
    servers.map(({ server, requests }) => [server, requests]),
    [
      ["web1", 8],
      ["web2", 1],
    ],
  );
  assert.deepEqual(tops.pages!.map(({ key, requests }) => [key, requests]).slice(0, 1), [["/a", 6]]);
  assert.deepEqual([groups, simulated], [[{ group: "web", requests: 9 }], false]);
});

test("a restart counts nothing twice and loses nothing, whether the node was stopped or killed", async (t) => {
  const first = await nodeAt(t);
  for (let minute = 0; minute < 3; minute++) {
    first.clock.us = NOON + minute * MINUTE;
    await publish(first.url, line().repeat(minute + 1));
    first.clock.us += 2e6;
    await publish(first.url, line({ address: "192.0.2.9" }), { sender: "www-data@web2" });
  }
  const span = all(NOON, NOON + 10 * MINUTE);
  first.clock.us = NOON + 2 * MINUTE + 10e6;
  await overviewWith(first.url, span, requests(9));
  // The folder as a kill would leave it.
  const killed = tempFolder(t);
  cpSync(first.node.data, killed, { recursive: true });
  await first.node.close();
  const compare = await Promise.all(
    [first.node.data, killed].map(async (data) => {
      const again = await nodeAt(t, { data }, NOON + 2 * MINUTE + 20e6);
      const before = await overviewWith(again.url, span, requests(9));
      await publish(again.url, line().repeat(10));
      again.clock.us = NOON + 3 * MINUTE + 1e6;
      const after = await overviewWith(again.url, span, requests(19));
      return [before, after].map(({ totals, series, servers }) => [
        totals.bytes,
        totals.visitors,
        [0, 1, 2].map((minute) => perMinute(series.requests)[minute]),
        servers.map((row) => [row.server, row.requests]),
      ]);
    }),
  );
  assert.deepEqual(compare[0], [
    [
      900,
      2,
      [2, 3, 4],
      [
        ["web1", 6],
        ["web2", 3],
      ],
    ],
    [
      1900,
      2,
      [2, 3, 14],
      [
        ["web1", 16],
        ["web2", 3],
      ],
    ],
  ]);
  assert.deepEqual(compare[1], compare[0]);
});

test("a node that is killed goes on with the same counts", async (t) => {
  const folder = tempFolder(t);
  const args = ["up", "--data", folder, "--listen", "127.0.0.1:0"];
  const first = start(t, args, { cwd: folder });
  const url = (await first.waitFor(/listening on ([^\s"]+)/))[1]!;
  await publish(url, line().repeat(1000));
  await overviewWith(url, "", requests(1000));
  first.child.kill("SIGKILL");
  await first.ended;
  const second = start(t, args, { cwd: folder });
  const again = (await second.waitFor(/listening on ([^\s"]+)/))[1]!;
  await publish(again, line().repeat(10));
  const { totals } = await overviewWith(again, "", requests(1010));
  assert.equal(totals.bytes, 101_000);
});

test("what memory has forgotten is told from history, by the hour and the day, and the minute under way is in it", async (t) => {
  const { url, clock } = await nodeAt(t, { metrics: { minutes: 5 } });
  await overviewWith(url, "", () => true);
  for (let hour = 0; hour < 60; hour += 6) {
    clock.us = NOON + hour * 60 * MINUTE;
    await publish(url, line({ path: `/${hour}` }).repeat(2));
  }
  clock.us += 5e6;
  const span = all(NOON, clock.us);
  const whole = await overviewWith(url, span, requests(20));
  assert.equal(whole.series.stepS, 3600);
  assert.deepEqual(whole.series.requests.slice(0, 7), [2, 0, 0, 0, 0, 0, 2]);
  const { rows } = await getJson<{ rows: TopRow[] }>(`${url}/v1/metrics/top/pages${span}&limit=3`);
  assert.equal(rows.length, 3);
  const part = await overviewWith(url, all(NOON + 6 * 60 * MINUTE, NOON + 7 * 60 * MINUTE), requests(2));
  assert.equal(part.series.stepS, 60);
});

test("addresses and queries are nowhere in the answers and in the file of history when privacy says so", async (t) => {
  const secrets = ["198.51.100.77", "2001:db8:77:88::99", "hunter2", "gandalf", "mellon"];
  for (const [address, query] of [
    ["hash", "drop"],
    ["truncate", ["token", "pw"]],
  ] as const) {
    const { url, clock, node } = await nodeAt(t, { metrics: { privacy: { address, query } } });
    const [four, six] = secrets;
    await publish(
      url,
      line({ address: four, path: "/in?token=hunter2&page=2", referrer: "http://x.example/?pw=gandalf" }) +
        line({ address: six, path: "/out?a=1&pw=mellon" }) +
        `${four} is not hunter2 in any format\n`,
    );
    clock.us += MINUTE + 2e6;
    await publish(url, line());
    clock.us += 2e6;
    await overviewWith(url, all(NOON, clock.us), requests(3));
    await waitFor(async () => (await getText(`${url}/metrics`)).includes('what="minutesStored"} 1'));
    const shown = await Promise.all(
      [
        `overview${all(NOON, clock.us)}`,
        "sessions",
        `top/addresses${all(NOON, clock.us)}`,
        `top/pages${all(NOON, clock.us)}`,
        `top/referrers${all(NOON, clock.us)}`,
        "anomalies",
      ].map((path) => getText(`${url}/v1/metrics/${path}`)),
    );
    const folder = join(node.data, "metrics");
    const stored = readdirSync(folder).map((name) => readFileSync(join(folder, name), "latin1"));
    assert.ok(stored.join().includes("/out"), "the page is there, so the test looks at the right file");
    for (const secret of secrets) {
      assert.equal(shown.join().includes(secret), false, `${secret} is shown with ${address}`);
      assert.equal(stored.join().includes(secret), false, `${secret} is stored with ${address}`);
    }
    if (address === "truncate") assert.match(shown.join(), /198\.51\.100\.0/);
    await node.close();
  }
});

/** Events of a stream, until there are `count` of them or it ends. */
async function eventsOf(
  url: string,
  count: number,
  t: TestContext,
): Promise<{ id: number; name: string; data: string }[]> {
  const stop = new AbortController();
  t.after(() => stop.abort());
  const response = await fetch(url, { signal: stop.signal });
  assert.equal(response.status, 200);
  assert.match(response.headers.get("content-type")!, /^text\/event-stream/);
  let text = "";
  const events: { id: number; name: string; data: string }[] = [];
  for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
    text += piece;
    for (let end = text.indexOf("\n\n"); end !== -1; end = text.indexOf("\n\n")) {
      const found = /^id: (\d+)\nevent: (\w+)\ndata: (.*)$/.exec(text.slice(0, end));
      text = text.slice(end + 2);
      if (found) events.push({ id: Number(found[1]), name: found[2]!, data: found[3]! });
    }
    if (events.length >= count) break;
  }
  stop.abort();
  return events;
}

test("the live stream sends an overview a second, to each who looks", async (t) => {
  const { url } = await testNode(t, { metrics: {} });
  await overviewWith(url, "", () => true);
  const streams = [1, 2].map(() => eventsOf(`${url}/v1/metrics/live?span=60&groups=web`, 3, t));
  await publish(url, line().repeat(5));
  await publish(url, line(), { group: "other" });
  for (const events of await Promise.all(streams)) {
    assert.deepEqual([...new Set(events.map(({ name }) => name))], ["overview"]);
    assert.ok(events[2]!.id > events[0]!.id);
    const last = JSON.parse(events[2]!.data) as Overview;
    assert.deepEqual([last.totals.requests, last.scope.groups], [5, ["web"]]);
    assert.equal(last.scope.toUs - last.scope.fromUs, 60e6);
  }
});

test("a replay shows the past once more, with the same counts, and ends", async (t) => {
  const { url, clock } = await nodeAt(t);
  for (let second = 0; second < 40; second += 4) {
    clock.us = NOON + second * 1e6;
    await publish(url, line({ path: `/${second}` }).repeat(3));
  }
  clock.us = NOON + 60e6;
  const events = await eventsOf(`${url}/v1/metrics/replay${all(NOON, NOON + 30e6)}&speed=15`, 100, t);
  assert.equal(events.at(-1)!.name, "end");
  const overviews = events.slice(0, -1).map(({ data }) => JSON.parse(data) as Overview);
  assert.ok(overviews.length >= 2, `${overviews.length} overviews`);
  assert.ok(overviews[0]!.totals.requests < 24);
  assert.equal(overviews.at(-1)!.totals.requests, 24);
});

test("two replays are shown at once, and a third is refused until one has gone", async (t) => {
  const { url } = await testNode(t, { metrics: {} });
  await publish(url, line());
  const address = `${url}/v1/metrics/replay?from=1h`;
  const stops = [new AbortController(), new AbortController()];
  for (const { signal } of stops) assert.equal((await fetch(address, { signal })).status, 200);
  const refused = await fetch(address);
  assert.deepEqual([refused.status, ((await refused.json()) as { code: string }).code], [429, "BUSY"]);
  for (const stop of stops) stop.abort();
  const third = new AbortController();
  await waitFor(async () => {
    const response = await fetch(address, { signal: third.signal });
    return response.status === 200;
  });
  third.abort();
});

test("hostile lines are counted and shown as data, and stop nothing", async (t) => {
  const { url } = await testNode(t, { metrics: {} });
  const nasty = [
    line({ path: '/<script>alert("x")</script>', agent: "\u001b[31m</title>", referrer: "javascript:alert(1)" }),
    line({ path: `/${"x".repeat(20_000)}` }),
    line({ path: "/\u0000\u0007\u202e", address: "999.999.999.999" }),
    '{"status": {"a": [[[[]]]]}\n',
    `${"[".repeat(5000)}\n`,
    "\n",
  ];
  await publish(url, Array.from({ length: 20 }, () => line()).join("") + nasty.join(""));
  const { totals, tops } = await overviewWith(url, "", ({ totals }) => totals.requests >= 23);
  assert.equal(totals.requests + Object.values(totals.unparsed).reduce((sum, n) => sum + n, 0), 26);
  assert.ok(tops.pages!.every(({ key }) => key.length <= 512));
  const metrics = await getText(`${url}/metrics`);
  assert.equal(/<|\u001b/.test(metrics), false);
});

test("a group that nobody publishes to is empty, not an error", async (t) => {
  const { url } = await testNode(t, { metrics: {} });
  await publish(url, line());
  await overviewWith(url, "", requests(1));
  const none = await overviewWith(url, "?groups=nothing,no-*", () => true);
  assert.deepEqual([none.totals.requests, none.servers, none.groups, none.tops], [0, [], [], {}]);
});

test("simulated traffic is told to be simulated, in answers and streams", async (t) => {
  const { url } = await testNode(t, { metrics: {} }, { simulated: true });
  assert.equal((await overviewWith(url, "", () => true)).simulated, true);
  const [event] = await eventsOf(`${url}/v1/metrics/live`, 1, t);
  assert.equal((JSON.parse(event!.data) as Overview).simulated, true);
});

test("what cannot be understood is refused and says how to ask", async (t) => {
  const { url } = await testNode(t, { metrics: {} });
  for (const [path, status] of [
    ["overview?from=yesterday", 400],
    ["overview?from=10m&to=20m", 400],
    ["overview?grups=x", 400],
    ["overview?top=100000", 400],
    ["overview?groups=a%2Fb", 400],
    ["overview?from=1m&from=2m", 400],
    ["live?span=0", 400],
    ["top/everything", 404],
    ["replay", 400],
    ["replay?from=1h&speed=61", 400],
  ] as const) {
    const response = await fetch(`${url}/v1/metrics/${path}`);
    const problem = (await response.json()) as { fix: string };
    assert.equal(response.status, status, path);
    assert.ok(problem.fix.length > 0, path);
  }
});

test("without metrics, every path of theirs says how to turn them on", async (t) => {
  const { url } = await testNode(t);
  for (const path of ["overview", "live", "top/pages", "sessions", "sessions/x", "anomalies", "replay?from=1h"]) {
    const response = await fetch(`${url}/v1/metrics/${path}`);
    const { code, fix } = (await response.json()) as { code: string; fix: string };
    assert.deepEqual([response.status, code], [404, "NOT_FOUND"], path);
    assert.match(fix, /metrics: \{\}/);
  }
});

test("a visitor is followed across servers, found by what the visit mentions, and gone when unknown", async (t) => {
  const { url } = await testNode(t, { metrics: {} });
  await publish(url, line({ path: "/start", address: "192.0.2.7" }), { sender: "w@web1" });
  await publish(url, line({ path: "/end", address: "192.0.2.7" }), { sender: "w@web2" });
  await publish(url, line({ path: "/else", address: "192.0.2.8" }), { sender: "w@web2" });
  await overviewWith(url, "", requests(3));
  const { rows, online } = await getJson<{ rows: SessionRow[]; online: number }>(
    `${url}/v1/metrics/sessions?q=192.0.2.7`,
  );
  assert.deepEqual([online, rows.map(({ servers }) => servers)], [2, [["web1", "web2"]]]);
  const one = await getJson<SessionRow>(`${url}/v1/metrics/sessions/${rows[0]!.id}`);
  assert.deepEqual(one.clicks.map(({ path }) => path).sort(), ["/end", "/start"]);
  assert.equal((await fetch(`${url}/v1/metrics/sessions/0123456789abcdef`)).status, 404);
});

test("Prometheus gets the traffic that came since the start, and labels that are bounded", async (t) => {
  const data = tempFolder(t);
  const first = await testNode(t, { metrics: {}, data });
  await publish(first.url, line().repeat(5));
  await overviewWith(first.url, "", requests(5));
  await first.close();
  const { url } = await testNode(t, {
    metrics: { formats: { timed: '%h %l %u %t "%r" %>s %b %D' } },
    data,
  });
  await publish(url, `${line().repeat(2)}${line({ method: "BREW", status: 500 })}nonsense\n`);
  await publish(url, '192.0.2.1 - - [25/Jul/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 5 60000\n', {
    group: "timed",
    sender: "x@t1",
  });
  await overviewWith(url, "", requests(9));
  const text = await getText(`${url}/metrics`);
  for (const wanted of [
    'logspread_http_requests_total{server="web1",method="GET",status_class="2xx"} 2',
    'logspread_http_requests_total{server="web1",method="_OTHER",status_class="5xx"} 1',
    'logspread_http_response_bytes_total{server="web1"} 300',
    'logspread_http_request_duration_seconds_bucket{server="t1",le="0.05"} 0',
    'logspread_http_request_duration_seconds_bucket{server="t1",le="0.075"} 1',
    'logspread_http_request_duration_seconds_count{server="t1"} 1',
    'logspread_lines_unparsed_total{source="web1",format="combined"} 1',
    "logspread_sessions_active 2", // A group is a site of its own.
  ]) {
    assert.ok(
      text.includes(`${wanted}\n`),
      `${wanted} is missing in\n${text.match(/^logspread_(http|sess|lines_unp).*$/gm)?.join("\n")}`,
    );
  }
});

test("a client that reads nothing of the live stream does not hold up the node's stop", async (t) => {
  const node = await testNode(t, { metrics: {}, limits: { shutdown: "3s" } });
  await overviewWith(node.url, "", () => true);
  const silent = raw(node.url, "GET /v1/metrics/live HTTP/1.1\r\nHost: x\r\n\r\n");
  await waitFor(async () => (await fetch(`${node.url}/healthz`)).ok);
  const started = performance.now();
  await node.close();
  assert.match(await silent, /text\/event-stream/);
  assert.ok(performance.now() - started < 3000);
});
