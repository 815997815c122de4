import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { harmless, harmlessJson, harmlessText } from "../../src/outputs/harmless.ts";

const shown = (text: string) => harmless(Buffer.from(text));

test("a usual line passes as it is", () => {
  const line = '203.0.113.7 - - [24/Nov/2026:10:00:00 +0000] "GET /a?b=%20 HTTP/1.1" 200 12 "-" "Mozilla/5.0"\ttab';
  assert.equal(shown(line), line);
});

test("letters of any script and emoji stay", () => {
  assert.equal(shown("Grüße, мир, 世界 👩‍💻"), "Grüße, мир, 世界 👩‍💻");
});

test("an escape sequence stands as text", () => {
  assert.equal(shown("a\x1b[31mred\x1b]0;title\x07"), "a\\x1b[31mred\\x1b]0;title\\x07");
});

test("a carriage return, a newline and a backspace cannot overwrite what stands before them", () => {
  assert.equal(shown("a\rb\nc\bd"), "a\\x0db\\x0ac\\x08d");
});

test("C1 controls are escaped, encoded or as single bytes", () => {
  assert.equal(shown("\u009b31m"), "\\x9b31m");
  assert.equal(harmless(Buffer.from([0x41, 0x9b, 0x33])), "A\\x9b3");
});

test("bytes that are no UTF-8 are shown as bytes", () => {
  assert.equal(harmless(Buffer.from([0x47, 0xfc, 0x6e])), "G\\xfcn");
});

test("marks that turn the text round or hide it are shown", () => {
  assert.equal(shown("a\u202eb\u2066c\u200bd\u{e0041}"), "a\\u{202e}b\\u{2066}c\\u{200b}d\\u{e0041}");
});

test("whatever the bytes, no control reaches the terminal", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      assert.doesNotMatch(harmless(Buffer.from(bytes)), /[\0-\x08\x0a-\x1f\x7f-\x9f\u202a-\u202e]/);
    }),
  );
});

test("a name cannot hold even a tab", () => {
  assert.equal(harmlessText("a\tb\x1b"), "a\\x09b\\x1b");
});

test("harmless JSON says the same", () => {
  const value = { message: "a\u009b\u{e0041}\x1b" };
  const json = harmlessJson(JSON.stringify(value));
  assert.match(json, /^[\x20-\x7e]+$/);
  assert.deepEqual(JSON.parse(json), value);
});
