import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Bus } from "../../../src/bus/bus.ts";
import { newProducer } from "../../../src/message/batch.ts";
import type { PlacedBatch } from "../../../src/message/delivery.ts";
import { all, batchOf, textsOf } from "../../conformance/bus.ts";
import { tempFolder } from "../../temp.ts";
import { waitFor } from "../../wait.ts";
import { openEmbedded } from "./open.ts";

const small = { segmentBytes: 1000, recentBytes: 0, retain: { bytes: 3000, age: 1e12 } };

/** Publishes `count` lines, one a batch, until retention has deleted some. */
async function publishPastRetention(engine: Awaited<ReturnType<typeof openEmbedded>>, count: number) {
  const producer = newProducer();
  for (let i = 1; i <= count; i++) await engine.bus.publish(await batchOf([`line ${i}`], { producer, sequence: i }));
  await settled(engine.bus);
  return producer;
}

/** Waits until retention, which runs in the background, has nothing more to delete; returns the first position then. */
async function settled(bus: Bus): Promise<number> {
  let first = 0;
  let calm = 0; // looks in a row that found no further deletion
  await waitFor(async () => {
    const status = await bus.status();
    calm = status.firstPosition === first ? calm + 1 : 0;
    first = status.firstPosition;
    return calm > 10 && status.bytes <= small.retain.bytes + small.segmentBytes + 200;
  });
  return first;
}

test("retention by bytes deletes whole segments from the oldest on and keeps the newest", async (t) => {
  const engine = await openEmbedded(t, small);
  await publishPastRetention(engine, 100);
  const status = await engine.bus.status();
  assert.ok(status.firstPosition > 50 && status.lastPosition === 100);
  const files = readdirSync(join(engine.folder, "segments")).filter((n) => n.endsWith(".log"));
  assert.equal(Number(files.sort()[0]!.slice(0, 20)), status.firstPosition);
});

test("whoever was overtaken by retention is told exactly how many messages are gone", async (t) => {
  const engine = await openEmbedded(t, small);
  const other = newProducer();
  await engine.bus.publish(await batchOf(["a", "b", "c"], { group: "other", producer: other }));
  await publishPastRetention(engine, 100);
  for (const open of [() => engine.bus, () => engine.reopen()]) {
    const bus = await open();
    const firstPosition = await settled(bus);
    const web = await all(bus, { groups: ["web"], from: { position: 11 } });
    const gap = { kind: "gap", first: 11, last: firstPosition - 1, messages: firstPosition - 11, reason: "retention" };
    assert.deepEqual(web[0], gap);
    assert.equal((web[1] as PlacedBatch).position, firstPosition);
    assert.deepEqual(await textsOf(await all(bus, { groups: ["other"], from: { position: 1 } })), ["gap of 3"]);
    assert.equal((await all(bus, { groups: ["web"], from: "first" }))[0]?.kind, "batch");
  }
});

test("a live follower that is too slow is told of the gap and goes on", async (t) => {
  const engine = await openEmbedded(t, small);
  await engine.bus.publish(await batchOf(["line 0"]));
  const subscription = engine.bus.subscribe(
    { groups: ["*"], from: "first", follow: true },
    new AbortController().signal,
  );
  const slow = subscription[Symbol.asyncIterator]();
  await slow.next();
  await publishPastRetention(engine, 100);
  let seen = 1;
  for (;;) {
    const { value } = await slow.next();
    seen += value.kind === "gap" ? value.messages : value.batch.count;
    if (value.kind === "batch" && value.position === 101) break;
  }
  assert.equal(seen, 101);
  await slow.return?.();
});

test("a producer's last sequence outlives the deletion of all its batches, and a restart", async (t) => {
  const engine = await openEmbedded(t, small);
  const early = newProducer();
  await engine.bus.publish(await batchOf(["early"], { producer: early, sequence: 7 }));
  await publishPastRetention(engine, 100);
  const bus = await engine.reopen();
  assert.equal((await bus.publish(await batchOf(["early"], { producer: early, sequence: 7 }))).kind, "duplicate");
  assert.equal((await bus.publish(await batchOf(["next"], { producer: early, sequence: 8 }))).kind, "stored");
});

test("retention by age deletes even the last segment, and positions go on", async (t) => {
  const engine = await openEmbedded(t, { retain: { bytes: 1e12, age: 20 } });
  await engine.bus.publish(await batchOf(["old"]));
  await new Promise((resolve) => setTimeout(resolve, 40));
  const folder = engine.folder;
  await engine.bus.close();
  const again = await openEmbedded(t, { retain: { bytes: 1e12, age: 20 } }, folder);
  await waitFor(async () => (await again.bus.status()).bytes === 0);
  assert.deepEqual(await all(again.bus), []);
  const receipt = await again.bus.publish(await batchOf(["new"]));
  assert.ok(receipt.kind === "stored" && receipt.position === 2);
});

test("more producers than remembered: the longest silent one is forgotten first", async (t) => {
  const engine = await openEmbedded(t, { maxProducers: 2 });
  const [a, b, c] = [newProducer(), newProducer(), newProducer()];
  for (const producer of [a, b, a, c].map((p, i) => ({ p, s: i + 1 }))) {
    await engine.bus.publish(await batchOf(["x"], { producer: producer.p, sequence: producer.s }));
  }
  assert.equal((await engine.bus.publish(await batchOf(["x"], { producer: a, sequence: 3 }))).kind, "duplicate");
  assert.equal((await engine.bus.publish(await batchOf(["x"], { producer: b, sequence: 2 }))).kind, "stored");
});

test("a folder that another process has open is refused, naming it", async (t) => {
  const folder = tempFolder(t);
  await openEmbedded(t, {}, folder);
  await assert.rejects(openEmbedded(t, {}, folder), {
    code: "FOLDER_LOCKED",
    message: new RegExp(`process ${process.pid}`),
  });
  // The refused try must not have dropped the lock: a process of its own is refused as well.
  const script = `import { lockFolder } from ${JSON.stringify(join(import.meta.dirname, "../../../src/segments/lock.ts"))}; lockFolder(process.argv[1]);`;
  const other = spawnSync(process.execPath, ["--input-type=module", "-e", script, folder], { encoding: "utf8" });
  assert.notEqual(other.status, 0);
  assert.match(other.stderr, /FOLDER_LOCKED/);
});
