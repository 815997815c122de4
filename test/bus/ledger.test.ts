import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Bus } from "../../src/bus/bus.ts";
import { embeddedConfig } from "../../src/bus/embedded/config.ts";
import { EmbeddedBus } from "../../src/bus/embedded/embedded.ts";
import { LEDGER_GROUP, Ledger } from "../../src/bus/ledger.ts";
import type { LedgerRow } from "../../src/bus/ledger-row.ts";
import { type Loss, newProducer } from "../../src/message/batch.ts";
import { batchOfMessages, messagesOf, openBody } from "../../src/message/body.ts";
import { LogspreadError } from "../../src/message/error.ts";
import { tempFolder } from "../temp.ts";

const T0 = Date.UTC(2026, 10, 24, 10, 0, 0) * 1000;
const MINUTE = 60e6;

interface Bench {
  readonly folder: string;
  now: number;
  ledger: Ledger;
  engine: EmbeddedBus;
  readonly reports: string[];
  readonly told: string[];
}

async function bench(t: TestContext): Promise<Bench> {
  const made = { folder: tempFolder(t), now: T0, reports: [], told: [] } as unknown as Bench;
  await reopen(made);
  t.after(() => made.ledger.close().catch(() => {}));
  return made;
}

async function reopen(b: Bench, wrap: (bus: Bus) => Bus = (bus) => bus): Promise<void> {
  const nowUs = () => b.now;
  const report = (_level: string, text: string) => void b.reports.push(text);
  b.engine = await EmbeddedBus.open(b.folder, embeddedConfig.parse({}), { nowUs, report });
  const watcher = {
    lost: (sender: string, reason: string, messages: number) =>
      void b.told.push(`${sender} lost ${messages} ${reason}`),
    missing: (sender: string, batches: number) => void b.told.push(`${sender} misses ${batches}`),
    delay: (sender: string, us: number) => void b.told.push(`${sender} delay ${us}`),
  };
  b.ledger = await Ledger.open(wrap(b.engine), { nowUs, report, nodeName: "n1", watcher });
}

/** A producer that publishes through the bench's ledger, whichever is open. */
function producerOf(b: Bench, sender: string) {
  const producer = newProducer();
  return async (sequence: number, count = 1, { group = "web", losses = [] as Loss[], createdUs = b.now } = {}) => {
    const messages = Array.from({ length: count }, (_, i) => Buffer.from(`${sequence}.${i}`));
    const batch = await batchOfMessages({ group, sender, producer, sequence, createdUs, losses }, messages);
    return b.ledger.publish(batch);
  };
}

function sum(b: Bench, group?: string) {
  return b.ledger.sum({ fromUs: T0 - MINUTE, toUs: T0 + 600 * MINUTE, group });
}

async function written(b: Bench): Promise<(LedgerRow | { ledger: 1; from: number; to: number })[]> {
  const what = { groups: [LEDGER_GROUP], from: "first", follow: false } as const;
  const rows = [];
  for await (const delivery of b.engine.subscribe(what, new AbortController().signal)) {
    if (delivery.kind !== "batch") continue;
    const raw = await openBody(delivery.batch);
    for (const line of messagesOf(delivery.batch, raw)) rows.push(JSON.parse(line.toString()));
  }
  return rows;
}

test("accepted and doubled messages are counted by producer and group", async (t) => {
  const b = await bench(t);
  const one = producerOf(b, "apache@web1");
  const two = producerOf(b, "apache@web2");
  await one(1, 3);
  await one(2, 4, { group: "shop" });
  await two(1, 5);
  await one(2, 4, { group: "shop" });
  const all = await sum(b);
  assert.deepEqual([all.messages, all.batches, all.duplicateMessages, all.duplicateBatches], [12, 3, 4, 1]);
  assert.deepEqual(
    all.producers.map((p) => [p.sender, p.messages, p.duplicateMessages, p.positions]),
    [
      ["apache@web1", 7, 4, [1, 2]],
      ["apache@web2", 5, 0, [3, 3]],
    ],
  );
  const web = await sum(b, "web");
  assert.deepEqual([web.messages, web.duplicateMessages], [8, 0]);
});

test("each minute has its row, and a batch of rows says which positions it covers", async (t) => {
  const b = await bench(t);
  const publish = producerOf(b, "apache@web1");
  await publish(1, 2);
  b.now += MINUTE;
  await publish(2, 3);
  await b.ledger.flush();
  const [coverage, first, second] = await written(b);
  assert.deepEqual(coverage, { ledger: 1, node: "n1", from: 1, to: 2 });
  assert.ok(first && second && "minute" in first && "minute" in second);
  assert.deepEqual([first.minute, first.groups.web!.messages], ["2026-11-24T10:00:00Z", 2]);
  assert.deepEqual([second.minute, second.groups.web!.messages], ["2026-11-24T10:01:00Z", 3]);
  assert.deepEqual(
    [second.sequences, second.positions],
    [
      [2, 2],
      [2, 2],
    ],
  );
});

test("a minute in which nothing happened writes nothing", async (t) => {
  const b = await bench(t);
  await producerOf(b, "a@b")(1);
  await b.ledger.flush();
  const before = (await b.engine.status()).lastPosition;
  b.now += 120 * MINUTE;
  await b.ledger.flush();
  assert.equal((await b.engine.status()).lastPosition, before);
});

test("sequences that never came are counted as missing and told at once", async (t) => {
  const b = await bench(t);
  const publish = producerOf(b, "apache@web1");
  await publish(1);
  await publish(2, 1, { group: "other" });
  await publish(6);
  const all = await sum(b);
  assert.equal(all.missingBatches, 3);
  assert.deepEqual(b.told, ["apache@web1 misses 3"]);
});

