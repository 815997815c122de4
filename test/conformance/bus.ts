/**
 * What every engine promises (docs/architecture.md). An engine is right when it passes: call `busConformance` from its
 * test with a way to open it.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Bus, Subscription } from "../../src/bus/bus.ts";
import { type Batch, MAX_RAW_BYTES, newProducer } from "../../src/message/batch.ts";
import { batchOfMessages, messagesOf, openBody } from "../../src/message/body.ts";
import type { Delivery, From, PlacedBatch } from "../../src/message/delivery.ts";
import { encodeBatch } from "../../src/message/frame.ts";

/** An engine under test. `reopen` closes it and opens it again on the same data. */
export interface Engine {
  readonly bus: Bus;
  reopen(): Promise<Bus>;
}

export type OpenEngine = (t: TestContext) => Promise<Engine>;

export interface Made {
  group?: string;
  producer?: Buffer;
  sequence?: number;
  sender?: string;
}

/** A batch of messages, by a new producer unless one is given. */
export function batchOf(messages: string[], made: Made = {}): Promise<Batch> {
  const { group = "web", producer = newProducer(), sequence = 1, sender = "test@here" } = made;
  const createdUs = Date.now() * 1000;
  return batchOfMessages(
    { group, producer, sequence, sender, createdUs },
    messages.map((m) => Buffer.from(m)),
  );
}

/** The first `count` deliveries of a subscription. */
export async function take(bus: Bus, count: number, what: Partial<Subscription> = {}): Promise<Delivery[]> {
  const stop = new AbortController();
  const taken: Delivery[] = [];
  if (count === 0) return taken;
  for await (const delivery of bus.subscribe({ groups: ["*"], from: "first", follow: true, ...what }, stop.signal)) {
    if (taken.push(delivery) === count) break;
  }
  return taken;
}

/** Everything that is there now. */
export async function all(bus: Bus, what: Partial<Subscription> = {}): Promise<Delivery[]> {
  const taken: Delivery[] = [];
  const subscription = { groups: ["*"], from: "first" as From, follow: false, ...what };
  for await (const delivery of bus.subscribe(subscription, new AbortController().signal)) taken.push(delivery);
  return taken;
}

export async function textsOf(deliveries: Delivery[]): Promise<string[]> {
  const texts: string[] = [];
  for (const delivery of deliveries) {
    if (delivery.kind === "gap") texts.push(`gap of ${delivery.messages}`);
    else for (const m of messagesOf(delivery.batch, await openBody(delivery.batch))) texts.push(m.toString());
  }
  return texts;
}

async function publishAll(bus: Bus, batches: Batch[]) {
  return await Promise.all(batches.map((batch) => bus.publish(batch)));
}

async function numbered(count: number, made: Made = {}): Promise<Batch[]> {
  const producer = made.producer ?? newProducer();
  return await Promise.all(
    Array.from({ length: count }, (_, i) => batchOf([`line ${i}`], { ...made, producer, sequence: i + 1 })),
  );
}

