import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ForwardMark } from "../../../src/bus/spool/forward-mark.ts";
import type { OnFull } from "../../../src/bus/spool/on-full.ts";
import { Spool } from "../../../src/bus/spool/spool.ts";
import { type Batch, newProducer } from "../../../src/message/batch.ts";
import { batchOfLines } from "../../../src/message/body.ts";
import { LogspreadError } from "../../../src/message/error.ts";
import { decodeFrames } from "../../../src/message/frame.ts";
import { tempFolder } from "../../temp.ts";
import { waitFor } from "../../wait.ts";
import { MemoryBus } from "./memory-bus.ts";

const producer = newProducer();
const nowUs = () => Date.now() * 1000;

/** A batch of three lines that do not compress, of `bytes` bytes. */
function batchOf(sequence: number, bytes = 100): Promise<Batch> {
  const label = { group: "web", sender: "me@here", producer, sequence, createdUs: 1 };
  const lines = randomBytes(bytes).map((byte) => (byte === 10 ? 0 : byte));
  for (const end of [10, 20, bytes - 1]) lines[end] = 10;
  return batchOfLines(label, Buffer.from(lines));
}

/** A file system of `bytes`, by mounting a tmpfs; needs root, as CI and containers have it. */
function smallDisk(t: TestContext, bytes: number): string {
  const folder = mkdtempSync(join(tmpdir(), "logspread-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "none", folder]);
  t.after(() => {
    execFileSync("umount", ["-l", folder]);
    rmdirSync(folder);
  });
  return folder;
}

interface Opened {
  readonly spool: Spool;
  readonly folder: string;
  /** What it has reported. */
  readonly said: string[];
  /** Ends forwarding and closes, as the end of a process would without its last marks. */
  stop(): Promise<void>;
}

async function openSpool(
  t: TestContext,
  bus: MemoryBus,
  { folder = tempFolder(t), maxBytes = 2 ** 20, onFull = "drop-oldest" as OnFull, forwards = true } = {},
): Promise<Opened> {
  const said: string[] = [];
  const spool = await Spool.open({ folder, maxBytes, onFull, nowUs, report: (_, text) => said.push(text) });
  const ending = new AbortController();
  const forwarding = forwards ? spool.forward(bus, ending.signal).catch(() => {}) : Promise.resolve();
  let open = true;
  const stop = async () => {
    if (!open) return;
    open = false;
    ending.abort();
    bus.fail(new LogspreadError("BUS_CLOSED", { what: "closed", why: "the test ends", fix: "-" }));
    await forwarding;
    await spool.close(false);
  };
  t.after(stop);
  return { spool, folder, said, stop };
}

test("batches go on to the bus in order, and the spool is idle when all are acknowledged", async (t) => {
  const bus = new MemoryBus();
  const { spool } = await openSpool(t, bus);
  for (let i = 1; i <= 20; i++) await spool.publish(await batchOf(i));
  assert.equal(await spool.drained(Promise.resolve(), 5000), "drained");
  assert.deepEqual(
    bus.sequences,
    Array.from({ length: 20 }, (_, i) => i + 1),
  );
  assert.ok(spool.idle);
});

test("what the bus does not take stays over a restart, and goes out before what comes then", async (t) => {
  const bus = new MemoryBus();
  bus.answer = undefined;
  const first = await openSpool(t, bus);
  for (let i = 1; i <= 30; i++) await first.spool.publish(await batchOf(i, 30_000));
  await first.stop();
  const again = new MemoryBus();
  const second = await openSpool(t, again, { folder: first.folder });
  assert.deepEqual(second.spool.lastAppended?.sequence, 30);
  await second.spool.publish(await batchOf(31));
  assert.equal(await second.spool.drained(Promise.resolve(), 5000), "drained");
  assert.deepEqual(
    again.sequences,
    Array.from({ length: 31 }, (_, i) => i + 1),
  );
});

test("what was acknowledged is not sent again after a restart", async (t) => {
  const bus = new MemoryBus();
  const first = await openSpool(t, bus);
  for (let i = 1; i <= 5; i++) await first.spool.publish(await batchOf(i));
  await first.spool.drained(Promise.resolve(), 5000);
  await first.stop();
  const again = new MemoryBus();
  const second = await openSpool(t, again, { folder: first.folder });
  await second.spool.publish(await batchOf(6));
  await second.spool.drained(Promise.resolve(), 5000);
  assert.deepEqual(again.sequences, [6]);
});

test("an outage of more than the memory holds is read back from disk in order", async (t) => {
  const bus = new MemoryBus();
  bus.answer = undefined;
  const { spool } = await openSpool(t, bus, { maxBytes: 2 ** 26 });
  for (let i = 1; i <= 100; i++) await spool.publish(await batchOf(i, 60_000));
  bus.settle(() => undefined);
  for (let i = 101; i <= 120; i++) await spool.publish(await batchOf(i, 60_000));
  assert.equal(await spool.drained(Promise.resolve(), 5000), "drained");
  assert.deepEqual(
    bus.sequences,
    Array.from({ length: 120 }, (_, i) => i + 1),
  );
});

test("full, drop-oldest: the newest stay, and every message is either sent or counted", async (t) => {
  const bus = new MemoryBus();
  bus.answer = undefined;
  const { spool } = await openSpool(t, bus, { maxBytes: 400_000 });
  for (let i = 1; i <= 200; i++) await spool.publish(await batchOf(i, 20_000));
  bus.settle(() => undefined);
  assert.equal(await spool.drained(Promise.resolve(), 5000), "drained");
  const [loss] = spool.losses();
  assert.equal(loss!.reason, "spool-full-dropped-oldest");
  assert.equal(bus.sequences.length * 3 + loss!.messages, 200 * 3);
  assert.ok(loss!.messages > 300 && bus.sequences.at(-1) === 200);
  assert.deepEqual(
    bus.sequences,
    bus.sequences.toSorted((a, b) => a - b),
  );
});

test("full, drop-oldest while the bus comes and goes: every message is either sent or counted, never both", async (t) => {
  const bus = new MemoryBus();
  const { spool } = await openSpool(t, bus, { maxBytes: 300_000 });
  for (let i = 1; i <= 250; i++) {
    if (i % 37 === 0) bus.answer = undefined;
    if (i % 53 === 0) bus.settle(() => undefined);
    await spool.publish(await batchOf(i, 30_000));
  }
  bus.settle(() => undefined);
  assert.equal(await spool.drained(Promise.resolve(), 5000), "drained");
  const lost = spool.losses().reduce((sum, loss) => sum + loss.messages, 0);
  assert.ok(lost > 0);
  assert.equal(new Set(bus.sequences).size, bus.sequences.length);
  assert.equal(bus.sequences.length * 3 + lost, 250 * 3);
});

test("full, drop-newest: the oldest stay, and every message is either sent or counted", async (t) => {
  const bus = new MemoryBus();
  bus.answer = undefined;
  const { spool } = await openSpool(t, bus, { maxBytes: 400_000, onFull: "drop-newest" });
  for (let i = 1; i <= 100; i++) await spool.publish(await batchOf(i, 20_000));
  bus.settle(() => undefined);
  assert.equal(await spool.drained(Promise.resolve(), 5000), "drained");
  const [loss] = spool.losses();
  assert.equal(loss!.reason, "spool-full-dropped-newest");
  assert.equal(bus.sequences.length * 3 + loss!.messages, 300);
  assert.deepEqual(
    bus.sequences,
    bus.sequences.map((_, i) => i + 1),
  );
  assert.ok(bus.sequences.length >= 10);
});

test("full, block: publishing waits until the bus has taken some, and nothing is lost", async (t) => {
  const bus = new MemoryBus();
  bus.answer = undefined;
  const { spool } = await openSpool(t, bus, { maxBytes: 400_000, onFull: "block" });
  let kept = 0;
  const publishing = (async () => {
    for (let i = 1; i <= 100; i++, kept++) await spool.publish(await batchOf(i, 20_000));
  })();
  await waitFor(() => bus.waiting.length > 0 && kept >= 18);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(kept < 30, `${kept} were taken into a spool for 20`);
  bus.settle(() => undefined);
  await publishing;
  assert.equal(await spool.drained(Promise.resolve(), 5000), "drained");
  assert.deepEqual(
    bus.sequences,
    Array.from({ length: 100 }, (_, i) => i + 1),
  );
  assert.deepEqual(spool.losses(), []);
});

test("a publish that waits for room is refused at the close, so that its input keeps it", async (t) => {
  const bus = new MemoryBus();
  bus.answer = undefined;
  const { spool, stop } = await openSpool(t, bus, { maxBytes: 100_000, onFull: "block" });
  const publishes = await Promise.all(Array.from({ length: 10 }, (_, i) => batchOf(i + 1, 20_000)));
  const settled = Promise.allSettled(publishes.map((batch) => spool.publish(batch)));
  await waitFor(() => bus.waiting.length > 0);
  await stop();
  const results = (await settled).map(({ status }) => status);
  assert.equal(results[0], "fulfilled");
  assert.equal(results.at(-1), "rejected");
});

test("without a folder batches wait in memory, bounded, and what is dropped is counted", async (t) => {
  const bus = new MemoryBus();
  bus.answer = undefined;
  const spool = await Spool.open({ folder: undefined, maxBytes: 1, onFull: "drop-oldest", nowUs, report: () => {} });
  const ending = new AbortController();
  const forwarding = spool.forward(bus, ending.signal).catch(() => {});
  t.after(async () => {
    ending.abort();
    await forwarding;
    await spool.close(true);
  });
  for (let i = 1; i <= 100; i++) await spool.publish(await batchOf(i, 100_000));
  bus.settle(() => undefined);
  assert.equal(await spool.drained(Promise.resolve(), 5000), "drained");
  const [loss] = spool.losses();
  assert.equal(loss!.reason, "spool-failed");
  assert.equal(bus.sequences.length * 3 + loss!.messages, 300);
  assert.equal(bus.sequences.at(-1), 100);
});

test("on a full disk batches go on through memory, in order, and through the disk again when there is room", async (t) => {
  const disk = smallDisk(t, 3_000_000);
  const bus = new MemoryBus();
  bus.answer = undefined;
  const { spool } = await openSpool(t, bus, { folder: disk, maxBytes: 2 ** 30 });
  // Into memory goes less than its limit.
  for (let i = 1; i <= 40; i++) await spool.publish(await batchOf(i, 100_000));
  assert.ok(spool.messagesInMemory > 0, "the disk was large enough");
  bus.settle(() => undefined);
  for (let i = 41; i <= 46; i++) await spool.publish(await batchOf(i, 100_000));
  assert.equal(await spool.drained(Promise.resolve(), 5000), "drained");
  assert.deepEqual(
    bus.sequences,
    Array.from({ length: 46 }, (_, i) => i + 1),
  );
  await spool.publish(await batchOf(47));
  assert.equal(spool.messagesInMemory, 0);
});

test("an answer that comes after the close changes nothing", async (t) => {
  const bus = new MemoryBus();
  bus.answer = undefined;
  const first = await openSpool(t, bus);
  await first.spool.publish(await batchOf(1));
  await waitFor(() => bus.waiting.length === 1);
  const late = bus.waiting.splice(0);
  await first.stop();
  for (const { resolve } of late) resolve({ kind: "stored", position: 1, busTimeUs: 1 });
  await new Promise(setImmediate);
  // Its files are closed; their descriptors may be another file's by now.
  assert.deepEqual(first.said, []);
  assert.equal(ForwardMark.peek(first.folder).position, 0);
});

test("a batch that the bus refuses for ever is set aside as it is, and the next ones go on", async (t) => {
  const bus = new MemoryBus();
  const { spool, folder } = await openSpool(t, bus);
  bus.answer = (batch) =>
    batch.sequence === 2 ? new LogspreadError("BAD_REQUEST", { what: "no", why: "no", fix: "no" }) : undefined;
  const batches = [await batchOf(1), await batchOf(2), await batchOf(3)];
  for (const batch of batches) await spool.publish(batch);
  assert.equal(await spool.drained(Promise.resolve(), 5000), "drained");
  assert.deepEqual(bus.sequences, [1, 3]);
  const [refused] = decodeFrames(readFileSync(join(folder, "refused")));
  assert.ok(refused!.frame.equals(batches[1]!.frame));
  assert.deepEqual(spool.refused, { messages: 3, lost: 0 });
});

test("a clean end says so, and leaves nothing but the marks", async (t) => {
  const bus = new MemoryBus();
  const folder = tempFolder(t);
  const spool = await Spool.open({ folder, maxBytes: 2 ** 20, onFull: "block", nowUs, report: () => {} });
  assert.equal(ForwardMark.peek(folder).clean, false);
  const ending = new AbortController();
  const forwarding = spool.forward(bus, ending.signal).catch(() => {});
  await spool.publish(await batchOf(1));
  await spool.drained(Promise.resolve(), 5000);
  ending.abort();
  await forwarding;
  await spool.close(true);
  const { clean, last } = ForwardMark.peek(folder);
  assert.equal(clean, true);
  assert.equal(last?.sequence, 1);
});
