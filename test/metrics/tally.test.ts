import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parserFor } from "../../src/formats/parser-for.ts";
import { Agents } from "../../src/metrics/agents.ts";
import { privacyConfig } from "../../src/metrics/config.ts";
import { Privacy } from "../../src/metrics/privacy.ts";
import { RequestReader } from "../../src/metrics/request-reader.ts";
import { LISTS, openList, Tally, tallyNames } from "../../src/metrics/tally.ts";
import { eachRow, REQUESTS } from "../../src/metrics/top-list.ts";

const LIMITS = { listRows: 10_000, keyBytes: 1024, visitorsPrecision: 14 };
const sample = readFileSync(new URL("../data/access-combined.log", import.meta.url));

function newTally(): Tally {
  return new Tally(LIMITS, tallyNames(new Agents(1000, 1), undefined, 1));
}

function tallyOf(lines: Buffer): Tally {
  const agents = new Agents(1000, 1);
  const tally = new Tally(LIMITS, tallyNames(agents, undefined, 1));
  const reader = new RequestReader(parserFor("combined"), new Privacy(privacyConfig.parse({}), 1), agents);
  for (let at = 0; at < lines.length; ) {
    const end = lines.indexOf(10, at);
    const outcome = reader.read(lines, at, end);
    if (outcome === "ok" || outcome === "truncated") {
      reader.request.timeUs = reader.request.eventUs;
      tally.add(reader.request);
    } else if (outcome !== "header") tally.counts.addUnparsed(outcome);
    at = end + 1;
  }
  tally.settle();
  return tally;
}

/** All that a tally says, in an order of its own. */
function said(tally: Tally): unknown {
  tally.settle();
  return {
    totals: tally.counts.totals(),
    span: [tally.counts.firstUs, tally.counts.lastUs],
    lists: LISTS.map((name) => {
      const list = tally.lists[name];
      return list
        .top(REQUESTS, 1e6)
        .map((row) => [list.keyAt(row).toString("latin1"), ...list.rows.slice(row, row + 7)]);
    }),
  };
}

/** Where a line ends, about in the middle. */
const half = sample.indexOf(10, sample.length >> 1) + 1;

test("every list of a tally is what a plain count of the lines is", () => {
  const tally = tallyOf(sample);
  const twin = new Map<string, number>();
  for (const line of sample.toString("latin1").split("\n")) {
    const page = /"[A-Z]+ (.*?) HTTP/.exec(line)?.[1];
    if (page !== undefined) twin.set(page, (twin.get(page) ?? 0) + 1);
  }
  const pages = tally.lists.pages;
  const counted = pages
    .top(REQUESTS, 1e6)
    .map((row) => [pages.keyAt(row).toString("latin1"), pages.rows[row]!] as const);
  assert.deepEqual(new Map(counted), twin);
});

test("two halves merged say what the whole says", () => {
  const merged = tallyOf(sample.subarray(0, half));
  merged.merge(tallyOf(sample.subarray(half)));
  assert.deepEqual(said(merged), said(tallyOf(sample)));
});

test("two halves written, and read into an empty one, say what the whole says", () => {
  const read = newTally();
  for (const part of [sample.subarray(0, half), sample.subarray(half)]) read.mergeEncoded(tallyOf(part).encode(1e6));
  assert.deepEqual(said(read), said(tallyOf(sample)));
});

test("a written tally holds the best rows, and its lists can be read one by one", () => {
  const keys: string[] = [];
  eachRow(openList(tallyOf(sample).encode(3), "methods"), (key) => void keys.push(key.toString()));
  assert.deepEqual(keys.sort(), ["GET", "HEAD", "POST"]);
});

test("cleared, it counts as a new one", () => {
  const tally = tallyOf(sample);
  tally.clear();
  assert.ok(tally.counts.empty);
  tally.merge(tallyOf(sample));
  assert.deepEqual(said(tally), said(tallyOf(sample)));
});

test("what is no written tally is refused with a clear error, never read as something else", () => {
  const written = tallyOf(sample.subarray(0, half)).encode(50);
  for (const bytes of [Buffer.alloc(0), Buffer.from("nonsense"), written.subarray(0, 200), written.subarray(0, -10)]) {
    assert.throws(() => newTally().mergeEncoded(bytes), { code: "BAD_FRAME" });
  }
});