export function busConformance(name: string, open: OpenEngine): void {
  test(`${name}: a late subscriber sees every batch once, in publish order`, async (t) => {
    const { bus } = await open(t);
    const batches = await numbered(50);
    const receipts = await publishAll(bus, batches);
    const seen = (await take(bus, 50)) as PlacedBatch[];
    assert.deepEqual(
      await textsOf(seen),
      batches.map((_, i) => `line ${i}`),
    );
    assert.deepEqual(
      seen.map((d) => ({ kind: "stored", position: d.position, busTimeUs: d.busTimeUs })),
      receipts,
    );
    for (const [i, d] of seen.entries()) assert.deepEqual(d.batch.frame, batches[i]!.frame);
  });

  test(`${name}: positions grow and bus time never decreases`, async (t) => {
    const { bus } = await open(t);
    await publishAll(bus, await numbered(20));
    await publishAll(bus, await numbered(20, { group: "other" }));
    const seen = (await all(bus)) as PlacedBatch[];
    assert.equal(seen.length, 40);
    for (let i = 1; i < seen.length; i++) {
      assert.ok(seen[i]!.position > seen[i - 1]!.position);
      assert.ok(seen[i]!.busTimeUs >= seen[i - 1]!.busTimeUs);
    }
  });

  test(`${name}: all subscribers see the same order, early or late`, async (t) => {
    const { bus } = await open(t);
    const early = take(bus, 60);
    await Promise.all([1, 2, 3].map(async () => publishAll(bus, await numbered(20))));
    const late = take(bus, 60);
    const places = (ds: Delivery[]) => (ds as PlacedBatch[]).map((d) => [d.position, d.batch.producer.toString("hex")]);
    assert.deepEqual(places(await early), places(await late));
  });

  test(`${name}: a group's subscriber sees that group alone; a pattern sees those that match`, async (t) => {
    const { bus } = await open(t);
    for (const group of ["web-1", "mail", "web-2", "$ledger"]) await bus.publish(await batchOf([group], { group }));
    assert.deepEqual(await textsOf(await all(bus, { groups: ["mail"] })), ["mail"]);
    assert.deepEqual(await textsOf(await all(bus, { groups: ["web-*"] })), ["web-1", "web-2"]);
    assert.deepEqual(await textsOf(await all(bus, { groups: ["*"] })), ["web-1", "mail", "web-2"]);
    assert.deepEqual(await textsOf(await all(bus, { groups: ["$ledger"] })), ["$ledger"]);
    assert.deepEqual(await textsOf(await all(bus, { groups: ["nobody"] })), []);
  });

  test(`${name}: a subscriber starts at the first, at a position, at a time, or with what is new`, async (t) => {
    const { bus } = await open(t);
    const receipts = [];
    for (const batch of await numbered(6)) {
      receipts.push(await bus.publish(batch));
      await new Promise((resolve) => setTimeout(resolve, 3)); // so that bus times differ
    }
    const third = receipts[2]!;
    assert.ok(third.kind === "stored");
    assert.deepEqual(
      await textsOf(await take(bus, 6, { from: "first" })),
      [0, 1, 2, 3, 4, 5].map((i) => `line ${i}`),
    );
    assert.deepEqual(
      await textsOf(await take(bus, 4, { from: { position: third.position } })),
      [2, 3, 4, 5].map((i) => `line ${i}`),
    );
    assert.deepEqual(
      await textsOf(await take(bus, 4, { from: { timeUs: third.busTimeUs } })),
      [2, 3, 4, 5].map((i) => `line ${i}`),
    );
    assert.deepEqual(
      await textsOf(await take(bus, 3, { from: { timeUs: third.busTimeUs + 1 } })),
      [3, 4, 5].map((i) => `line ${i}`),
    );
    assert.deepEqual(await all(bus, { from: { timeUs: Date.now() * 1000 + 60e6 } }), []);
    assert.deepEqual(await all(bus, { from: "new" }), []);
    const fresh = take(bus, 1, { from: "new" });
    await new Promise((resolve) => setTimeout(resolve, 50));
    await bus.publish(await batchOf(["fresh"]));
    assert.deepEqual(await textsOf(await fresh), ["fresh"]);
  });

  test(`${name}: a position past the end is an error, not a wait for ever`, async (t) => {
    const { bus } = await open(t);
    await bus.publish(await batchOf(["a"]));
    await assert.rejects(all(bus, { from: { position: 1000 } }), { code: "BAD_ARGUMENT" });
  });

  test(`${name}: a second publish of the same sequence is a duplicate, at once and after a reopen`, async (t) => {
    const engine = await open(t);
    const [first, second] = (await numbered(2)) as [Batch, Batch];
    const receipts = await publishAll(engine.bus, [first, first, second, first]);
    assert.deepEqual(
      receipts.map((r) => r.kind),
      ["stored", "duplicate", "stored", "duplicate"],
    );
    const again = await engine.reopen();
    assert.deepEqual(
      (await publishAll(again, [first, second])).map((r) => r.kind),
      ["duplicate", "duplicate"],
    );
    assert.deepEqual(await textsOf(await all(again)), ["line 0", "line 1"]);
  });

  test(`${name}: sequences belong to their producer`, async (t) => {
    const { bus } = await open(t);
    const receipts = await publishAll(bus, [await batchOf(["a"]), await batchOf(["b"])]);
    assert.deepEqual(
      receipts.map((r) => r.kind),
      ["stored", "stored"],
    );
  });

  test(`${name}: a gap in a producer's sequence is accepted (its publisher dropped what is missing)`, async (t) => {
    const { bus } = await open(t);
    const producer = newProducer();
    await bus.publish(await batchOf(["one"], { producer, sequence: 1 }));
    assert.equal((await bus.publish(await batchOf(["five"], { producer, sequence: 5 }))).kind, "stored");
    assert.equal((await bus.publish(await batchOf(["three"], { producer, sequence: 3 }))).kind, "duplicate");
  });

  test(`${name}: what was acknowledged is there after a reopen, and positions go on`, async (t) => {
    const engine = await open(t);
    await publishAll(engine.bus, await numbered(10));
    const before = await engine.bus.status();
    const bus = await engine.reopen();
    const receipt = await bus.publish(await batchOf(["after"]));
    assert.ok(receipt.kind === "stored" && receipt.position > before.lastPosition);
    assert.deepEqual((await textsOf(await all(bus))).slice(-2), ["line 9", "after"]);
  });

  test(`${name}: any bytes pass unchanged, newlines and NUL included`, async (t) => {
    const { bus } = await open(t);
    const messages = [Buffer.from("a\nb"), Buffer.from([0, 255, 10, 13, 27]), Buffer.alloc(0), Buffer.alloc(70_000, 7)];
    const label = { group: "web", producer: newProducer(), sequence: 1, sender: "s", createdUs: 1 };
    await bus.publish(await batchOfMessages(label, messages));
    const [delivery] = (await take(bus, 1)) as [PlacedBatch];
    assert.deepEqual([...messagesOf(delivery.batch, await openBody(delivery.batch))], messages);
    assert.equal(delivery.batch.kind, "frames");
  });

  test(`${name}: the largest batch passes`, async (t) => {
    const { bus } = await open(t);
    const body = Buffer.alloc(MAX_RAW_BYTES, "0123456789abcde\n");
    const header = { group: "web", producer: newProducer(), sequence: 1, sender: "s", createdUs: 1, losses: [] };
    const count = MAX_RAW_BYTES / 16;
    await bus.publish(
      encodeBatch({ ...header, kind: "lines", count, compression: "none", rawBytes: body.length, body }),
    );
    const [delivery] = (await take(bus, 1)) as [PlacedBatch];
    assert.ok(delivery.batch.body.equals(body));
  });

  test(`${name}: a cursor is remembered across a reopen, and unknown at first`, async (t) => {
    const engine = await open(t);
    assert.equal(await engine.bus.cursor("files").read(), undefined);
    await engine.bus.cursor("files").commit(3);
    await engine.bus.cursor("files").commit(7);
    await engine.bus.cursor("other").commit(1);
    const bus = await engine.reopen();
    assert.equal(await bus.cursor("files").read(), 7);
    assert.equal(await bus.cursor("other").read(), 1);
    await assert.rejects(async () => bus.cursor("../../etc/passwd").read(), { code: "BAD_ARGUMENT" });
  });

  test(`${name}: status counts messages, batches and bytes by group`, async (t) => {
    const { bus } = await open(t);
    await bus.publish(await batchOf(["a", "bc"], { group: "g1" }));
    await bus.publish(await batchOf(["d"], { group: "g1" }));
    await bus.publish(await batchOf(["e"], { group: "g2" }));
    const { groups, firstPosition, lastPosition } = await bus.status();
    const g1 = groups.find((g) => g.group === "g1");
    assert.deepEqual([g1?.messages, g1?.batches, g1?.rawBytes], [3, 2, 7]);
    assert.equal(groups.length, 2);
    assert.ok(lastPosition - firstPosition >= 2);
  });

  test(`${name}: aborting ends a waiting subscription`, async (t) => {
    const { bus } = await open(t);
    const stop = new AbortController();
    const waiting = (async () => {
      for await (const _ of bus.subscribe({ groups: ["*"], from: "first", follow: true }, stop.signal));
    })();
    setTimeout(() => stop.abort(new Error("enough")), 30);
    await assert.rejects(waiting, { message: "enough" });
  });

  test(`${name}: a close during publish settles every publish, and what was acknowledged is kept`, async (t) => {
    const engine = await open(t);
    const batches = await numbered(200);
    const outcomes = batches.map((batch) =>
      engine.bus.publish(batch).then(
        (r) => r.kind,
        () => "refused",
      ),
    );
    const bus = await engine.reopen();
    const settled = await Promise.all(outcomes);
    const stored = settled.filter((o) => o === "stored").length;
    const kept = (await textsOf(await all(bus))).length;
    assert.ok(kept >= stored, `${stored} acknowledged, ${kept} kept`);
    // The producer sends again what was refused: everything is there once, in order.
    for (const batch of batches) await bus.publish(batch);
    assert.deepEqual(
      await textsOf(await all(bus)),
      batches.map((_, i) => `line ${i}`),
    );
  });

  test(`${name}: a slow subscriber delays nobody and misses nothing`, async (t) => {
    const { bus } = await open(t);
    const stop = new AbortController();
    const slow = bus.subscribe({ groups: ["*"], from: "first", follow: true }, stop.signal)[Symbol.asyncIterator]();
    const first = slow.next();
    await publishAll(bus, await numbered(100));
    assert.equal((await take(bus, 100)).length, 100);
    const seen = [(await first).value];
    while (seen.length < 100) seen.push((await slow.next()).value);
    assert.deepEqual(
      await textsOf(seen),
      Array.from({ length: 100 }, (_, i) => `line ${i}`),
    );
    await slow.return?.();
  });
}
