import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { countLines, endOfLastLine, NEWLINE } from "../../src/message/lines.ts";

const texts = fc
  .array(fc.oneof(fc.constant(NEWLINE), fc.nat(255)), { maxLength: 200 })
  .map((list) => Buffer.from(list));

/** The plain twins of the functions. */
function slowCount(bytes: Buffer): number {
  let count = 0;
  for (const byte of bytes) if (byte === NEWLINE) count++;
  return count;
}
function slowEnd(bytes: Buffer): number {
  for (let at = bytes.length; at > 0; at--) if (bytes[at - 1] === NEWLINE) return at;
  return 0;
}

test("countLines agrees with counting byte by byte", () => {
  fc.assert(fc.property(texts, (bytes) => countLines(bytes) === slowCount(bytes)));
});

test("endOfLastLine agrees with looking byte by byte", () => {
  fc.assert(fc.property(texts, (bytes) => endOfLastLine(bytes) === slowEnd(bytes)));
});

test("empty lines count, and carriage returns do not end a line", () => {
  assert.equal(countLines(Buffer.from("\n\na\rb\r\n")), 3);
});

test("no bytes are no lines", () => {
  assert.equal(countLines(Buffer.alloc(0)), 0);
  assert.equal(endOfLastLine(Buffer.alloc(0)), 0);
});
