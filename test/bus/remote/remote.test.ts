import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Bus, Receipt } from "../../../src/bus/bus.ts";
import type { Chance } from "../../../src/bus/remote/nodes.ts";
import { type RemoteConfig, remote } from "../../../src/bus/remote/remote.ts";
import { type Batch, newProducer } from "../../../src/message/batch.ts";
import { batchOfLines } from "../../../src/message/body.ts";
import type { Delivery } from "../../../src/message/delivery.ts";
import { LogspreadError } from "../../../src/message/error.ts";
import { tempFolder } from "../../temp.ts";
import { waitFor } from "../../wait.ts";
import { FakeNode } from "./fake-node.ts";

const producer = newProducer();

function batchOf(sequence: number, text = `line ${sequence}\n`, group = "web"): Promise<Batch> {
  return batchOfLines({ group, sender: "me@here", producer, sequence, createdUs: 1 }, Buffer.from(text));
}

/** Waits that take no time, and are written down. */
class QuickChance implements Chance {
  readonly sleeps: number[] = [];
  #now = 0;

  now(): number {
    return this.#now;
  }

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    this.sleeps.push(ms);
    this.#now += ms;
    await new Promise((resolve) => setTimeout(resolve, 1));
    signal.throwIfAborted();
  }

  random(): number {
    return 0.5;
  }
}

function openRemote(
  t: TestContext,
  nodes: string[],
  config: Partial<RemoteConfig> = {},
  chance: Chance = new QuickChance(),
): Bus {
  const bus = remote({ nodes, giveUpAfterMs: Number.POSITIVE_INFINITY, ...config }, { report: () => {}, chance });
  t.after(() => bus.close());
  return bus;
}

const stored = (receipts: readonly Receipt[]) => receipts.map((r) => (r.kind === "stored" ? r.position : r.kind));

async function take(deliveries: AsyncIterable<Delivery>, n: number): Promise<Delivery[]> {
  const taken: Delivery[] = [];
  for await (const delivery of deliveries) if (taken.push(delivery) === n) break;
  return taken;
}

const sequences = (deliveries: readonly Delivery[]) =>
  deliveries.map((d) => (d.kind === "batch" ? d.batch.sequence : d.kind));

test("a publish resolves with the place that the node gave", async (t) => {
  const node = await FakeNode.start(t);
  const bus = openRemote(t, [node.url]);
  assert.deepEqual(stored([await bus.publish(await batchOf(1)), await bus.publish(await batchOf(2))]), [1, 2]);
  assert.deepEqual(await bus.publish(await batchOf(2)), { kind: "duplicate" });
});

test("what is ready goes in one request, one request at a time, in order", async (t) => {
  const node = await FakeNode.start(t);
  const bus = openRemote(t, [node.url]);
  const batches = await Promise.all(Array.from({ length: 50 }, (_, i) => batchOf(i + 1)));
  const receipts = await Promise.all(batches.map((batch) => bus.publish(batch)));
  assert.deepEqual(
    stored(receipts),
    batches.map(({ sequence }) => sequence),
  );
  assert.deepEqual(node.groupSizes, [50]);
});

test("a request is bounded, however much is ready", async (t) => {
  const node = await FakeNode.start(t);
  const bus = openRemote(t, [node.url]);
  const text = `${Array.from({ length: 60_000 }, (_, i) => (i * 2654435761) % 1e9).join(" ")}\n`;
  const batches = await Promise.all(Array.from({ length: 12 }, (_, i) => batchOf(i + 1, text)));
  await Promise.all(batches.map((batch) => bus.publish(batch)));
  assert.ok(node.groupSizes.length > 1);
  assert.equal(node.messages, 12);
});

test("when a node breaks, the next one gets the batch, at once", async (t) => {
  const [first, second] = [await FakeNode.start(t), await FakeNode.start(t)];
  const chance = new QuickChance();
  const bus = openRemote(t, [first.url, second.url], {}, chance);
  await bus.publish(await batchOf(1));
  await first.down();
  await bus.publish(await batchOf(2));
  assert.deepEqual([await first.text(), await second.text()], ["line 1\n", "line 2\n"]);
  assert.deepEqual(chance.sleeps, []);
});

for (const status of [429, 500, 503, 507, 401, 404]) {
  test(`a node that answers ${status} is left for the next, and nothing is lost`, async (t) => {
    const [first, second] = [await FakeNode.start(t), await FakeNode.start(t)];
    first.mood = () => ({ kind: "status", status });
    const bus = openRemote(t, [first.url, second.url]);
    await bus.publish(await batchOf(1));
    assert.equal(await second.text(), "line 1\n");
  });
}

