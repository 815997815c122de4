import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { embeddedConfig } from "../../../src/bus/embedded/config.ts";
import { EmbeddedBus } from "../../../src/bus/embedded/embedded.ts";
import { newProducer } from "../../../src/message/batch.ts";
import { batchOfLines, batchOfMessages } from "../../../src/message/body.ts";
import { metricsConfig } from "../../../src/outputs/metrics/config.ts";
import { countersIn, newCounterMemory } from "../../../src/outputs/metrics/counters.ts";
import { Feed } from "../../../src/outputs/metrics/feed.ts";
import { History } from "../../../src/outputs/metrics/history.ts";
import { openParts } from "../../../src/outputs/metrics/parts.ts";
import { tempFolder } from "../../temp.ts";
import { waitFor } from "../../wait.ts";

const NOON = 1_784_980_800e6;
const LINE = '192.0.2.1 - - [25/Jul/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 5\n';

/** A bus with a clock that is moved by hand, and metrics that can be stopped and started on it. */
async function feeding(t: TestContext, given: Record<string, unknown> = {}) {
  const folder = tempFolder(t);
  const clock = { us: NOON };
  const report = () => {};
  const bus = await EmbeddedBus.open(join(folder, "bus"), embeddedConfig.parse({ fsync: "never" }), {
    nowUs: () => clock.us,
    report,
  });
  t.after(() => bus.close());
  const producer = newProducer();
  let sequence = 0;
  let lastPosition = 0;
  const label = (server: string) => ({
    group: "web",
    sender: `w@${server}`,
    producer,
    sequence: ++sequence,
    createdUs: clock.us,
  });
  const publish = async (server: string, count: number): Promise<void> => {
    const receipt = await bus.publish(await batchOfLines(label(server), Buffer.from(LINE.repeat(count))));
    if (receipt.kind === "stored") lastPosition = receipt.position;
  };
  const config = metricsConfig.parse({ format: "common", ...given });
  const open = () => {
    const history = History.open(join(folder, "history.sqlite"), config.history, report);
    const parts = openParts(config, { countryOf: undefined, tell: () => {}, report });
    const counters = countersIn(newCounterMemory());
    const feed = new Feed(config, { parts, history, counters, report, startPosition: lastPosition });
    const stop = new AbortController();
    const running = feed.run(bus, stop.signal).catch((error: unknown) => {
      if (!stop.signal.aborted) throw error;
    });
    return {
      parts,
      counters,
      history,
      tick: (aheadUs = 0) => feed.tick(clock.us + aheadUs, lastPosition),
      caughtUp: () => waitFor(() => counters.position >= lastPosition),
      total() {
        const scope = { groups: [], servers: [], fromUs: NOON - 3600e6, toUs: clock.us + 3600e6 };
        const options = { topRows: 0, sessionRows: 0, lagS: 0, simulated: false };
        return parts.engine.overview(scope, options).totals.requests;
      },
      async close() {
        stop.abort();
        await running;
        history.close();
      },
    };
  };
  return { bus, clock, publish, open, label, last: () => lastPosition };
}

/** A generator of chance that can be told again (mulberry32). */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let z = Math.imul(state ^ (state >>> 15), 1 | state);
    z = (z + Math.imul(z ^ (z >>> 7), 61 | z)) ^ z;
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  };
}

test("however publishes, minutes and restarts fall, history and memory hold each line once", async (t) => {
  const seed = Date.now() % 2 ** 31;
  t.diagnostic(`seed ${seed}`);
  const random = chance(seed);
  // So little is read once more that some restarts begin behind what is stored.
  const { clock, publish, open } = await feeding(t, { rebuild: "2m" });
  let metrics = open();
  let published = 0;
  for (let step = 0; step < 150; step++) {
    const dice = random();
    if (dice < 0.5) {
      const count = 1 + Math.floor(random() * 5);
      await publish(`web${Math.floor(random() * 3)}`, count);
      published += count;
    } else if (dice < 0.8) clock.us += Math.floor(random() * 50e6);
    else if (dice < 0.9) metrics.tick();
    else {
      if (random() < 0.5) await metrics.caughtUp();
      await metrics.close();
      metrics = open();
    }
  }
  await metrics.caughtUp();
  metrics.tick();
  assert.equal(metrics.total(), published, `in memory, with seed ${seed}`);
  clock.us += 61e6;
  await publish("web1", 1); // Ends the minute.
  await metrics.caughtUp();
  const stored = metrics.history.rollups(60, 0, Number.MAX_SAFE_INTEGER).map(({ bytes }) => bytes);
  const merged = metrics.parts.engine.merged(stored, 10);
  const again = metrics.parts.engine.past([{ group: "web", server: "all", startS: NOON / 1e6, bytes: merged }]);
  const scope = { groups: [], servers: ["all"], fromUs: NOON, toUs: clock.us };
  const { totals } = again.overview(scope, { topRows: 0, sessionRows: 0, lagS: 0, simulated: false });
  assert.equal(totals.requests, published, `in history, with seed ${seed}`);
  await metrics.close();
});

