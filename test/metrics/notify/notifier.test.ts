import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { AnomalyEvent } from "../../../src/metrics/anomalies/book.ts";
import { notifyConfig } from "../../../src/metrics/notify/config.ts";
import { Notifier } from "../../../src/metrics/notify/notifier.ts";
import type { Anomaly } from "../../../src/metrics/snapshot.ts";

const OPENED_US = Date.UTC(2026, 6, 25, 12) * 1000;

function eventOf(id: number, change: Partial<Anomaly> = {}): AnomalyEvent {
  const anomaly: Anomaly = {
    id,
    kind: "errors",
    subject: "www3",
    group: "web",
    openedUs: OPENED_US,
    closedUs: null,
    value: 0.05,
    expected: 0.002,
    text: "5 % of the answers of www3 are errors (5xx); 0.2 % is usual for it.",
    ...change,
  };
  return { event: anomaly.closedUs === null ? "opened" : "closed", anomaly };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(5);
}

interface Taken {
  readonly headers: http.IncomingHttpHeaders;
  readonly body: { event: string; time: string; key: string; node: string; anomaly: Anomaly };
}

/** A server that answers as `answer` says; an answer of 0 never comes. */
async function serverOf(t: TestContext, answer: (n: number) => number, location?: string) {
  const taken: Taken[] = [];
  const server = http.createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    taken.push({ headers: request.headers, body: JSON.parse(body) });
    const status = answer(taken.length);
    if (status === 0) return;
    response.writeHead(status, location === undefined ? {} : { location }).end("thanks");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { taken, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?secret=1` };
}

function notifierOf(t: TestContext, config: Parameters<typeof notifyConfig.parse>[0]) {
  const reports: string[] = [];
  const waits: number[] = [];
  const notifier = new Notifier(notifyConfig.parse(config), {
    node: "node-1",
    nowUs: () => OPENED_US + 1e6,
    report: (_, text) => reports.push(text),
    pauses: { sleep: async (ms) => void waits.push(ms), random: () => 0.5 },
  });
  t.after(() => notifier.close());
  return { notifier, reports, waits, counters: notifier.counters };
}

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "logspread-notify-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function scriptOf(folder: string, text: string): string[] {
  const path = join(folder, "script.sh");
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
  return [path, folder];
}

// Webhooks ------------------------------------------------------------------------------------------------------------

test("a webhook gets opening and closing in their order, as JSON with the configured headers", async (t) => {
  const { taken, url } = await serverOf(t, () => 204);
  const { notifier, counters } = notifierOf(t, { webhooks: [{ url, headers: { Authorization: "Bearer x" } }] });
  notifier.tell(eventOf(1));
  notifier.tell(eventOf(1, { closedUs: OPENED_US + 60e6 }));
  await until(() => counters.sent === 2);
  assert.deepEqual(
    taken.map(({ body }) => [body.event, body.time]),
    [
      ["opened", "2026-07-25T12:00:00.000000Z"],
      ["closed", "2026-07-25T12:01:00.000000Z"],
    ],
  );
  assert.equal(taken[0]!.body.key, taken[1]!.body.key);
  assert.equal(taken[0]!.body.node, "node-1");
  assert.deepEqual(taken[0]!.body.anomaly, eventOf(1).anomaly);
  assert.equal(taken[0]!.headers.authorization, "Bearer x");
  assert.equal(taken[0]!.headers["content-type"], "application/json");
});

test("a webhook that fails for a while is tried again, with growing waits", async (t) => {
  const { taken, url } = await serverOf(t, (n) => (n < 4 ? 503 : 200));
  const { notifier, counters, waits } = notifierOf(t, { webhooks: [{ url }] });
  notifier.tell(eventOf(1));
  await until(() => counters.sent === 1);
  assert.equal(taken.length, 4);
  assert.deepEqual(waits, [1000, 2000, 4000]);
});

test("a webhook that fails all the time is given up, counted and reported, without its secret path", async (t) => {
  const { taken, url } = await serverOf(t, () => 500);
  const { notifier, counters, reports } = notifierOf(t, { webhooks: [{ url, attempts: 3 }] });
  notifier.tell(eventOf(1));
  await until(() => counters.failed === 1);
  assert.equal(taken.length, 3);
  const { host } = new URL(url);
  assert.deepEqual(reports, [`webhook ${host} could not be told of an anomaly: it answered 500 (3 tries)`]);
});

test("a webhook that refuses is not asked again", async (t) => {
  const { taken, url } = await serverOf(t, () => 403);
  const { notifier, counters } = notifierOf(t, { webhooks: [{ url }] });
  notifier.tell(eventOf(1));
  await until(() => counters.failed === 1);
  assert.equal(taken.length, 1);
});

test("a redirect is not followed", async (t) => {
  const elsewhere = await serverOf(t, () => 200);
  const { url } = await serverOf(t, () => 307, elsewhere.url);
  const { notifier, counters } = notifierOf(t, { webhooks: [{ url }] });
  notifier.tell(eventOf(1));
  await until(() => counters.failed === 1);
  assert.equal(elsewhere.taken.length, 0);
});

test("a webhook that does not answer in time, or is not there, is a failure that says so", async (t) => {
  const { url } = await serverOf(t, () => 0);
  const { notifier, counters, reports } = notifierOf(t, {
    webhooks: [
      { url, timeout: "50ms", attempts: 1 },
      { url: "http://127.0.0.1:1/", attempts: 1 },
    ],
  });
  notifier.tell(eventOf(1));
  await until(() => counters.failed === 2);
  assert.match(reports.join(), /no answer within 50 ms/);
  assert.match(reports.join(), /ECONNREFUSED|bad port/);
});

test("telling never waits; what does not fit into the queue is dropped and counted", async (t) => {
  const { url } = await serverOf(t, () => 0);
  const { notifier, counters } = notifierOf(t, { webhooks: [{ url, queue: 3 }] });
  for (let i = 0; i < 10; i++) notifier.tell(eventOf(i));
  assert.equal(counters.dropped, 6); // one is under way, three wait
  await notifier.close();
  assert.equal(counters.dropped, 9);
  assert.equal(counters.failed, 1);
});

test("one webhook that hangs holds up no other", async (t) => {
  const hanging = await serverOf(t, () => 0);
  const { taken, url } = await serverOf(t, () => 200);
  const { notifier } = notifierOf(t, { webhooks: [{ url: hanging.url }, { url }] });
  for (let i = 0; i < 3; i++) notifier.tell(eventOf(i));
  await until(() => taken.length === 3);
});

test("what is long past, or of a kind that nobody asked for, is not told", async (t) => {
  const { taken, url } = await serverOf(t, () => 200);
  const { notifier, counters } = notifierOf(t, { webhooks: [{ url }], kinds: ["errors"] });
  notifier.tell(eventOf(1, { openedUs: OPENED_US - 3600e6 }));
  notifier.tell(eventOf(2, { kind: "clock" }));
  notifier.tell(eventOf(3));
  await until(() => counters.sent === 1);
  assert.deepEqual(
    taken.map(({ body }) => body.anomaly.id),
    [3],
  );
});

// Programs ------------------------------------------------------------------------------------------------------------

test("a program gets the notification on standard input, and its arguments as they stand", async (t) => {
  const folder = folderOf(t);
  const command = scriptOf(folder, 'cat > "$1/got"; echo "$2" > "$1/argument"');
  const { notifier, counters } = notifierOf(t, { exec: [{ command: [...command, "$(id); `id`"] }] });
  notifier.tell(eventOf(1, { subject: "/$(touch x)" }));
  await until(() => counters.sent === 1);
  assert.equal(JSON.parse(readFileSync(join(folder, "got"), "utf8")).anomaly.subject, "/$(touch x)");
  assert.equal(readFileSync(join(folder, "argument"), "utf8"), "$(id); `id`\n");
});

test("a program that fails is counted and reported with what it said", async (t) => {
  const command = scriptOf(folderOf(t), "echo no pager here >&2; exit 3");
  const { notifier, counters, reports } = notifierOf(t, { exec: [{ command }] });
  notifier.tell(eventOf(1));
  await until(() => counters.failed === 1);
  assert.match(reports[0]!, /it ended with status 3: no pager here$/);
});

test("a program that is not there is a failure, not a crash", async (t) => {
  const { notifier, counters, reports } = notifierOf(t, { exec: [{ command: ["/nowhere/pager"] }] });
  notifier.tell(eventOf(1));
  await until(() => counters.failed === 1);
  assert.match(reports[0]!, /ENOENT/);
});

test("a program that does not read its input is no failure", async (t) => {
  const { notifier, counters } = notifierOf(t, { exec: [{ command: ["/bin/true"] }] });
  notifier.tell(eventOf(1, { text: "x".repeat(1_000_000) }));
  await until(() => counters.sent === 1);
});

test("a program that runs for too long is ended, with what it started", async (t) => {
  const folder = folderOf(t);
  const command = scriptOf(folder, 'sleep 600 & echo $! > "$1/child.new"; mv "$1/child.new" "$1/child"; wait');
  const { notifier, counters, reports } = notifierOf(t, { exec: [{ command, timeout: "2s" }] });
  notifier.tell(eventOf(1));
  await until(() => counters.failed === 1);
  assert.match(reports[0]!, /it ran for longer than 2000 ms/);
  const child = Number(readFileSync(join(folder, "child"), "utf8"));
  await until(() => !isRunning(child));
});

test("only as many programs run at once as may", async (t) => {
  const folder = folderOf(t);
  // mkdir fails if another one is inside.
  const command = scriptOf(folder, 'mkdir "$1/inside" && sleep 0.02 && rmdir "$1/inside"');
  const { notifier, counters } = notifierOf(t, { exec: [{ command }] });
  for (let i = 0; i < 8; i++) notifier.tell(eventOf(i));
  await until(() => counters.sent + counters.failed === 8);
  assert.equal(counters.failed, 0);
});

test("closing ends the programs that run", async (t) => {
  const folder = folderOf(t);
  const command = scriptOf(folder, 'touch "$1/started"; sleep 600');
  const { notifier, counters } = notifierOf(t, { exec: [{ command }] });
  notifier.tell(eventOf(1));
  await until(() => existsSync(join(folder, "started")));
  await notifier.close();
  assert.equal(counters.failed, 1);
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie, if nobody waits for it here, does not run.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
