import assert from "node:assert/strict";
import { test } from "node:test";
import { chanceFrom } from "../../../src/cli/demo/chance.ts";
import { simulate } from "../../../src/cli/demo/simulate.ts";
import { openEmbedded } from "../../bus/embedded/open.ts";
import { take } from "../../conformance/bus.ts";

test("four producers publish to the group, in sequence, until they are stopped", async (t) => {
  const { bus } = await openEmbedded(t);
  const stop = new AbortController();
  const deps = { nowMs: Date.now, chance: chanceFrom(1), report: () => {} };
  const running = simulate({ group: "demo", rate: 500 }, bus, deps, stop.signal);
  const deliveries = await take(bus, 12);
  stop.abort();
  await assert.rejects(running, { name: "AbortError" });
  const last = new Map<string, number>();
  for (const delivery of deliveries) {
    assert.ok(delivery.kind === "batch");
    const { group, sender, sequence } = delivery.batch;
    assert.equal(group, "demo");
    assert.match(sender, /^simulated@sim-[1-4]$/);
    assert.equal(sequence, (last.get(sender) ?? 0) + 1);
    last.set(sender, sequence);
  }
  assert.equal(last.size, 4);
});
