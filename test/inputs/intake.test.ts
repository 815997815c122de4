import assert from "node:assert/strict";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { crc32 } from "node:zlib";
import { Intake, pipeOfIntake, recoverIntake } from "../../src/inputs/intake.ts";
import { newProducer } from "../../src/message/batch.ts";
import { tempFolder } from "../temp.ts";

const labels = { producer: newProducer(), sender: "me@here", group: "web", groupField: 3 };

function intakeIn(t: TestContext): { intake: Intake; path: string } {
  const path = join(tempFolder(t), "intake");
  const intake = new Intake(path, { labels, pipe: { inode: 1, device: 2 }, generation: 41, report: () => {} });
  t.after(() => intake.close());
  return { intake, path };
}

test("a fill is recovered with everything that was said of it", (t) => {
  const { intake, path } = intakeIn(t);
  const region = { index: 1, generation: 0, at: 0 };
  intake.write(region, Buffer.from("one\n"), false, 17, 0);
  intake.write(region, Buffer.from("two"), false, 17, 0);
  const left = recoverIntake(path);
  assert.deepEqual(left.fills, [{ labels, firstSequence: 17, lines: Buffer.from("one\n") }]);
  assert.equal(left.partial.toString(), "two");
  assert.deepEqual([left.region, left.generation, left.discarding], [1, 42, false]);
  assert.deepEqual(pipeOfIntake(path), { inode: 1, device: 2 });
});

test("wherever a write was torn, what was written before it is recovered and nothing else", (t) => {
  const { intake, path } = intakeIn(t);
  const region = { index: 0, generation: 0, at: 0 };
  const ends: number[] = [];
  for (const line of ["one\n", "two\n", "three\n"]) {
    intake.write(region, Buffer.from(line), false, 1, 0);
    ends.push(region.at);
  }
  const whole = readFileSync(path);
  for (let size = 0; size <= whole.length; size++) {
    writeFileSync(path, whole);
    truncateSync(path, size);
    const lines = recoverIntake(path).fills.map((fill) => fill.lines.toString());
    const kept = ["one\n", "two\n", "three\n"].slice(0, ends.filter((end) => end <= size).length).join("");
    assert.deepEqual(lines, kept === "" ? [] : [kept], `cut to ${size} bytes`);
  }
});

test("bytes of an earlier fill further on in the region are not taken for this one's", (t) => {
  const { intake, path } = intakeIn(t);
  const region = { index: 0, generation: 0, at: 0 };
  for (let i = 0; i < 5; i++) intake.write(region, Buffer.from("old\n"), false, 1, 0);
  intake.clear(region);
  intake.write(region, Buffer.from("new\n"), false, 2, 0);
  assert.deepEqual(
    recoverIntake(path).fills.map((fill) => fill.lines.toString()),
    ["new\n"],
  );
});

test("after another boot of the machine an intake counts for nothing", (t) => {
  const { intake, path } = intakeIn(t);
  intake.write({ index: 0, generation: 0, at: 0 }, Buffer.from("one\n"), false, 1, 0);
  const bytes = readFileSync(path);
  bytes[56]! ^= 1; // the boot id
  bytes.writeUInt32BE(crc32(bytes.subarray(8, 512)), 4);
  writeFileSync(path, bytes);
  assert.deepEqual(recoverIntake(path).fills, []);
});