test("a batch that comes after its minute was ended by the clock is counted once, before and after a restart", async (t) => {
  const { clock, publish, open } = await feeding(t);
  let metrics = open();
  await publish("web1", 2);
  await metrics.caughtUp();
  clock.us = NOON + 60e6;
  await publish("web1", 1);
  await metrics.caughtUp();
  // The clock was far ahead of what the bus then gives.
  metrics.tick(125e6);
  await publish("web2", 4);
  clock.us = NOON + 240e6;
  await publish("web2", 8);
  await metrics.caughtUp();
  assert.equal(metrics.total(), 15);
  await metrics.close();
  metrics = open();
  await metrics.caughtUp();
  assert.equal(metrics.total(), 15);
  await metrics.close();
});

test("messages that hold newlines are one line each, and a batch that is damaged stops nothing", async (t) => {
  const { bus, open, label } = await feeding(t);
  const metrics = open();
  const messages = [LINE.trimEnd(), `${LINE.trimEnd()}\nand more`, "no log line\nat all"].map((text) =>
    Buffer.from(text),
  );
  await bus.publish(await batchOfMessages(label("web1"), messages));
  await waitFor(() => metrics.counters.batchesRead === 1);
  metrics.parts.engine.advance(NOON + 2e6);
  const scope = { groups: [], servers: [], fromUs: NOON, toUs: NOON + 2e6 };
  const { totals } = metrics.parts.engine.overview(scope, { topRows: 0, sessionRows: 0, lagS: 0, simulated: false });
  const unparsed = Object.values(totals.unparsed).reduce((sum, count) => sum + count, 0);
  assert.equal(totals.requests + unparsed, 3);
  await metrics.close();
});

test("history of another bus is kept, and the new bus is counted from its beginning", async (t) => {
  const first = await feeding(t);
  const old = first.open();
  for (let minute = 0; minute < 3; minute++) {
    first.clock.us = NOON + minute * 60e6;
    await first.publish("web1", 1);
  }
  await old.caughtUp();
  old.history.restartPositions();
  old.history.store([], { position: 1_000_000, endS: NOON / 1e6 + 120 }, () => Buffer.alloc(0));
  await old.close();
  first.clock.us = NOON + 200e6;
  const metrics = first.open();
  await metrics.caughtUp();
  metrics.tick();
  // Two minutes are in history; all three batches are new to what believes the bus to be another one.
  assert.equal(metrics.total(), 2 + 3);
  await metrics.close();
});

test("minutes that cannot be stored are stored with a later one, and counted once if the process ends before", async (t) => {
  const { clock, publish, open } = await feeding(t);
  let metrics = open();
  const { history } = metrics;
  history.store = () => {
    throw new Error("database or disk is full");
  };
  for (let minute = 0; minute < 3; minute++) {
    clock.us = NOON + minute * 60e6;
    await publish("web1", 2);
  }
  await metrics.caughtUp();
  assert.deepEqual([metrics.counters.errors, metrics.counters.minutesStored, history.mark], [2, 0, undefined]);
  await metrics.close();
  metrics = open();
  await metrics.caughtUp();
  assert.equal(metrics.counters.minutesStored, 2);
  metrics.history.store = () => {
    throw new Error("database or disk is full");
  };
  clock.us = NOON + 180e6;
  await publish("web1", 2);
  await metrics.caughtUp();
  assert.equal(metrics.counters.errors, 1);
  metrics.history.store = History.prototype.store;
  clock.us = NOON + 240e6;
  await publish("web1", 2);
  await metrics.caughtUp();
  assert.deepEqual([metrics.counters.minutesStored, metrics.history.rollups(60, 0, 2e12).length], [4, 4]);
  assert.equal(metrics.total(), 10);
  await metrics.close();
});
