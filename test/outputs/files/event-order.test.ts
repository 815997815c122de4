import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { newFilesCounters } from "../../../src/outputs/files/counters.ts";
import { EventOrder } from "../../../src/outputs/files/event-order.ts";
import type { Place } from "../../../src/outputs/files/parcel.ts";
import type { Portion } from "../../../src/outputs/files/portion.ts";
import { accessLine, SECOND, Site, TEN } from "./site.ts";

const START: Place = { position: 0, resume: 1, watermarkUs: -1 };

interface Arrival {
  readonly busTimeUs: number;
  readonly times: readonly number[];
}

function portion(position: number, index: number, eventUs: number): Portion {
  const bytes = Buffer.from(`${position}.${index}@${eventUs}\n`);
  return { path: "x", dateUs: eventUs, eventUs, link: undefined, bytes, lines: 1 };
}

function feed(order: EventOrder, arrivals: readonly Arrival[], from: number): { texts: string[]; places: Place[] } {
  const texts: string[] = [];
  const places: Place[] = [];
  for (let position = from; position <= arrivals.length; position++) {
    const { busTimeUs, times } = arrivals[position - 1]!;
    const parcel = order.add(
      position,
      busTimeUs,
      times.map((us, i) => portion(position, i, us)),
    );
    texts.push(parcel.portions.map(({ bytes }) => bytes.toString()).join(""));
    places.push(parcel.place);
  }
  return { texts, places };
}

const arrivals = fc
  .array(fc.tuple(fc.nat(5), fc.array(fc.integer({ min: -12, max: 6 }), { maxLength: 4 })), { maxLength: 40 })
  .map((steps) => {
    let nowUs = 1000;
    return steps.map(([wait, offsets]): Arrival => {
      nowUs += wait;
      return { busTimeUs: nowUs, times: offsets.map((offset) => nowUs + offset) };
    });
  });

test("a restart at any point goes on with the very lines that an undisturbed run writes next", () => {
  fc.assert(
    fc.property(arrivals, fc.nat(40), fc.constantFrom(20, 1e9), (all, crash, maxBytes) => {
      const calm = feed(new EventOrder(0.008, maxBytes, START, newFilesCounters()), all, 1);
      const at = Math.min(crash, all.length);
      const place = at === 0 ? START : calm.places[at - 1]!;
      const again = feed(new EventOrder(0.008, maxBytes, place, newFilesCounters()), all, place.resume);
      assert.equal(again.texts.join(""), calm.texts.slice(at).join(""));
      if (all.length > at) assert.deepEqual(again.places.at(-1), calm.places.at(-1));
    }),
    { numRuns: 2000 },
  );
});

test("lines that are not late come out sorted by time, those of one time in bus order", () => {
  fc.assert(
    fc.property(arrivals, (all) => {
      const counters = newFilesCounters();
      const order = new EventOrder(0.012, 1e9, START, counters); // 12 µs: as late as any line is
      const last: Arrival = { busTimeUs: 1e9, times: [] };
      const lines = feed(order, [...all, last], 1)
        .texts.join("")
        .split("\n")
        .filter(Boolean);
      assert.equal(counters.linesLate, 0);
      // The plain twin: all lines, sorted at once. A time ahead of the bus counts as the bus's.
      const expected = all
        .flatMap(({ busTimeUs, times }, p) =>
          times.map((us, i) => ({ key: Math.min(us, busTimeUs), text: `${p + 1}.${i}@${us}` })),
        )
        .sort((a, b) => a.key - b.key)
        .map(({ text }) => text);
      assert.deepEqual(lines, expected);
      assert.equal(counters.bytesBuffered, 0);
    }),
    { numRuns: 2000 },
  );
});

test("nothing is lost or doubled, and the buffer keeps its bound, however late lines are", () => {
  fc.assert(
    fc.property(arrivals, (all) => {
      const counters = newFilesCounters();
      const order = new EventOrder(0.003, 30, START, counters);
      let count = 0;
      for (const [i, { busTimeUs, times }] of all.entries()) {
        order
          .add(
            i + 1,
            busTimeUs,
            times.map((us, j) => portion(i + 1, j, us)),
          )
          .portions.forEach(() => void count++);
        assert.ok(counters.bytesBuffered <= 30);
      }
      count += order.add(all.length + 1, 1e9, []).portions.length;
      assert.equal(count, all.flatMap(({ times }) => times).length);
    }),
  );
});

test("servers' lines are merged by their own timestamps; a late one is counted and written", async (t) => {
  const site = await Site.open(t);
  const at = (seconds: number) => TEN + seconds * SECOND;
  await site.publish([accessLine(at(-2), 1), accessLine(at(0), 2)]);
  await site.publish([accessLine(at(-1), 3), accessLine(at(0), 4)]);
  site.nowUs = at(6);
  await site.publish([accessLine(at(-3), 5), accessLine(at(5), 6)]);
  site.nowUs = at(7);
  await site.publish([accessLine(at(-9), 7)]);
  site.nowUs = at(30);
  await site.publish([accessLine(at(30), 8)]);
  const running = await site.write(t, { order: "event-time", lateness: "5s" });
  const numbers = site
    .text()
    .match(/GET \/\d+/g)!
    .map((request) => Number(request.slice(5)));
  assert.deepEqual(numbers, [5, 1, 3, 2, 4, 7, 6]);
  assert.equal(running.counters.linesLate, 1);
  assert.equal(running.counters.linesBuffered, 1);
});

test("two outputs that start at different times write the same bytes", async (t) => {
  const site = await Site.open(t);
  const options = { order: "event-time", lateness: "3s", buffer: 400 } as const;
  const early = site.run(t, { ...options, name: "early", path: site.at("early.log") });
  for (let i = 0; i < 40; i++) {
    site.nowUs += (i % 3) * SECOND;
    await site.publish([accessLine(site.nowUs - ((i * 7) % 9) * SECOND, i), accessLine(site.nowUs, 100 + i)]);
    if (i % 10 === 5) await early.caughtUp();
  }
  await early.caughtUp();
  await site.write(t, { ...options, name: "late", path: site.at("late.log") });
  await early.stop();
  assert.ok(site.text("early.log").length > 1000);
  assert.equal(site.text("late.log"), site.text("early.log"));
});
