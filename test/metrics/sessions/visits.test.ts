import assert from "node:assert/strict";
import test from "node:test";
import { chanceFrom } from "../../../src/cli/demo/chance.ts";
import { type SessionsConfig, sessionsConfig } from "../../../src/metrics/sessions/config.ts";
import { Visits } from "../../../src/metrics/sessions/visits.ts";
import type { Scope } from "../../../src/metrics/snapshot.ts";
import { requestOf, type Told } from "./request-of.ts";

const NOON_US = Date.UTC(2026, 6, 25, 12) * 1000;
const SECOND_US = 1e6;
const MINUTE_US = 60e6;
const EVER: Scope = { groups: [], servers: [], fromUs: 0, toUs: Number.POSITIVE_INFINITY };

function visitsOf(config: Partial<SessionsConfig> = {}, salt = Buffer.alloc(16, 1)): Visits {
  return new Visits({ ...sessionsConfig.parse({}), ...config }, { salt });
}

/** A click `minutes` after noon. */
function at(minutes: number, told: Omit<Told, "timeUs"> = {}): ReturnType<typeof requestOf> {
  return requestOf({ timeUs: NOON_US + Math.round(minutes * MINUTE_US), ...told });
}

test("a visit goes on for a click within the idle time and is over after it", () => {
  const visits = visitsOf();
  visits.note(at(0));
  visits.note(at(29.9));
  assert.equal(visits.open, 1);
  visits.note(at(60));
  const { visits: ended, meanLengthS } = visits.snapshot(EVER, 10);
  assert.equal(ended, 1);
  assert.equal(meanLengthS, 29.9 * 60);
  assert.equal(visits.session(visits.search("", EVER, 1)[0]!.id)!.requests, 1);
});

test("a visit ends by the clock alone, when nobody clicks any more", () => {
  const visits = visitsOf();
  visits.note(at(0));
  visits.tick(NOON_US + 31 * MINUTE_US);
  assert.equal(visits.open, 0);
  assert.equal(visits.snapshot(EVER, 10).visits, 1);
});

test("who has not clicked for five minutes is not online, but still on a visit", () => {
  const visits = visitsOf();
  visits.note(at(0, { visitor: "192.0.2.1" }));
  visits.note(at(3, { visitor: "192.0.2.2" }));
  visits.tick(NOON_US + 6 * MINUTE_US);
  const { online, rows } = visits.snapshot(EVER, 10);
  assert.equal(online, 1);
  assert.deepEqual(
    rows.map(({ visitor }) => visitor),
    ["192.0.2.2", "192.0.2.1"],
  );
  visits.note(at(7, { visitor: "192.0.2.1" }));
  assert.equal(visits.snapshot(EVER, 0).online, 2);
});

test("robots are listed and counted apart, and in no figure of people", () => {
  const visits = visitsOf();
  visits.note(at(0, { visitor: "192.0.2.9", agent: "bot", robot: true }));
  visits.note(at(0));
  assert.deepEqual([visits.snapshot(EVER, 9).online, visits.snapshot(EVER, 9).robotsOnline], [1, 1]);
  visits.finish();
  assert.equal(visits.snapshot(EVER, 9).visits, 1);
});

test("clicks stand in the order of their own times, whichever server's line came first", () => {
  const visits = visitsOf();
  const click = (arrivedS: number, startS: number, server: string, page: string) =>
    visits.note(at(arrivedS / 60, { eventUs: NOON_US + startS * SECOND_US, server, page, status: 200 + startS }));
  click(2, 1, "fast", "/second");
  click(4, 0, "slow", "/first");
  click(5, 3, "fast", "/third");
  const [row] = visits.search("", EVER, 1);
  assert.deepEqual(
    row!.clicks.map(({ path, server, status, method }) => [path, server, status, method]),
    [
      ["/first", "slow", 200, "GET"],
      ["/second", "fast", 201, "GET"],
      ["/third", "fast", 203, "GET"],
    ],
  );
  assert.deepEqual([row!.entryPage, row!.exitPage], ["/first", "/third"]);
  assert.deepEqual(row!.servers, ["fast", "slow"]);
});

test("a line's time that lies ahead of the bus, or hours behind it, is not believed", () => {
  const visits = visitsOf();
  visits.note(at(10, { eventUs: NOON_US + 60 * MINUTE_US }));
  visits.note(at(11, { eventUs: NOON_US - 600 * MINUTE_US }));
  visits.note(at(12, { eventUs: Number.NaN }));
  const [row] = visits.search("", EVER, 1);
  assert.deepEqual([row!.startUs, row!.lastUs], [NOON_US + 10 * MINUTE_US, NOON_US + 12 * MINUTE_US]);
});

