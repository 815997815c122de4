import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ByteReader, ByteWriter } from "../../src/metrics/bytes-codec.ts";
import { NONE, viewOf } from "../../src/metrics/intern.ts";
import {
  BYTES,
  COLUMNS,
  NOT_FOUND,
  nthSmallest,
  OVER,
  REQUESTS,
  TIME_US,
  TopList,
} from "../../src/metrics/top-list.ts";
import { flooded, uniform, zipf } from "./streams.ts";

const CAPACITY = 50;
const LIMITS = { capacity: CAPACITY, keyBytes: 64, bytes: 100_000 };

function add(list: TopList, value: number, bytes = 1): void {
  const key = Buffer.from(`/page/${value}`);
  const row = list.rowOf(key, viewOf(key), 0, key.length);
  assert.notEqual(row, NONE);
  list.rows[row + REQUESTS]!++;
  list.rows[row + BYTES]! += bytes;
}

function listOf(values: readonly number[]): TopList {
  const list = new TopList(LIMITS, 3);
  for (const value of values) add(list, value);
  return list;
}

function countsOf(values: readonly number[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(`/page/${value}`, (counts.get(`/page/${value}`) ?? 0) + 1);
  return counts;
}

/** Space-Saving's promises: bounds that hold for every value, in the list or not, and an error of at most total / capacity. */
function checkBounds(list: TopList, truth: ReadonlyMap<string, number>, total: number, lists = 1): void {
  const listed = new Set<string>();
  for (let row = 0; row < list.size * COLUMNS; row += COLUMNS) {
    const key = list.keyAt(row).toString();
    listed.add(key);
    const most = list.rows[row + REQUESTS]!;
    const least = most - list.rows[row + OVER]!;
    const true_ = truth.get(key) ?? 0;
    assert.ok(least <= true_ && true_ <= most, `${key}: ${true_} is not between ${least} and ${most}`);
  }
  for (const [key, count] of truth) {
    if (!listed.has(key))
      assert.ok(count <= list.floor, `${key} came ${count} times and is not listed; floor ${list.floor}`);
  }
  assert.ok(list.floor <= (lists * total) / CAPACITY, `floor ${list.floor} of ${total}`);
}

for (const [name, values] of [
  ["Zipf", zipf(20_000, 5000, 1)],
  ["uniform", uniform(20_000, 3000, 2)],
  ["flooded", flooded(20_000, 10)],
  ["all different", uniform(5000, 1e9, 3)],
  ["one value", uniform(1000, 1, 4)],
] as const) {
  test(`bounds hold on a stream that is ${name}`, () => {
    checkBounds(listOf(values), countsOf(values), values.length);
  });

  test(`bounds hold after merging two lists of streams that are ${name}`, () => {
    const half = values.length >> 1;
    const list = listOf(values.slice(0, half));
    list.merge(listOf(values.slice(half)));
    checkBounds(list, countsOf(values), values.length, 3);
  });

  test(`bounds hold after writing and reading a shortened list of a stream that is ${name}`, () => {
    const half = values.length >> 1;
    const into = new ByteWriter();
    listOf(values.slice(half)).encode(into, CAPACITY);
    const list = listOf(values.slice(0, half));
    list.mergeEncoded(new ByteReader(into.finish()));
    checkBounds(list, countsOf(values), values.length, 4);
  });
}

test("bounds hold on any stream", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(5), fc.nat(500)), { maxLength: 600 }), (values) => {
      const list = new TopList({ capacity: 5, keyBytes: 64, bytes: 10_000 }, 1);
      for (const value of values) add(list, value);
      const truth = countsOf(values);
      for (let row = 0; row < list.size * COLUMNS; row += COLUMNS) {
        const most = list.rows[row + REQUESTS]!;
        const count = truth.get(list.keyAt(row).toString())!;
        assert.ok(most - list.rows[row + OVER]! <= count && count <= most);
      }
      assert.ok(list.floor <= values.length / 5);
    }),
  );
});

test("with room for all values every count is exact", () => {
  const values = uniform(10_000, 40, 5);
  const list = listOf(values);
  const truth = countsOf(values);
  const rows = list.top(REQUESTS, 1000);
  assert.deepEqual(
    rows.map((row) => [list.keyAt(row).toString(), list.rows[row + REQUESTS], list.rows[row + OVER]]),
    [...truth].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([key, count]) => [key, count, 0]),
  );
});

test("a value that is seldom but heavy is kept for its bytes while others are forgotten", () => {
  const list = new TopList({ ...LIMITS, bytes: 1_000_000 }, 1, [REQUESTS, BYTES, NOT_FOUND, TIME_US]);
  add(list, -1, 1e9);
  for (const value of flooded(20_000, 100)) add(list, value, 10);
  const [heaviest] = list.top(BYTES, 1);
  assert.equal(list.keyAt(heaviest!).toString(), "/page/-1");
  assert.equal(list.rows[heaviest! + BYTES], 1e9);
});

test("memory stays the same however many values come", () => {
  const list = listOf(uniform(10_000, 1e9, 1));
  const full = list.memory;
  for (const value of uniform(50_000, 1e9, 2)) add(list, value);
  assert.equal(list.memory, full);
});

test("long values that fill the memory for them make others be forgotten, not the list fail", () => {
  const list = new TopList({ capacity: 50, keyBytes: 400, bytes: 2000 }, 1);
  for (let i = 0; i < 1000; i++) {
    const key = Buffer.from(`${"x".repeat(300)}${i}`);
    const row = list.rowOf(key, viewOf(key), 0, key.length);
    assert.notEqual(row, NONE);
    list.rows[row + REQUESTS]!++;
  }
  assert.ok(list.size <= 7);
});

test("a list that had to forget says how much a forgotten value may have had", () => {
  assert.ok(listOf(flooded(20_000, 10)).floor > 0);
  assert.equal(listOf(uniform(20_000, 40, 1)).floor, 0);
});

test("selecting finds what sorting finds, equals and all", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(30), { minLength: 1, maxLength: 60 }), fc.nat(), (values, at) => {
      const n = at % values.length;
      assert.equal(nthSmallest(Float64Array.from(values), n), values.toSorted((a, b) => a - b)[n]);
    }),
  );
});
