import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ForwardMark } from "../../../src/bus/spool/forward-mark.ts";
import { newProducer } from "../../../src/message/batch.ts";
import { tempFolder } from "../../temp.ts";

test("a mark is what was written last", (t) => {
  const folder = tempFolder(t);
  const mark = ForwardMark.open(folder);
  const last = { producer: newProducer(), sequence: 9 };
  for (const position of [1, 2, 3]) mark.write({ position, last, clean: false });
  mark.close();
  assert.deepEqual(ForwardMark.peek(folder), { position: 3, last, clean: false });
  const again = ForwardMark.open(folder);
  again.write({ position: 4, last, clean: true });
  again.close();
  assert.deepEqual(ForwardMark.peek(folder), { position: 4, last, clean: true });
});

test("without a mark nothing was forwarded, and nothing is there to be", (t) => {
  assert.deepEqual(ForwardMark.peek(tempFolder(t)), { position: 0, last: undefined, clean: true });
});

test("a write that was torn at any byte leaves the mark before it", (t) => {
  const folder = tempFolder(t);
  const file = join(folder, "forwarded");
  const mark = ForwardMark.open(folder);
  mark.write({ position: 1, last: undefined, clean: false });
  mark.write({ position: 2, last: undefined, clean: false });
  const before = readFileSync(file);
  mark.write({ position: 3, last: undefined, clean: false });
  mark.close();
  const after = readFileSync(file);
  for (let n = 0; n < after.length; n++) {
    // The first n bytes of what the write changed arrived.
    writeFileSync(file, Buffer.concat([after.subarray(0, n), before.subarray(n)]));
    const { position } = ForwardMark.peek(folder);
    assert.ok(position === 2 || position === 3, `torn at byte ${n}: ${position}`);
  }
});
