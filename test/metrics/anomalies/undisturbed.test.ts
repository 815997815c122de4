/** No report without a reason: an hour of each kind of traffic, several times. */
import assert from "node:assert/strict";
import test from "node:test";
import { hourLongDay, type TrafficOptions } from "./traffic.ts";
import { watchOf } from "./watch.ts";

const HOUR_S = 3600;

const KINDS: readonly (readonly [string, readonly number[], Omit<TrafficOptions, "seed">])[] = [
  ["200 requests/s over 8 servers", [11, 12, 13], {}],
  ["20 requests/s over 2 servers", [21, 22], { rate: 20, servers: ["a", "b"] }],
  ["one server", [31], { rate: 40, servers: ["a"] }],
  ["a visitor now and then", [41, 42], { rate: 0.3, servers: ["a", "b", "c"] }],
  ["servers that never fail", [51], { rate: 50, errors: 0 }],
  ["servers of which every twentieth answer is an error", [61], { rate: 50, errors: 0.05 }],
  ["days of twelve minutes", [71], { rate: 50, servers: ["a", "b", "c", "d"], busyness: (s) => hourLongDay(5 * s) }],
];

for (const [name, seeds, options] of KINDS) {
  for (const seed of seeds) {
    test(`an hour of undisturbed traffic gives no report: ${name} (seed ${seed})`, () => {
      const watch = watchOf({ ...options, seed });
      watch.run(HOUR_S);
      assert.deepEqual(watch.told, []);
    });
  }
}