test("of a producer that was not seen before, nothing is said to be missing", async (t) => {
  const b = await bench(t);
  await producerOf(b, "apache@web1")(17);
  assert.equal((await sum(b)).missingBatches, 0);
});

test("running totals of losses become differences, so that a repeated report counts once", async (t) => {
  const b = await bench(t);
  const publish = producerOf(b, "apache@web1");
  const reason = "spool-full-dropped-oldest" as const;
  await publish(1, 1, { losses: [{ reason, messages: 10 }] });
  await publish(2, 1, { losses: [{ reason, messages: 10 }] });
  await publish(3, 1, { losses: [{ reason, messages: 25 }] });
  assert.deepEqual((await sum(b)).lost, { [reason]: 25 });
  assert.deepEqual(b.told, [`apache@web1 lost 10 ${reason}`, `apache@web1 lost 15 ${reason}`]);
});

test("the delay of a sender is its clock's skew: the smallest and the median of the minute", async (t) => {
  const b = await bench(t);
  const publish = producerOf(b, "apache@web1");
  for (const [i, delay] of [900, -500, 700, 800, 600].entries()) await publish(i + 1, 1, { createdUs: b.now - delay });
  await b.ledger.flush();
  const [, row] = await written(b);
  assert.ok(row && "minute" in row);
  assert.deepEqual(row.delayUs, { min: -500, median: 700 });
  assert.deepEqual(b.told, ["apache@web1 delay -500"]);
  assert.equal((await sum(b)).producers[0]!.minDelayUs, -500);
});

test("a sum over written rows and rows in memory counts each once", async (t) => {
  const b = await bench(t);
  const publish = producerOf(b, "apache@web1");
  for (let i = 1; i <= 20; i++) {
    const [, , total] = await Promise.all([publish(i), i % 3 === 0 ? b.ledger.flush() : undefined, sum(b)]);
    assert.ok(total.messages === i || total.messages === i - 1, `${total.messages} after ${i}`);
    assert.equal((await sum(b)).messages, i);
  }
});

test("after a kill the ledger counts what it had not written, with what it knew of each producer", async (t) => {
  const b = await bench(t);
  const publish = producerOf(b, "apache@web1");
  const reason = "spool-failed" as const;
  await publish(1, 3, { losses: [{ reason, messages: 5 }] });
  await b.ledger.flush();
  await publish(2, 4);
  await b.engine.close(); // What the ledger has in memory is gone, as after kill -9.
  b.now += MINUTE;
  await reopen(b);
  await publish(5, 1, { losses: [{ reason, messages: 7 }] });
  const all = await sum(b);
  assert.deepEqual([all.messages, all.missingBatches, all.lost], [8, 2, { [reason]: 7 }]);
  await b.ledger.flush();
  const coverages = (await written(b)).filter((row) => "ledger" in row);
  assert.deepEqual(
    coverages.map(({ from, to }) => [from, to]),
    [
      [1, 1],
      [2, 4],
    ],
  );
});

test("what is known of a producer that is silent for hours outlives restarts", async (t) => {
  const b = await bench(t);
  const silent = producerOf(b, "silent@web1");
  const busy = producerOf(b, "busy@web2");
  await silent(1);
  for (let hour = 1; hour <= 5; hour++) {
    b.now = T0 + hour * 60 * MINUTE;
    await busy(hour);
    await b.ledger.flush();
  }
  await b.ledger.close();
  await reopen(b);
  await silent(4);
  assert.equal((await sum(b)).missingBatches, 2);
});

test("while the ledger cannot be written its rows are kept, and written later", async (t) => {
  const b = await bench(t);
  await b.ledger.close();
  let full = true;
  await reopen(b, (engine) => ({
    publish: (batch) =>
      full && batch.group === LEDGER_GROUP
        ? Promise.reject(new LogspreadError("DISK_FULL", { what: "w", why: "full", fix: "f" }))
        : engine.publish(batch),
    subscribe: (what, signal) => engine.subscribe(what, signal),
    cursor: (name) => engine.cursor(name),
    status: () => engine.status(),
    close: () => engine.close(),
  }));
  const publish = producerOf(b, "apache@web1");
  await publish(1, 2);
  await b.ledger.flush();
  assert.match(b.reports.join("\n"), /ledger cannot be written/);
  await publish(2, 3);
  assert.equal((await sum(b)).messages, 5);
  full = false;
  await b.ledger.flush();
  const rows = (await written(b)).filter((row) => "minute" in row);
  assert.equal(
    rows.reduce((messages, row) => messages + (row.groups.web?.messages ?? 0), 0),
    5,
  );
  assert.equal((await sum(b)).messages, 5);
});

test("wildcards do not show the ledger, its name does", async (t) => {
  const b = await bench(t);
  await producerOf(b, "a@b")(1);
  await b.ledger.flush();
  const count = async (groups: string[]) => {
    let seen = 0;
    const what = { groups, from: "first", follow: false } as const;
    for await (const _ of b.ledger.subscribe(what, new AbortController().signal)) seen++;
    return seen;
  };
  assert.deepEqual([await count(["*"]), await count([LEDGER_GROUP])], [1, 1]);
});

test("more producers than are remembered: the sums still hold every message", async (t) => {
  const b = await bench(t);
  for (let i = 0; i < 4200; i += 100) {
    await Promise.all(Array.from({ length: 100 }, (_, k) => producerOf(b, `s@${i + k}`)(1)));
  }
  assert.equal((await sum(b)).messages, 4200);
});
