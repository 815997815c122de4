import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ByteReader, ByteWriter } from "../../src/metrics/bytes-codec.ts";
import { Quantiles } from "../../src/metrics/quantiles.ts";

const QS = [0, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1];

function sketchOf(values: readonly number[], bits = 6): Quantiles {
  const sketch = new Quantiles(bits);
  for (const value of values) sketch.add(value);
  return sketch;
}

/** The value at rank ceil(q n), as the sketch defines a quantile. */
function exact(values: readonly number[], q: number): number {
  return values.toSorted((a, b) => a - b)[Math.max(1, Math.ceil(q * values.length)) - 1]!;
}

function checkError(sketch: Quantiles, values: readonly number[]): void {
  for (const q of QS) {
    const wanted = exact(values, q);
    const got = sketch.quantile(q);
    assert.ok(Math.abs(got - wanted) <= wanted * sketch.error + 1e-9, `q ${q}: ${got} instead of ${wanted}`);
  }
}

const value = fc.oneof(fc.nat(10), fc.nat(100_000), fc.integer({ min: 0, max: 2 ** 47 }));

test("every quantile is within the relative error, which is below 1 %", () => {
  assert.ok(new Quantiles().error < 0.01);
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 500 }), (values) => checkError(sketchOf(values), values)),
  );
});

test("merged sketches say what one sketch of all values says", () => {
  fc.assert(
    fc.property(fc.array(value, { maxLength: 200 }), fc.array(value, { minLength: 1, maxLength: 200 }), (a, b) => {
      const merged = sketchOf(a);
      merged.merge(sketchOf(b));
      const whole = sketchOf([...a, ...b]);
      for (const q of QS) assert.equal(merged.quantile(q), whole.quantile(q));
      assert.deepEqual([merged.count, merged.max, merged.zeros], [whole.count, whole.max, whole.zeros]);
    }),
  );
});

test("a sketch that was written and read says the same", () => {
  fc.assert(
    fc.property(fc.array(value, { maxLength: 200 }), (values) => {
      const into = new ByteWriter();
      const sketch = sketchOf(values);
      sketch.encode(into);
      const read = new Quantiles();
      read.mergeEncoded(new ByteReader(into.finish()));
      assert.deepEqual(read.shape(1), sketch.shape(1));
    }),
  );
});

test("a fine sketch folds into a coarse one within the coarse one's error", () => {
  const values = Array.from({ length: 3000 }, (_, i) => Math.floor(1.01 ** i % 1e12));
  const coarse = new Quantiles(4);
  coarse.merge(sketchOf(values, 6));
  checkError(coarse, values);
});

test("what was added since a copy was made can be told apart", () => {
  const sketch = sketchOf([1, 10, 100, 1000]);
  const before = new Quantiles();
  before.copy(sketch);
  for (const added of [5, 50_000, 7]) sketch.add(added);
  const since = sketch.since(before, 6);
  assert.equal(since.count, 3);
  assert.equal(since.sum, 50_012);
  checkError(since, [5, 7, 50_000]);
});

test("values that no log should hold do no harm: huge, and between 0 and 1", () => {
  const sketch = sketchOf([0.5, 2 ** 52, Number.MAX_SAFE_INTEGER, 1e300]);
  assert.equal(sketch.count, 4);
  assert.equal(sketch.quantile(0.1), 0);
  assert.ok(sketch.memory < 64 * 1024);
});

test("the sum of logarithms is as exact as the buckets", () => {
  const values = Array.from({ length: 1000 }, (_, i) => (i + 1) ** 2);
  const wanted = values.reduce((sum, x) => sum + Math.log(x + 1), 0);
  assert.ok(Math.abs(sketchOf(values).logSum() - wanted) < 1000 * 0.01);
});
