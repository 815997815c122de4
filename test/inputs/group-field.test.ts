import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { GroupField, gather } from "../../src/inputs/group-field.ts";

function groupsOf(text: string, field = 1): Record<string, string> {
  const lines = Buffer.from(text, "latin1");
  const scratch = Buffer.alloc(lines.length);
  const { groups } = new GroupField(field, "other").split(lines);
  return Object.fromEntries(groups.map((g) => [g.group, gather(lines, g, scratch).toString("latin1")]));
}

test("the first field names the group and is cut off", () => {
  assert.deepEqual(groupsOf("a.example x y\nb.example z\na.example w\n"), {
    "a.example": "x y\nw\n",
    "b.example": "z\n",
  });
});

test("another field can name the group: in the middle, and at the end", () => {
  assert.deepEqual(groupsOf("x a y\n", 2), { a: "x y\n" });
  assert.deepEqual(groupsOf("x y a\n", 3), { a: "x y\n" });
});

test("a line whose field cannot be a group goes whole to the fallback, and is counted", () => {
  const text = "*bad x\n\n x\n$ledger x\nva/lid x\nb\xffd x\n";
  assert.deepEqual(groupsOf(text), { other: text });
  assert.equal(new GroupField(1, "other").split(Buffer.from(text, "latin1")).badNames, 6);
});

test("a line of nothing but the group becomes an empty line", () => {
  assert.deepEqual(groupsOf("a\n"), { a: "\n" });
});

test("each group gets its lines in their order, whatever the mixture", () => {
  const line = fc.tuple(fc.constantFrom("a", "b", "c"), fc.constantFrom("", "1", "22 3", "   "));
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 50 }), (all) => {
      const expected: Record<string, string> = {};
      for (const [group, rest] of all) expected[group] = `${expected[group] ?? ""}${rest}\n`;
      assert.deepEqual(groupsOf(all.map(([group, rest]) => `${group} ${rest}\n`).join("")), expected);
    }),
  );
});
