import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Intake, type Labels, recoverIntake } from "../../src/inputs/intake.ts";
import { MAX_LINE_BYTES } from "../../src/inputs/line-limit.ts";
import { Pipe, type PipeStart } from "../../src/inputs/pipe.ts";
import { publishLeft } from "../../src/inputs/recover.ts";
import { newProducer } from "../../src/message/batch.ts";
import { tempFolder } from "../temp.ts";
import { waitFor } from "../wait.ts";
import { MemoryOutlet } from "./memory-outlet.ts";

const PIPE = { inode: 7, device: 8 };
const nowUs = () => 1_000_000;
const labels = (groupField = 0): Labels => ({ producer: newProducer(), sender: "me@here", group: "web", groupField });
const quiet = () => {};

function pipeTo(outlet: MemoryOutlet, options: { max?: number; groupField?: number } = {}): Pipe {
  const config = { labels: labels(options.groupField), maxLineBytes: options.max ?? MAX_LINE_BYTES };
  return new Pipe(config, { outlet, intake: undefined, nowUs, report: quiet });
}

test("a line on an idle pipe goes out at once, as a batch of its own", async () => {
  const outlet = new MemoryOutlet();
  const pipe = pipeTo(outlet);
  await pipe.take(Buffer.from("one\n"));
  await waitFor(() => outlet.batches.length === 1);
  assert.equal(await outlet.text(), "one\n");
});

test("while something is on its way lines gather, and go out together when it has arrived", async () => {
  const outlet = new MemoryOutlet();
  outlet.idle = false;
  const pipe = pipeTo(outlet);
  for (let i = 0; i < 50; i++) await pipe.take(Buffer.from(`${i}\n`));
  assert.equal(outlet.batches.length, 0);
  outlet.becomeIdle();
  await waitFor(() => outlet.batches.length === 1);
  assert.equal(outlet.batches[0]!.count, 50);
});

test("a line that has only begun waits for its newline, and at the end of the input is published as it stands", async () => {
  const outlet = new MemoryOutlet();
  const pipe = pipeTo(outlet);
  await pipe.take(Buffer.from("one\ntw"));
  await waitFor(() => outlet.batches.length === 1);
  assert.equal(await outlet.text(), "one\n");
  await pipe.take(Buffer.from("o\nthr"));
  await pipe.end();
  assert.equal(await outlet.text(), "one\ntwo\nthr\n");
});

test("megabytes in pieces of any size come out byte for byte, NUL and invalid UTF-8 too", async () => {
  const outlet = new MemoryOutlet();
  const pipe = pipeTo(outlet);
  let input = "";
  for (let i = 0; input.length < 3_000_000; i++) input += `${i} \0 \xff\xfe ${"x".repeat((i * 7919) % 900)}\n`;
  const bytes = Buffer.from(input, "latin1");
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = 1 + ((i * 104729) % 200_000);
    await pipe.take(bytes.subarray(at, at + size));
    at += size;
  }
  await pipe.end();
  assert.equal(await outlet.text(), input);
  assert.deepEqual(
    outlet.batches.map((batch) => batch.sequence),
    outlet.batches.map((_, i) => i + 1),
  );
});

test("when everything is full reading waits, and goes on when a batch has been taken", async () => {
  const outlet = new MemoryOutlet();
  outlet.hold();
  const pipe = pipeTo(outlet);
  let taken = 0;
  const line = Buffer.from(`${"y".repeat(1023)}\n`);
  const writing = (async () => {
    for (; taken < 6000; taken++) await pipe.take(line);
    await pipe.end();
  })();
  await waitFor(() => pipe.space() === undefined);
  const before = taken;
  assert.ok(before < 6000, `${before} lines fit`);
  outlet.release();
  await writing;
  assert.equal((await outlet.text()).length, 6000 * 1024);
});

test("a line over the limit is cut there and counted, and the next line is whole", async () => {
  const outlet = new MemoryOutlet();
  const pipe = pipeTo(outlet, { max: 100 });
  await pipe.take(Buffer.from(`${"a".repeat(70)}`));
  await pipe.take(Buffer.from(`${"a".repeat(70)}`));
  await pipe.take(Buffer.from(`${"a".repeat(70)}\nb\n`));
  await pipe.end();
  assert.equal(await outlet.text(), `${"a".repeat(100)}\nb\n`);
  assert.equal(pipe.totals.cutLines, 1);
});

test("a line of the greatest length is taken whole, one byte more is cut", async () => {
  const outlet = new MemoryOutlet();
  const pipe = pipeTo(outlet);
  await pipe.take(Buffer.from(`${"a".repeat(MAX_LINE_BYTES)}\n${"b".repeat(MAX_LINE_BYTES + 1)}\nc\n`));
  await pipe.end();
  const [a, b, c] = (await outlet.text()).split("\n");
  assert.deepEqual([a!.length, b!.length, c], [MAX_LINE_BYTES, MAX_LINE_BYTES, "c"]);
  assert.equal(pipe.totals.cutLines, 1);
});

test("with a group field each group gets its lines in their order, under consecutive sequences", async () => {
  const outlet = new MemoryOutlet();
  outlet.idle = false;
  const pipe = pipeTo(outlet, { groupField: 1 });
  await pipe.take(Buffer.from("a 1\nb 2\na 3\n/ 4\n"));
  await pipe.end();
  assert.equal(await outlet.text("a"), "1\n3\n");
  assert.equal(await outlet.text("b"), "2\n");
  assert.equal(await outlet.text("web"), "/ 4\n");
  assert.deepEqual(outlet.batches.map(({ sequence }) => sequence).sort(), [1, 2, 3]);
  assert.equal(pipe.totals.badGroupNames, 1);
});

