/** The sessions against visitors of whom all is known, see simulate.ts. */
import assert from "node:assert/strict";
import test from "node:test";
import { sessionsConfig } from "../../../src/metrics/sessions/config.ts";
import { Visits } from "../../../src/metrics/sessions/visits.ts";
import type { SessionRow } from "../../../src/metrics/snapshot.ts";
import { requestOf } from "./request-of.ts";
import { simulate } from "./simulate.ts";

const START_US = Date.UTC(2026, 6, 25, 12) * 1000;
const MINUTE_US = 60e6;
const IDLE_US = 30 * MINUTE_US;
const ONLINE_US = 5 * MINUTE_US;
const EVER = { groups: [], servers: [], fromUs: 0, toUs: Number.POSITIVE_INFINITY };

const simulated = simulate({ seed: 20260725, startUs: START_US, minutes: 90, arrivals: 50, idleUs: IDLE_US });

/** The last that was told of each visit while it was open, and online counts minute by minute. */
function follow(): { rows: Map<string, SessionRow>; online: [atUs: number, count: number][]; visits: Visits } {
  const visits = new Visits(sessionsConfig.parse({}), { salt: Buffer.alloc(16, 7) });
  const rows = new Map<string, SessionRow>();
  const online: [number, number][] = [];
  let nextUs = START_US;
  const look = (atUs: number) => {
    visits.tick(atUs);
    online.push([atUs, visits.snapshot(EVER, 0).online]);
    if (online.length % 10 !== 0) return;
    for (const row of visits.search("", EVER, Number.POSITIVE_INFINITY)) {
      // Of one that has just begun, earlier clicks may still be on their way.
      if (row.lastUs < atUs - 5e6) rows.set(`${row.visitor} ${row.startUs}`, row);
    }
  };
  for (const told of simulated.requests) {
    for (; nextUs <= told.timeUs; nextUs += MINUTE_US) look(nextUs);
    visits.note(requestOf(told));
  }
  for (let i = 0; i < 10; i++, nextUs += MINUTE_US) look(nextUs);
  return { rows, online, visits };
}

const followed = follow();

test("the online count is within 2 % of the truth at every minute", () => {
  let compared = 0;
  for (const [atUs, count] of followed.online) {
    const truth = simulated.onlineAt(atUs, ONLINE_US);
    if (truth < 150) continue; // 2 % of fewer would be less than three visitors
    compared++;
    assert.ok(Math.abs(count - truth) <= 0.02 * truth, `${count} online at ${atUs}, in truth ${truth}`);
  }
  assert.ok(compared > 70, `only ${compared} minutes had enough visitors`);
});

test("each visit's length is within one second of the truth, whichever server answered which click", () => {
  const found = new Map<string, SessionRow[]>();
  for (const row of followed.rows.values()) found.set(row.visitor, [...(found.get(row.visitor) ?? []), row]);
  const crossing = simulated.visits.filter(({ servers }) => servers.size > 1);
  assert.ok(crossing.length > 3000, `${crossing.length} visits crossed servers`);
  for (const truth of simulated.visits) {
    const near = (row: SessionRow) => Math.abs(row.startUs - truth.startUs) <= 1e6;
    const row = found.get(truth.visitor)?.find(near);
    assert.ok(row !== undefined, `the visit of ${truth.visitor} from ${truth.startUs} is missing`);
    const error = Math.abs(row.lastUs - row.startUs - (truth.lastUs - truth.startUs));
    assert.ok(error <= 1e6, `the visit of ${truth.visitor} from ${truth.startUs} is ${error} µs off`);
    assert.equal(row.requests, truth.requests);
    assert.equal(row.pages, truth.pages);
    assert.equal(row.bytes, truth.bytes);
    assert.equal(row.entryPage, truth.entryPage);
    assert.equal(row.exitPage, truth.exitPage);
    assert.deepEqual(new Set(row.servers), truth.servers);
  }
  assert.equal(followed.rows.size, simulated.visits.length, "visits that never were");
});

test("the figures of ended visits are those of the true ones", () => {
  followed.visits.finish();
  const { visits, meanLengthS, meanPages, lengthS, online } = followed.visits.snapshot(EVER, 0);
  const lengths = simulated.visits.map(({ startUs, lastUs }) => (lastUs - startUs) / 1e6).sort((a, b) => a - b);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  assert.equal(online, 0);
  assert.equal(visits, simulated.visits.length);
  assert.equal(meanPages, mean(simulated.visits.map(({ pages }) => pages)));
  assert.ok(Math.abs(meanLengthS! - mean(lengths)) <= 0.5, `${meanLengthS} instead of ${mean(lengths)}`);
  for (const [share, told] of [
    [0.5, lengthS!.p50],
    [0.9, lengthS!.p90],
    [0.99, lengthS!.p99],
  ] as const) {
    const truth = lengths[Math.ceil(share * lengths.length) - 1]!;
    assert.ok(Math.abs(told - truth) <= 1, `quantile ${share} is ${told}, in truth ${truth}`);
  }
});

test("entry and exit pages come with their true counts", () => {
  followed.visits.finish();
  for (const [list, key] of [
    ["entryPages", "entryPage"],
    ["exitPages", "exitPage"],
  ] as const) {
    const truth = Map.groupBy(simulated.visits, (visit) => visit[key]);
    const rows = followed.visits.top(list, EVER, 1000);
    assert.equal(rows.length, truth.size);
    for (const row of rows) assert.equal(row.requests, truth.get(row.key)!.length, row.key);
    assert.deepEqual(
      rows.map(({ requests }) => requests),
      rows.map(({ requests }) => requests).sort((a, b) => b - a),
    );
  }
});

test("the same lines tell the same, down to the ids", () => {
  const again = () => {
    const visits = new Visits(sessionsConfig.parse({}), { salt: Buffer.alloc(16, 7) });
    for (const told of simulated.requests.slice(0, 10_000)) visits.note(requestOf(told));
    return visits.snapshot(EVER, 1000);
  };
  assert.deepEqual(again(), again());
});
