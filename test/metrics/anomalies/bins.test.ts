import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { BINS, binOf, edgeOf, middleOf } from "../../../src/metrics/anomalies/bins.ts";

const value = fc.oneof(fc.integer({ min: 0, max: 64 }), fc.integer({ min: 0, max: 0xffffffff }));

test("every value lies between the edges of its bin", () => {
  fc.assert(
    fc.property(value, (each) => {
      const bin = binOf(each);
      assert.ok(bin >= 0 && bin < BINS);
      assert.ok(edgeOf(bin) <= each, `${each} below the edge of ${bin}`);
      assert.ok(each < edgeOf(bin + 1), `${each} above the edge of ${bin}`);
      assert.ok(middleOf(bin) >= edgeOf(bin) && middleOf(bin) <= edgeOf(bin + 1));
    }),
  );
});

test("twice a value from 4 on is four bins further", () => {
  fc.assert(fc.property(fc.integer({ min: 4, max: 0x7ffffffe }), (each) => binOf(2 * each) === binOf(each) + 4));
});

test("values beyond 32 bits count as the largest", () => assert.equal(binOf(1e15), BINS - 1));