test("Retry-After is honoured", async (t) => {
  const node = await FakeNode.start(t);
  let refusals = 1;
  node.mood = () =>
    refusals-- > 0 ? { kind: "status", status: 429, headers: { "retry-after": "7" } } : { kind: "well" };
  const chance = new QuickChance();
  const bus = openRemote(t, [node.url], {}, chance);
  await bus.publish(await batchOf(1));
  assert.deepEqual(chance.sleeps, [7000]);
});

test("waits grow while no node answers, up to seconds, and are partly chance", async (t) => {
  const node = await FakeNode.start(t);
  await node.down();
  const chance = new QuickChance();
  const bus = openRemote(t, [node.url], {}, chance);
  const publishing = bus.publish(await batchOf(1));
  await waitFor(() => chance.sleeps.length > 10);
  await node.up();
  await publishing;
  assert.deepEqual(chance.sleeps.slice(0, 4), [37.5, 75, 150, 300]);
  assert.equal(Math.max(...chance.sleeps), 3750);
});

test("an answer that got lost makes no duplicate: the batch is sent again and known", async (t) => {
  const node = await FakeNode.start(t);
  let losses = 2;
  node.mood = () => ({ kind: losses-- > 0 ? "lose-answer" : "well" });
  const bus = openRemote(t, [node.url]);
  const batches = [await batchOf(1), await batchOf(2)];
  const receipts = await Promise.all(batches.map((batch) => bus.publish(batch)));
  assert.deepEqual(stored(receipts), ["duplicate", "duplicate"]);
  assert.equal(await node.text(), "line 1\nline 2\n");
});

test("a node that falls silent is left after a while", async (t) => {
  const [first, second] = [await FakeNode.start(t), await FakeNode.start(t)];
  first.mood = () => ({ kind: "silent" });
  const bus = openRemote(t, [first.url, second.url], { inactivityMs: 50 });
  await bus.publish(await batchOf(1));
  assert.equal(second.messages, 1);
});

test("an idle connection that the node has closed is no failure", async (t) => {
  const node = await FakeNode.start(t);
  const chance = new QuickChance();
  const bus = openRemote(t, [node.url], {}, chance);
  for (let i = 1; i <= 5; i++) {
    await bus.publish(await batchOf(i));
    node.breakConnections();
  }
  assert.equal(node.messages, 5);
});

test("of several batches only the one at fault is refused, with the node's reason", async (t) => {
  const node = await FakeNode.start(t);
  const body = { code: "TOO_LARGE", detail: "a frame is too large", fix: "-" };
  node.mood = (batches) =>
    batches.some(({ sequence }) => sequence === 2) ? { kind: "status", status: 413, body } : { kind: "well" };
  const bus = openRemote(t, [node.url]);
  const batches = await Promise.all([1, 2, 3].map((i) => batchOf(i)));
  const [a, b, c] = await Promise.allSettled(batches.map((batch) => bus.publish(batch)));
  assert.deepEqual([a!.status, c!.status], ["fulfilled", "fulfilled"]);
  assert.ok(b?.status === "rejected" && b.reason instanceof LogspreadError && b.reason.code === "TOO_LARGE");
  assert.match(b.reason.message, /a frame is too large/);
  assert.equal(await node.text(), "line 1\nline 3\n");
});

test("what is no logspread node is not believed", async (t) => {
  const [first, second] = [await FakeNode.start(t), await FakeNode.start(t)];
  first.mood = () => ({ kind: "status", status: 200, body: { receipts: [] } });
  const bus = openRemote(t, [first.url, second.url]);
  await bus.publish(await batchOf(1));
  assert.equal(second.messages, 1);
});

test("after the time to give up, publishes are rejected as BUS_UNREACHABLE, all that wait", async (t) => {
  const node = await FakeNode.start(t);
  await node.down();
  const bus = openRemote(t, [node.url], { giveUpAfterMs: 1000 });
  const results = await Promise.allSettled([bus.publish(await batchOf(1)), bus.publish(await batchOf(2))]);
  for (const result of results) {
    assert.ok(result.status === "rejected" && result.reason instanceof LogspreadError);
    assert.equal(result.reason.code, "BUS_UNREACHABLE");
  }
});

