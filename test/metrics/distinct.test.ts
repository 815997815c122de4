import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ByteReader, ByteWriter } from "../../src/metrics/bytes-codec.ts";
import { Distinct } from "../../src/metrics/distinct.ts";
import { FIXED, hash64 } from "../../src/metrics/hash.ts";
import { viewOf } from "../../src/metrics/intern.ts";

const HASH = new Int32Array(2);

function add(sketch: Distinct, text: string): void {
  const bytes = Buffer.from(text);
  hash64(viewOf(bytes), 0, bytes.length, FIXED, HASH);
  sketch.add(HASH[0]!, HASH[1]!);
}

function sketchOf(p: number, from: number, to: number, name: (i: number) => string): Distinct {
  const sketch = new Distinct(p);
  for (let i = from; i < to; i++) add(sketch, name(i));
  return sketch;
}

/** What a poor hash would stumble over: only a few bits differ, or only the end, or the beginning. */
const NAMES: Readonly<Record<string, (i: number) => string>> = {
  numbers: (i) => `${i}`,
  "addresses and agents": (i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255} Mozilla/5.0 (X11; Linux x86_64)`,
  "a long common end": (i) => `${i.toString(2)}${"x".repeat(100)}`,
  "single bits": (i) => Buffer.from([i & 1, (i >> 1) & 1, (i >> 2) & 1, i >> 3, i >> 11, i >> 19]).toString("latin1"),
};

for (const [kind, name] of Object.entries(NAMES)) {
  test(`counts of ${kind} are within four standard errors from one to 100,000`, () => {
    for (const n of [1, 10, 100, 1000, 10_000, 100_000]) {
      const sketch = sketchOf(12, 0, n, name);
      const off = Math.abs(sketch.count() / n - 1);
      assert.ok(off <= 4 * sketch.error, `${n}: ${sketch.count()}`);
    }
  });
}

test("over many sets the error is the stated one and leans to neither side", () => {
  const errors: number[] = [];
  for (let set = 0; set < 100; set++) {
    errors.push(sketchOf(10, 0, 3000, (i) => `${set}/${i}`).count() / 3000 - 1);
  }
  const mean = errors.reduce((a, b) => a + b, 0) / errors.length;
  const deviation = Math.sqrt(errors.reduce((sum, e) => sum + e * e, 0) / errors.length);
  const { error } = new Distinct(10);
  assert.ok(Math.abs(mean) < error * 0.4, `mean ${mean}`);
  assert.ok(deviation < error * 1.3, `deviation ${deviation}, stated ${error}`);
});

test("repeats change nothing", () => {
  const once = sketchOf(12, 0, 5000, (i) => `${i}`);
  const often = sketchOf(12, 0, 50_000, (i) => `${i % 5000}`);
  assert.equal(often.count(), once.count());
});

test("merged sketches, sparse and dense in any mixture, say what one of all values says", () => {
  fc.assert(
    fc.property(fc.nat(3000), fc.nat(3000), fc.nat(3000), (a, b, c) => {
      const merged = sketchOf(10, 0, a, String);
      merged.merge(sketchOf(10, b, b + c, String));
      const whole = sketchOf(10, 0, a, String);
      for (let i = b; i < b + c; i++) add(whole, String(i));
      assert.equal(merged.count(), whole.count());
    }),
    { numRuns: 40 },
  );
});

test("a sketch that was written and read says the same", () => {
  for (const n of [0, 5, 200, 20_000]) {
    const sketch = sketchOf(12, 0, n, String);
    const into = new ByteWriter();
    sketch.encode(into);
    const read = new Distinct(12);
    read.mergeEncoded(new ByteReader(into.finish()));
    assert.equal(read.count(), sketch.count());
  }
});

test("a finer sketch folds into a coarser one", () => {
  const coarse = new Distinct(9);
  coarse.merge(sketchOf(14, 0, 10_000, String));
  assert.equal(coarse.count(), sketchOf(9, 0, 10_000, String).count());
});

test("few values take little memory, and no number of values takes more than the registers", () => {
  assert.ok(sketchOf(14, 0, 100, String).memory <= 2048);
  assert.equal(sketchOf(14, 0, 100_000, String).memory, 16_384);
});
