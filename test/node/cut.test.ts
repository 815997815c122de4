import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Cutter } from "../../src/node/api/cut.ts";
import { Refusal } from "../../src/node/api/problem.ts";

/** All pieces of a stream of chunks, or the message of the refusal. */
function cut(chunks: readonly Buffer[], batchBytes: number, messageBytes: number, early: boolean) {
  const cutter = new Cutter({ batchBytes, messageBytes, setting: "limit" });
  const pieces = [];
  try {
    for (const chunk of chunks) {
      cutter.add(chunk);
      const first = early ? cutter.take(true) : undefined;
      if (first !== undefined) pieces.push(first);
      for (let piece = cutter.take(false); piece !== undefined; piece = cutter.take(false)) pieces.push(piece);
    }
    return [...pieces, ...cutter.rest()];
  } catch (error) {
    assert.ok(error instanceof Refusal);
    return error.message;
  }
}

/** The plain slow twin: the lines of the stream, or the number of the first that is too long. */
function plain(chunks: readonly Buffer[], messageBytes: number): string[] | number {
  const lines = Buffer.concat(chunks).toString("latin1").split("\n");
  if (lines.at(-1) === "") lines.pop();
  const tooLong = lines.findIndex((line) => line.length > messageBytes);
  return tooLong === -1 ? lines : tooLong + 1;
}

test("however a stream is chunked, its pieces are whole lines, in order, numbered, and not too large", () => {
  const chunk = fc
    .array(fc.constantFrom("a", "bb", "\n", "\n", "cccc"), { maxLength: 12 })
    .map((p) => Buffer.from(p.join("")));
  const given = fc.record({
    chunks: fc.array(chunk, { maxLength: 12 }),
    batchBytes: fc.integer({ min: 1, max: 30 }),
    messageBytes: fc.integer({ min: 1, max: 20 }),
    early: fc.boolean(),
  });
  fc.assert(
    fc.property(given, ({ chunks, batchBytes, messageBytes, early }) => {
      const expected = plain(chunks, messageBytes);
      const actual = cut(chunks, batchBytes, messageBytes, early);
      if (typeof actual === "string") {
        assert.match(actual, new RegExp(`^line ${expected} is too long`));
        return;
      }
      const text = actual.map(({ bytes }) => bytes.toString("latin1")).join("");
      assert.ok(Array.isArray(expected), "a line that is too long was let through");
      assert.equal(text, expected.map((line) => `${line}\n`).join(""));
      let line = 1;
      for (const { bytes, firstLine, lines } of actual) {
        assert.equal(firstLine, line);
        assert.equal(lines, bytes.filter((b) => b === 10).length);
        assert.equal(bytes.at(-1), 10);
        assert.ok(bytes.length <= batchBytes || lines === 1, `${bytes.length} bytes in ${lines} lines`);
        line += lines;
      }
    }),
    { numRuns: 2000 },
  );
});
