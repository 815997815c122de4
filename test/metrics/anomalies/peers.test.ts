import assert from "node:assert/strict";
import test from "node:test";
import { againstPeers, median } from "../../../src/metrics/anomalies/peers.ts";

test("the median is the middle value, or the mean of the two in the middle", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
});

test("with fewer than three peers nobody can say who is the odd one out", () => {
  assert.equal(againstPeers(10, [1, 1], 0.1), undefined);
});

test("the z-score is in standard deviations of the peers, from their median", () => {
  const { usual, z } = againstPeers(16, [8, 9, 10, 11, 12], 0)!;
  assert.equal(usual, 10);
  assert.ok(Math.abs(z - 6 / 1.4826) < 1e-12);
});

test("another odd peer changes next to nothing", () => {
  assert.equal(againstPeers(16, [8, 9, 10, 11, 1e9], 0)!.usual, 10);
});

test("peers that are all alike make no trifle look enormous", () => {
  assert.equal(againstPeers(10.5, [10, 10, 10], 1)!.z, 0.5);
});