test("of a visit the latest 50 clicks are told", () => {
  const visits = visitsOf();
  for (let i = 0; i < 200; i++) {
    visits.note(at(i / 60, { page: `/${i}` }));
    const clicks = visits.search("", EVER, 1)[0]!.clicks;
    assert.equal(clicks.length, Math.min(i + 1, 50));
    assert.equal(clicks[0]!.path, `/${Math.max(0, i - 49)}`);
  }
});

test("images, styles and scripts are no pages, with a query and in capitals too", () => {
  const visits = visitsOf();
  for (const page of ["/logo.PNG", "/app.js?v=3", "/a.b/c", "/", "/index.html", "/css", "/x.css;jsessionid=1"]) {
    visits.note(at(1, { page }));
  }
  const [row] = visits.search("", EVER, 1);
  assert.equal(row!.requests, 7);
  assert.equal(row!.pages, 4);
});

test("a user is one visitor from every address and browser", () => {
  const visits = visitsOf();
  visits.note(at(0, { user: "ann", visitor: "192.0.2.1", agent: "phone" }));
  visits.note(at(1, { user: "ann", visitor: "192.0.2.2", agent: "desk" }));
  assert.equal(visits.open, 1);
  assert.equal(visits.search("", EVER, 1)[0]!.visitor, "ann");
});

test("groups are sites of their own, and rows, counts and figures follow the scope's groups and servers", () => {
  const visits = visitsOf();
  visits.note(at(0, { group: "web-a", server: "s1", page: "/a" }));
  visits.note(at(0, { group: "web-b", server: "s2", page: "/b" }));
  visits.note(at(0, { group: "shop", server: "s1", page: "/c" }));
  assert.equal(visits.open, 3);
  const groups = { ...EVER, groups: ["web-*"] };
  assert.equal(visits.snapshot(groups, 9).online, 2);
  assert.deepEqual(
    visits.search("", { ...groups, servers: ["s2"] }, 9).map(({ group }) => group),
    ["web-b"],
  );
  assert.equal(visits.snapshot({ ...EVER, servers: ["nobody"] }, 9).online, 0);
  visits.finish();
  assert.equal(visits.snapshot(groups, 9).visits, 2);
  assert.deepEqual(
    visits.top("entryPages", { ...EVER, servers: ["s1"] }, 9).map(({ key }) => key),
    ["/a", "/c"],
  );
});

test("ended visits are told of the span of time in which they were over", () => {
  const visits = visitsOf();
  visits.note(at(0));
  visits.note(at(50));
  visits.tick(NOON_US + 100 * MINUTE_US);
  const within = (from: number, to: number) =>
    visits.snapshot({ ...EVER, fromUs: NOON_US + from * MINUTE_US, toUs: NOON_US + to * MINUTE_US }, 0).visits;
  assert.deepEqual([within(0, 29), within(29, 31), within(31, 79), within(29, 81)], [0, 1, 0, 2]);
});

test("visits are found by visitor, agent and path, in any case", () => {
  const visits = visitsOf();
  visits.note(at(0, { visitor: "192.0.2.1", agent: "Firefox", page: "/cart" }));
  visits.note(at(1, { visitor: "192.0.2.2", agent: "Safari", page: "/" }));
  visits.note(at(2, { visitor: "192.0.2.2", agent: "Safari", page: "/checkout.JPG" }));
  const found = (text: string) => visits.search(text, EVER, 9).map(({ visitor }) => visitor);
  assert.deepEqual(found("firefox"), ["192.0.2.1"]);
  assert.deepEqual(found("CHECKOUT"), ["192.0.2.2"]);
  assert.deepEqual(found("192.0.2."), ["192.0.2.2", "192.0.2.1"]);
  assert.deepEqual(found("nobody"), []);
});

test("a visitor is found by the id of today and of yesterday, and by no other", () => {
  const visits = visitsOf();
  visits.note(at(11 * 60 + 50));
  const today = visits.search("", EVER, 1)[0]!.id;
  visits.note(at(12 * 60 + 10)); // after midnight
  const tomorrow = visits.search("", EVER, 1)[0]!.id;
  assert.notEqual(today, tomorrow);
  assert.equal(visits.session(today)!.requests, 2);
  assert.equal(visits.session(tomorrow)!.requests, 2);
  for (const wrong of ["", "0123456789abcdef", "../../etc", today.toUpperCase() + "0"]) {
    assert.equal(visits.session(wrong), undefined);
  }
});

test("ids of another salt are others, so that nobody reads an address from them", () => {
  const idWith = (salt: number) => {
    const visits = visitsOf({}, Buffer.alloc(16, salt));
    visits.note(at(0));
    return visits.search("", EVER, 1)[0]!.id;
  };
  assert.equal(idWith(1), idWith(1));
  assert.notEqual(idWith(1), idWith(2));
});

test("beyond the most visits, the one idle for longest is ended early and counted", () => {
  const visits = visitsOf({ maxVisits: 16 });
  for (let i = 0; i < 20; i++) visits.note(at(i / 60, { visitor: `192.0.2.${i}` }));
  const { endedEarly, online, visits: ended, rows } = visits.snapshot(EVER, 100);
  assert.deepEqual([endedEarly, online, ended], [4, 16, 0]);
  assert.equal(rows.at(-1)!.visitor, "192.0.2.4");
});

