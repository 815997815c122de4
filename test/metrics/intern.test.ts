import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Intern, NONE, viewOf } from "../../src/metrics/intern.ts";

function numberOf(intern: Intern, text: string): number {
  const bytes = Buffer.from(text);
  return intern.intern(bytes, viewOf(bytes), 0, bytes.length);
}

test("a value keeps its number, two values never share one, and the value can be had back", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 40 }), { maxLength: 400 }), fc.integer(), (values, seed) => {
      const intern = new Intern({ entries: 1000, bytes: 100_000, keyBytes: 200 }, seed);
      const twin = new Map<string, number>();
      for (const value of values) {
        const number = numberOf(intern, value);
        assert.equal(number, twin.get(value) ?? twin.size);
        twin.set(value, number);
      }
      for (const [value, number] of twin) assert.equal(intern.text(number), value);
      assert.equal(intern.size, twin.size);
    }),
  );
});

test("a value is found wherever it lies in a longer buffer, and `find` gives none a number", () => {
  const intern = new Intern({ entries: 10, bytes: 100, keyBytes: 50 }, 1);
  const bytes = Buffer.from("xx/page?a=1yy");
  assert.equal(intern.find(viewOf(bytes), 2, 11), NONE);
  const number = intern.intern(bytes, viewOf(bytes), 2, 11);
  const other = Buffer.from("/page?a=1");
  assert.equal(intern.find(viewOf(other), 0, 9), number);
  assert.equal(intern.size, 1);
});

test("beyond its entries or its bytes it takes nothing more and counts what it refused", () => {
  const byEntries = new Intern({ entries: 100, bytes: 10_000, keyBytes: 50 }, 1);
  for (let i = 0; i < 500; i++) assert.equal(numberOf(byEntries, `value ${i}`), i < 100 ? i : NONE);
  assert.equal(byEntries.refused, 400);
  const byBytes = new Intern({ entries: 1000, bytes: 64, keyBytes: 50 }, 1);
  for (let i = 0; i < 20; i++)
    assert.equal(numberOf(byBytes, `12345678${String(i).padStart(2, "0")}`), i < 6 ? i : NONE);
});

test("a longer value is cut", () => {
  const intern = new Intern({ entries: 10, bytes: 100, keyBytes: 4 }, 1);
  assert.equal(numberOf(intern, "abcdef"), numberOf(intern, "abcdxyz"));
  assert.equal(intern.text(0), "abcd");
});

test("after forgetting some, the others are numbered anew in their order and still found", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.string({ maxLength: 20 }), { maxLength: 300 }),
      fc.infiniteStream(fc.boolean()),
      (values, coins) => {
        const intern = new Intern({ entries: 400, bytes: 10_000, keyBytes: 100 }, 7);
        for (const value of values) numberOf(intern, value);
        const kept = Uint8Array.from(values, () => (coins.next().value ? 1 : 0));
        intern.retain(kept);
        const left = values.filter((_, i) => kept[i] === 1);
        assert.equal(intern.size, left.length);
        for (const [i, value] of left.entries()) assert.equal(numberOf(intern, value), i);
        assert.equal(intern.size, left.length);
      },
    ),
  );
});

test("memory stays where its limits are, however many values come", () => {
  const intern = new Intern({ entries: 1000, bytes: 50_000, keyBytes: 100 }, 1);
  for (let i = 0; i < 2000; i++) numberOf(intern, `a value that is new, number ${i}`);
  const full = intern.memory;
  for (let i = 0; i < 20_000; i++) numberOf(intern, `another value that is new, number ${i}`);
  assert.equal(intern.memory, full);
});