test("losses that no later batch can tell of are told in an empty one at the end", async () => {
  const outlet = new MemoryOutlet();
  const pipe = pipeTo(outlet);
  await pipe.take(Buffer.from("one\n"));
  await waitFor(() => outlet.batches.length === 1);
  outlet.lost = [{ reason: "spool-full-dropped-oldest", messages: 5 }];
  await pipe.end();
  assert.deepEqual(
    outlet.batches.map((b) => [b.count, b.losses]),
    [
      [1, []],
      [0, outlet.lost],
    ],
  );
});

/** A pipe with an intake in the test's folder, and what a successor finds there. */
function withIntake(t: TestContext, outlet: MemoryOutlet, groupField = 0, start?: PipeStart, generation = 1000) {
  const path = join(tempFolder(t), "intake");
  const made = labels(groupField);
  const intake = new Intake(path, { labels: made, pipe: PIPE, generation, report: quiet });
  t.after(() => intake.close());
  const config = { labels: made, maxLineBytes: 1000 };
  const pipe = new Pipe(config, { outlet, intake, nowUs, report: quiet }, start);
  return { pipe, path, producer: made.producer };
}

test("what was read and not taken by the spool is in the intake, with the line that had begun", async (t) => {
  const outlet = new MemoryOutlet();
  outlet.hold();
  const { pipe, path, producer } = withIntake(t, outlet);
  await pipe.take(Buffer.from("one\ntw"));
  await pipe.take(Buffer.from("o\nthr"));
  await pipe.take(Buffer.from("ee\nfo"));
  const left = recoverIntake(path);
  const after = new MemoryOutlet();
  const partial = await publishLeft(left, undefined, true, after, nowUs);
  assert.equal(await after.text(), "one\ntwo\nthree\n");
  assert.equal(partial.toString(), "fo");
  assert.deepEqual(left.pipe, PIPE);
  assert.ok(after.batches.every((batch) => batch.producer.equals(producer)));
});

test("what the spool had taken is not recovered again", async (t) => {
  const outlet = new MemoryOutlet();
  outlet.hold();
  const { pipe, path, producer } = withIntake(t, outlet);
  await pipe.take(Buffer.from("one\n"));
  await pipe.take(Buffer.from("two\n"));
  await waitFor(() => outlet.batches.length === 1);
  const after = new MemoryOutlet();
  await publishLeft(recoverIntake(path), { producer, sequence: 1 }, false, after, nowUs);
  assert.equal(await after.text(), "two\n");
});

test("of several groups' batches made of one piece, those that the spool had not taken are recovered", async (t) => {
  const outlet = new MemoryOutlet();
  outlet.idle = false;
  outlet.hold();
  const { pipe, path, producer } = withIntake(t, outlet, 1);
  await pipe.take(Buffer.from("a 1\nb 2\nc 3\n"));
  outlet.becomeIdle();
  await waitFor(() => outlet.batches.length === 3);
  const after = new MemoryOutlet();
  await publishLeft(recoverIntake(path), { producer, sequence: 2 }, false, after, nowUs);
  assert.deepEqual(
    after.batches.map(({ group, sequence }) => [group, sequence]),
    [["c", 3]],
  );
});

test("from another pipe the line that had begun is published as it stands, once", async (t) => {
  const { pipe, path, producer } = withIntake(t, new MemoryOutlet());
  await pipe.take(Buffer.from("begun"));
  const after = new MemoryOutlet();
  const rest = await publishLeft(recoverIntake(path), undefined, false, after, nowUs);
  assert.equal(await after.text(), "begun\n");
  assert.equal(rest.length, 0);
  const again = new MemoryOutlet();
  const { sequence } = after.batches[0]!;
  await publishLeft(recoverIntake(path), { producer, sequence }, false, again, nowUs);
  assert.equal(again.batches.length, 0);
});

test("a successor goes on in the middle of a line, and of one that is too long", async (t) => {
  const outlet = new MemoryOutlet();
  const { pipe, path } = withIntake(t, outlet);
  await pipe.take(Buffer.from("one\n" + "x".repeat(2500)));
  await waitFor(() => outlet.batches.length === 1);
  const left = recoverIntake(path);
  assert.equal(left.discarding, true);
  const partial = await publishLeft(left, undefined, true, new MemoryOutlet(), nowUs);
  const next = new MemoryOutlet();
  const start = { partial, discarding: left.discarding, region: 2 };
  const successor = withIntake(t, next, 0, start).pipe;
  await successor.take(Buffer.from("xxx\ntw"));
  await successor.take(Buffer.from("o\n"));
  await successor.end();
  assert.equal(await next.text(), "two\n");
});

test("the beginning of a line moves to the next region before its region is done with", async (t) => {
  const outlet = new MemoryOutlet();
  const { pipe, path } = withIntake(t, outlet);
  for (let i = 0; i < 20; i++) {
    await pipe.take(Buffer.from(`${i} and the beginning of`));
    await pipe.take(Buffer.from(` a line\nthe rest `));
    await waitFor(() => outlet.batches.length === i + 1);
    const left = recoverIntake(path);
    assert.equal(left.partial.toString(), "the rest ", `after ${i}`);
    await pipe.take(Buffer.from("of it "));
  }
});

test("an empty intake and none at all leave nothing", async (t) => {
  const { pipe, path } = withIntake(t, new MemoryOutlet());
  await pipe.take(Buffer.from("one\n"));
  await pipe.end();
  for (const file of [path, `${path}.none`]) {
    const left = recoverIntake(file);
    assert.deepEqual([left.fills, left.partial.length, left.pipe], [[], 0, undefined]);
  }
});
