import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { newProducer } from "../../src/message/batch.ts";
import type { Delivery } from "../../src/message/delivery.ts";
import { SegmentLog, type SegmentLogOptions } from "../../src/segments/log.ts";
import { batchOf } from "../conformance/bus.ts";
import { tempFolder } from "../temp.ts";

const GROUPS = ["a", "b", "c"];

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("append" as const),
      groups: fc.array(fc.nat(2), { minLength: 1, maxLength: 6 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("read" as const), from: fc.nat(100), group: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reopen" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("seal" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("delete" as const), before: fc.nat(100) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("delete oldest" as const) }) },
);

/** What a reader is told, as text: positions and counts. */
async function told(log: SegmentLog, from: number, wanted: (group: string) => boolean): Promise<string[]> {
  const seen: string[] = [];
  const say = (d: Delivery) =>
    d.kind === "gap" ? `gap ${d.first}-${d.last} of ${d.messages}` : `${d.position} ${d.batch.group} ${d.batch.count}`;
  for await (const delivery of log.read({ position: from }, wanted, false, new AbortController().signal))
    seen.push(say(delivery));
  return seen;
}

test("a log of random appends, seals, deletions and reopens reads as a plain array does", async (t) => {
  const folders = tempFolder(t);
  let run = 0;
  const { mkdirSync } = await import("node:fs");
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 40 }),
      fc.integer({ min: 200, max: 1500 }),
      fc.constantFrom(0, 10_000),
      async (steps, segmentBytes, recentBytes) => {
        const folder = `${folders}/${run++}`;
        mkdirSync(folder);
        const options: SegmentLogOptions = {
          fsync: "never",
          fsyncIntervalMs: 1000,
          segmentBytes,
          queueBytes: 1e6,
          recentBytes,
          readBytes: 500,
          retiredIndexBytes: 1e6,
          nowUs: () => Date.now() * 1000,
          report: (_, text) => assert.fail(text),
        };
        let log = await SegmentLog.open(folder, options);
        const model: { group: string; count: number }[] = []; // position = index + 1
        const producer = newProducer();
        for (const s of steps) {
          if (s.do === "append") {
            const made = s.groups.map((g, i) => ({ group: GROUPS[g]!, count: 1 + (i % 3) }));
            const batches = await Promise.all(
              made.map(({ group, count }) => batchOf(Array(count).fill("x"), { group, producer })),
            );
            const places = await Promise.all(batches.map((batch) => log.append(batch)));
            assert.deepEqual(
              places.map((p) => p.position),
              made.map((_, i) => model.length + 1 + i),
            );
            model.push(...made);
          } else if (s.do === "read") {
            const from = Math.min(1 + s.from, model.length + 1);
            const wanted = (group: string) => s.group === 3 || group === GROUPS[s.group];
            const first = log.firstPosition;
            const expected: string[] = [];
            const gone = model.slice(from - 1, Math.max(from - 1, first - 1)).filter((m) => wanted(m.group));
            const messages = gone.reduce((sum, m) => sum + m.count, 0);
            if (messages > 0) expected.push(`gap ${from}-${first - 1} of ${messages}`);
            for (let position = Math.max(from, first); position <= model.length; position++) {
              const { group, count } = model[position - 1]!;
              if (wanted(group)) expected.push(`${position} ${group} ${count}`);
            }
            assert.deepEqual(await told(log, from, wanted), expected);
          } else if (s.do === "reopen") {
            await log.close();
            log = await SegmentLog.open(folder, options);
          } else if (s.do === "seal") {
            await log.seal();
          } else if (s.do === "delete") {
            const before = Math.min(1 + s.before, model.length + 1);
            const { firstPosition } = log;
            await log.deleteBefore(before);
            assert.ok(log.firstPosition <= Math.max(before, firstPosition), "deleted more than asked");
          } else {
            const { firstPosition } = log;
            const deleted = await log.deleteOldest(firstPosition);
            const gone = model.slice(firstPosition - 1, log.firstPosition - 1);
            assert.equal(
              deleted?.messages ?? 0,
              gone.reduce((sum, m) => sum + m.count, 0),
            );
          }
          assert.equal(log.lastPosition, model.length);
        }
        await log.close();
      },
    ),
    { numRuns: 150 },
  );
});