test("closing rejects what cannot be sent, and later publishes", async (t) => {
  const node = await FakeNode.start(t);
  node.mood = () => ({ kind: "silent" });
  const bus = openRemote(t, [node.url]);
  const publishing = bus.publish(await batchOf(1));
  publishing.catch(() => {});
  await waitFor(() => node.requests > 0);
  await bus.close();
  await assert.rejects(publishing, { code: "BUS_CLOSED" });
  await assert.rejects(bus.publish(await batchOf(2)), { code: "BUS_CLOSED" });
});

test("a unix socket serves as well", async (t) => {
  const node = await FakeNode.start(t, join(tempFolder(t), "node.sock"));
  const bus = openRemote(t, [node.url]);
  await bus.publish(await batchOf(1));
  assert.equal(node.messages, 1);
});

test("a subscription brings what there is and what comes, in order", async (t) => {
  const node = await FakeNode.start(t);
  for (let i = 1; i <= 3; i++) node.store(await batchOf(i));
  const bus = openRemote(t, [node.url]);
  const taking = take(bus.subscribe({ groups: ["*"], from: "first", follow: true }, t.signal), 5);
  node.store(await batchOf(4));
  node.store(await batchOf(5));
  assert.deepEqual(sequences(await taking), [1, 2, 3, 4, 5]);
});

test("without follow a subscription ends at the end", async (t) => {
  const node = await FakeNode.start(t);
  for (let i = 1; i <= 3; i++) node.store(await batchOf(i, `${"x".repeat(100_000)}\n`));
  const bus = openRemote(t, [node.url]);
  const all = await take(bus.subscribe({ groups: ["*"], from: "first", follow: false }, t.signal), 99);
  assert.deepEqual(sequences(all), [1, 2, 3]);
});

test("a subscription goes on after the last position seen, whenever the connection breaks", async (t) => {
  const node = await FakeNode.start(t);
  const bus = openRemote(t, [node.url]);
  const seen: number[] = [];
  let stored = 1;
  node.store(await batchOf(1));
  for await (const delivery of bus.subscribe({ groups: ["*"], from: "first", follow: true }, t.signal)) {
    seen.push(delivery.kind === "batch" ? delivery.batch.sequence : -1);
    if (seen.length === 100) break;
    if (seen.length % 9 === 0) node.breakConnections();
    while (stored < seen.length + 5) node.store(await batchOf(++stored));
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 100 }, (_, i) => i + 1),
  );
});

test("`new` means the same after a reconnect: nothing in between is left out", async (t) => {
  const node = await FakeNode.start(t);
  node.store(await batchOf(1));
  const bus = openRemote(t, [node.url]);
  const taking = take(bus.subscribe({ groups: ["*"], from: "new", follow: true }, t.signal), 1);
  await waitFor(() => node.requests >= 2);
  await node.down();
  node.store(await batchOf(2));
  await node.up();
  assert.deepEqual(sequences(await taking), [2]);
});

test("a subscription that is silent for too long is opened anew", async (t) => {
  const node = await FakeNode.start(t);
  node.heartbeatMs = 1_000_000;
  const bus = openRemote(t, [node.url], { silenceMs: 50 });
  const taking = take(bus.subscribe({ groups: ["*"], from: "first", follow: true }, t.signal), 1);
  await waitFor(() => node.requests >= 3);
  node.store(await batchOf(1));
  assert.deepEqual(sequences(await taking), [1]);
});

test("heartbeats keep an idle subscription open", async (t) => {
  const node = await FakeNode.start(t);
  const bus = openRemote(t, [node.url], { silenceMs: 400 });
  const taking = take(bus.subscribe({ groups: ["*"], from: "first", follow: true }, t.signal), 1);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  assert.equal(node.requests, 1);
  node.store(await batchOf(1));
  await taking;
});

test("a subscription rejects once its signal aborts", async (t) => {
  const node = await FakeNode.start(t);
  const bus = openRemote(t, [node.url]);
  const stop = new AbortController();
  const taking = take(bus.subscribe({ groups: ["*"], from: "first", follow: true }, stop.signal), 1);
  await waitFor(() => node.requests >= 1);
  stop.abort(new Error("enough"));
  await assert.rejects(taking, /enough/);
});

test("an address that is none is refused with the mend", () => {
  assert.throws(() => remote({ nodes: ["ftp://x"], giveUpAfterMs: 1 }, { report: () => {} }), {
    code: "BAD_ARGUMENT",
    message: /Write http:/,
  });
});