test("a flood of visitors and paths that come once does not grow the memory, and the latest are still told", () => {
  const visits = visitsOf({ maxVisits: 1000, maxClicks: 4000, maxEnded: 1000 });
  let full = 0;
  for (let i = 0; i < 100_000; i++) {
    visits.note(at(i / 6000, { visitor: `2001:db8::${i.toString(16)}`, agent: `agent ${i}`, page: `/random/${i}` }));
    if (i === 20_000) full = visits.memory;
  }
  assert.equal(visits.memory, full);
  assert.equal(visits.open, 1000);
  const rows = visits.search("", EVER, 1000);
  assert.deepEqual(
    rows.slice(0, 2).map(({ agent }) => agent),
    ["agent 99999", "agent 99998"],
  );
  for (const row of rows) assert.equal(row.clicks[0]!.path, row.entryPage);
});

test("one visitor's flood of clicks takes no click stream from the others", () => {
  const visits = visitsOf({ maxVisits: 16, maxClicks: 128 });
  visits.note(at(0, { visitor: "192.0.2.1", page: "/mine" }));
  for (let i = 0; i < 5000; i++) visits.note(at(1 + i / 6000, { visitor: "192.0.2.2", page: `/${i}` }));
  const [flooding, quiet] = visits.search("", EVER, 2);
  assert.deepEqual(
    quiet!.clicks.map(({ path }) => path),
    ["/mine"],
  );
  assert.ok(flooding!.clicks.length >= 4);
  assert.equal(flooding!.clicks.at(-1)!.path, "/4999");
});

// A plain twin --------------------------------------------------------------------------------------------------------

interface PlainVisit {
  seenUs: number;
  readonly clicks: { timeUs: number; path: string }[];
}

/** The same with a Map of arrays: what visits are open, each with its clicks, the latest active first. */
function plain(requests: readonly Told[], config: SessionsConfig): { open: [string, PlainVisit][]; ended: number } {
  const open = new Map<string, PlainVisit>();
  let ended = 0;
  for (const told of requests) {
    for (const [visitor, visit] of open) {
      if (visit.seenUs >= told.timeUs - config.idle * 1000) continue;
      open.delete(visitor);
      ended++;
    }
    let visit = open.get(told.visitor!);
    if (visit === undefined) {
      if (open.size === config.maxVisits) open.delete(open.keys().next().value!);
      visit = { seenUs: 0, clicks: [] };
    }
    open.delete(told.visitor!);
    open.set(told.visitor!, visit);
    visit.seenUs = told.timeUs;
    visit.clicks.push({ timeUs: told.eventUs!, path: told.page! });
  }
  return { open: [...open].reverse(), ended };
}

for (const seed of [1, 2, 3, 4, 5]) {
  test(`any stream of clicks gives what a plain twin gives (seed ${seed})`, () => {
    const chance = chanceFrom(seed);
    const config = { ...sessionsConfig.parse({}), maxVisits: 50, maxClicks: 100_000, maxEnded: 10_000, idle: 60_000 };
    const visits = visitsOf(config);
    const requests: Told[] = [];
    for (let i = 0, timeUs = NOON_US; i < 4000; i++) {
      timeUs += chance.whole(0, chance.of([2, 2_000_000, 20_000_000]));
      const visitor = `192.0.2.${chance.whole(0, chance.of([3, 60, 200]))}`;
      const told = { timeUs, eventUs: timeUs - chance.whole(0, 5_000_000), visitor, page: `/${chance.whole(0, 900)}` };
      requests.push(told);
      visits.note(requestOf(told));
      if (i % 200 !== 199) continue;
      const truth = plain(requests, config);
      const told2 = visits.snapshot(EVER, 1000);
      assert.equal(told2.visits, truth.ended);
      assert.deepEqual(
        told2.rows.map(({ visitor: each }) => each),
        truth.open.map(([each]) => each),
      );
      for (const [n, [, visit]] of truth.open.entries()) {
        const row = told2.rows[n]!;
        const sorted = visit.clicks.toSorted((a, b) => a.timeUs - b.timeUs);
        assert.equal(row.requests, sorted.length);
        assert.deepEqual([row.startUs, row.lastUs], [sorted[0]!.timeUs, sorted.at(-1)!.timeUs]);
        assert.equal(visits.session(row.id)?.visitor, row.visitor);
        if (sorted.length > 50) continue;
        assert.deepEqual(
          row.clicks.map(({ timeUs: own, path }) => ({ timeUs: own, path })),
          sorted,
        );
      }
      const online = truth.open.filter(([, { seenUs }]) => seenUs >= timeUs - config.idle * 1000).length;
      assert.equal(told2.online, online);
    }
  });
}
