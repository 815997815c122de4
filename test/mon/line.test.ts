import assert from "node:assert/strict";
import { test } from "node:test";
import { ASCII, clean, clip, fit, UNICODE, widthOf } from "../../src/mon/line.ts";

test("wide characters take two columns, marks that sit on others none", () => {
  assert.equal(widthOf("abc"), 3);
  assert.equal(widthOf("漢字"), 4);
  assert.equal(widthOf("🙂"), 2);
  assert.equal(widthOf("e\u0301"), 1);
  assert.equal(widthOf("한글ｆ"), 6);
});

test("clipped text is never wider than it may be, and a wide character is not halved", () => {
  assert.equal(clip("漢字漢字", 4, UNICODE), "漢…");
  assert.equal(clip("abcdef", 4, UNICODE), "abc…");
  assert.equal(clip("abcd", 4, UNICODE), "abcd");
  assert.equal(clip("abcdef", 0, UNICODE), "");
  assert.equal(fit("漢字漢字", 4, "left", UNICODE), "漢… ");
  assert.equal(fit("7", 3, "right", UNICODE), "  7");
});

test("a pile of marks on one letter is taken off", () => {
  assert.equal(clean(`a${"\u0301".repeat(50)}b`, UNICODE), "a\u0301\u0301b");
});

test("for a terminal of ASCII every other character is spelled out", () => {
  assert.equal(clean("é\x9b", ASCII), "\\u{e9}\\x9b");
});
