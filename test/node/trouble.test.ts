/** The API before a bus that fails as a real one may: full disk, failed disk, closed, slow. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Bus, Receipt } from "../../src/bus/bus.ts";
import { EmbeddedBus } from "../../src/bus/embedded/embedded.ts";
import { Ledger } from "../../src/bus/ledger.ts";
import { type Batch, newProducer } from "../../src/message/batch.ts";
import { batchOfLines } from "../../src/message/body.ts";
import { type ErrorCode, LogspreadError } from "../../src/message/error.ts";
import { createApi } from "../../src/node/api/api.ts";
import { listen } from "../../src/node/api/listen.ts";
import { Followers } from "../../src/node/followers.ts";
import { loadConfig } from "../../src/node/load-config.ts";
import { Metrics } from "../../src/node/metrics.ts";
import { tempFolder } from "../temp.ts";
import { waitFor } from "../wait.ts";
import { messagesUrl, post } from "./running.ts";

/** An API whose bus publishes as `publish` says. */
async function apiWith(t: TestContext, publish: (batch: Batch, bus: Bus) => Promise<Receipt>, limits = {}) {
  const { config } = loadConfig({ env: {}, cwd: "/", overrides: { data: tempFolder(t), outputs: {}, limits } });
  const report = () => {};
  const nowUs = () => Date.now() * 1000;
  const engine = await EmbeddedBus.open(config.data, config.bus.embedded, { nowUs, report });
  const ledger = await Ledger.open(engine, { nowUs, report, nodeName: "n" });
  const metrics = new Metrics();
  const bus: Bus = metrics.metered({
    publish: (batch) => publish(batch, ledger),
    subscribe: (what, signal) => ledger.subscribe(what, signal),
    cursor: (name) => ledger.cursor(name),
    status: () => ledger.status(),
    close: () => ledger.close(),
  });
  const followers = new Followers();
  const api = await createApi({
    bus,
    ledger,
    metrics,
    followers,
    limits: { ...config.limits, bodyIdleMs: 60_000 },
    nowUs,
    nodeName: "n",
    version: "0",
    report,
    unready: () => [],
    heartbeatMs: 10_000,
    live: undefined,
  });
  const server = await listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, api.handler, { connections: 1000 });
  t.after(async () => {
    await server.close();
    await api.close();
    await ledger.close();
  });
  return { url: server.url, bus: ledger };
}

function failing(code: ErrorCode): Promise<never> {
  return Promise.reject(new LogspreadError(code, { what: "cannot store", why: code, fix: "mend it" }));
}

for (const [code, status, retryAfter] of [
  ["DISK_FULL", 507, true],
  ["BUS_CLOSED", 503, true],
  ["BUS_UNREACHABLE", 503, true],
  ["BUSY", 429, true],
  ["DISK_FAILED", 500, false],
] as const) {
  test(`${code} is answered with ${status}, for lines and for frames`, async (t) => {
    const { url } = await apiWith(t, () => failing(code));
    const label = { group: "web", sender: "t@t", producer: newProducer(), sequence: 1, createdUs: 1 };
    const { frame } = await batchOfLines(label, Buffer.from("a\n"));
    for (const [body, type] of [
      ["a\n", "text/plain"],
      [frame, "application/vnd.logspread.frames"],
    ] as const) {
      const answer = await post(messagesUrl(url), body, { "content-type": type });
      assert.deepEqual([answer.status, answer.json.code], [status, code]);
      assert.equal(answer.headers.has("retry-after"), retryAfter);
    }
  });
}

test("while the disk is full the node is not ready and says why; then it is again", async (t) => {
  let full = true;
  const { url } = await apiWith(t, (batch, bus) => (full ? failing("DISK_FULL") : bus.publish(batch)));
  const ready = async () => {
    const response = await fetch(`${url}/readyz`);
    return { status: response.status, ...((await response.json()) as { reasons: string[] }) };
  };
  assert.equal((await ready()).status, 200);
  await post(messagesUrl(url), "a");
  const { status, reasons } = await ready();
  assert.equal(status, 503);
  assert.match(reasons[0]!, /DISK_FULL/);
  full = false;
  await post(messagesUrl(url), "a");
  assert.equal((await ready()).status, 200);
});

test("a disk that fills up in the middle of a body: what is stored is told, and nothing behind it is stored", async (t) => {
  let batches = 0;
  const { url, bus } = await apiWith(t, (batch, inner) =>
    ++batches > 2 ? failing("DISK_FULL") : inner.publish(batch),
  );
  const { status, json } = await post(messagesUrl(url), "0123456789abcdef\n".repeat(400_000));
  assert.equal(status, 507);
  assert.equal(json.stored.batches, 2);
  const [group] = (await bus.status()).groups;
  assert.equal(group!.messages, json.stored.messages);
});

test("frames before the first that failed have their receipts in the problem", async (t) => {
  const { url } = await apiWith(t, (batch, bus) => (batch.sequence === 2 ? failing("DISK_FULL") : bus.publish(batch)));
  const label = { group: "web", sender: "t@t", producer: newProducer(), createdUs: 1 };
  const frames = await Promise.all(
    [1, 2].map(async (sequence) => (await batchOfLines({ ...label, sequence }, Buffer.from("a\n"))).frame),
  );
  const headers = { "content-type": "application/vnd.logspread.frames" };
  const { json } = await post(messagesUrl(url), Buffer.concat(frames), headers);
  assert.deepEqual([json.receipts.length, json.receipts[0].position], [1, 1]);
});

test("when too many bytes wait for the disk, more are refused with 429 until there is room", async (t) => {
  let release = () => {};
  const disk = new Promise<void>((resolve) => (release = resolve));
  let waiting = 0;
  const { url } = await apiWith(
    t,
    async (batch, bus) => {
      waiting++;
      await disk;
      return bus.publish(batch);
    },
    { inFlightBytes: 1000 },
  );
  const first = post(messagesUrl(url), "x".repeat(900));
  await waitFor(() => waiting === 1);
  const { status, headers, json } = await post(messagesUrl(url), "y".repeat(200));
  assert.deepEqual([status, json.code, headers.get("retry-after")], [429, "BUSY", "1"]);
  release();
  assert.equal((await first).status, 200);
  assert.equal((await post(messagesUrl(url), "y".repeat(200))).status, 200);
});

test("a fault of the program is answered without its text, and the node goes on", async (t) => {
  const { url } = await apiWith(t, () => Promise.reject(new TypeError("secret detail")));
  const { status, json } = await post(messagesUrl(url), "a");
  assert.deepEqual([status, json.code], [500, "INTERNAL"]);
  assert.doesNotMatch(JSON.stringify(json), /secret/);
  assert.equal((await fetch(`${url}/healthz`)).status, 200);
});
