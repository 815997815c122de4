import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { checkGroupName, groupMatcher, MAX_NAME_BYTES } from "../../src/message/names.ts";

for (const name of ["coolsite", "www.example.org:443", "a", "$ledger", "größe", "日志", "x".repeat(MAX_NAME_BYTES)]) {
  test(`${JSON.stringify(name.slice(0, 20))} can be a group`, () => assert.equal(checkGroupName(name), name));
}

for (const [name, why] of [
  ["", /it is empty/],
  ["x".repeat(MAX_NAME_BYTES + 1), /longer than 200 bytes/],
  ["ä".repeat(101), /longer than 200 bytes/],
  ["a b", /contains " "/],
  ["a/b", /contains "\/"/],
  ["a,b", /contains ","/],
  ["web-*", /contains "\*"/],
  ["a?b", /contains "\?"/],
  ["a\nb", /contains "\\n"/],
  ["a\u001b[31m", /contains "\\u001b"/],
  ["a\u0000", /contains "\\u0000"/],
  ["a\u202eb", /blanks, control characters/],
  ["a\ud800b", /blanks, control characters/],
  ["a\u00a0b", /blanks, control characters/],
] as const) {
  test(`${JSON.stringify(name.slice(0, 20))} cannot be a group, and the error says why`, () => {
    assert.throws(() => checkGroupName(name), { name: "LogspreadError", code: "BAD_ARGUMENT", message: why });
  });
}

test("a group that is named matches, and no other", () => {
  const matches = groupMatcher(["coolsite", "web.1"]);
  assert.deepEqual(["coolsite", "web.1", "webx1", "coolsite2", "Coolsite"].map(matches), [
    true,
    true,
    false,
    false,
    false,
  ]);
});

test("a star stands for any run of characters, an empty one too", () => {
  const matches = groupMatcher(["web-*", "*.example.org", "a*b*c"]);
  const names = ["web-", "web-1", "we-1", "www.example.org", "example.org", "abc", "axxbxxc", "acb", "abcd"];
  assert.deepEqual(names.filter(matches), ["web-", "web-1", "www.example.org", "abc", "axxbxxc"]);
});

test("the pieces of a pattern do not overlap in a name", () => {
  assert.deepEqual(["aba", "abba", "ab"].filter(groupMatcher(["ab*ba"])), ["abba"]);
  assert.deepEqual(["ab", "abb", "abab"].filter(groupMatcher(["a*b*b"])), ["abb", "abab"]);
});

test("no pattern matches no group", () => assert.equal(groupMatcher([])("coolsite"), false));

test("a wildcard never matches a system group; its full name does", () => {
  assert.equal(groupMatcher(["*"])("$ledger"), false);
  assert.equal(groupMatcher(["$*"])("$ledger"), false);
  assert.equal(groupMatcher(["*", "$ledger"])("$ledger"), true);
});

test("signs that mean something in a regular expression stand for themselves", () => {
  assert.deepEqual(["a+b.x", "aab.x", "a+bcx", "(x)[1]"].filter(groupMatcher(["a+b.*", "(x)[*]"])), [
    "a+b.x",
    "(x)[1]",
  ]);
});

test("patterns agree with a plain search of every split", () => {
  const letters = (maxLength: number) => fc.string({ unit: fc.constantFrom("a", "b"), maxLength });
  const pattern = fc.string({ unit: fc.constantFrom("a", "b", "*"), minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(pattern, letters(8), (p, name) => groupMatcher([p])(name) === slowMatch(p, name)),
    { numRuns: 3000 },
  );
});

/** The plain twin of `groupMatcher` for one pattern. */
function slowMatch(pattern: string, name: string): boolean {
  if (pattern === "") return name === "";
  if (pattern[0] !== "*") return name[0] === pattern[0] && name !== "" && slowMatch(pattern.slice(1), name.slice(1));
  return slowMatch(pattern.slice(1), name) || (name !== "" && slowMatch(pattern, name.slice(1)));
}

test("a hostile pattern is decided at once", () => {
  const started = performance.now();
  assert.equal(groupMatcher(["*a".repeat(50) + "*b"])("a".repeat(MAX_NAME_BYTES)), false);
  assert.ok(performance.now() - started < 1000);
});
