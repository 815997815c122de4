/** Faults in traffic of 200 requests/s over 8 servers: each is told in time, by its name, alone, and is over when it is over. */
import assert from "node:assert/strict";
import test from "node:test";
import type { Second } from "../../../src/metrics/parts.ts";
import type { Scope } from "../../../src/metrics/snapshot.ts";
import type { Fault } from "./traffic.ts";
import { watchOf } from "./watch.ts";

/** So long it has been quiet before, so long it lasts, and so soon it must be told. */
const BEFORE_S = 300;
const LASTS_S = 120;
const SOON_S = 15;
/** So soon after its end it must be over. */
const OVER_S = 90;

const failing: Fault = (answer, chance) => {
  if (answer.server === "www3" && chance.happens(0.05)) {
    answer.status = 503;
    answer.bytes = 300;
  }
  return true;
};
const shrunk: Fault = (answer) => {
  if (answer.rank === 1) answer.bytes = Math.round(answer.bytes / 10);
  return true;
};
const slow: Fault = (answer) => {
  if (answer.server === "www5") answer.durationUs *= 2;
  return true;
};
const silent: Fault = (answer) => answer.server !== "www7";
const down: Fault = (answer) => {
  if (answer.server === "www1") answer.status = 500;
  return true;
};
const stuck: Fault = (answer) => {
  if (answer.server === "www2") answer.durationUs *= 100;
  return true;
};
const truncated: Fault = (answer) => {
  if (answer.server === "www4") answer.bytes = Math.ceil(answer.bytes / 3);
  return true;
};
const avoided: Fault = (answer, chance) => answer.server !== "www6" || chance.happens(0.2);
const grown: Fault = (answer) => {
  if (answer.rank === 0) answer.bytes *= 5;
  return true;
};
const missing: Fault = (answer) => {
  if (answer.rank === 0) answer.status = 404;
  return true;
};
const broken: Fault = (answer) => {
  if (answer.rank === 0) answer.status = 500;
  return true;
};
const backend: Fault = (answer, chance) => {
  if (chance.happens(0.1)) answer.status = 502;
  return true;
};
const crawling: Fault = (answer) => {
  answer.durationUs *= 3;
  return true;
};
const cut: Fault = () => false;

const FAULTS: readonly (readonly [string, Fault, string, readonly number[]])[] = [
  ["one server returns 5 % errors", failing, "errors www3", [1, 2, 3, 4]],
  ["one page shrinks to a tenth", shrunk, "page-size /page/1", [5, 6, 7]],
  ["one server takes twice as long", slow, "time www5", [8, 9, 10]],
  ["one server goes silent", silent, "silent www7", [11, 12]],
  ["one server fails altogether", down, "errors www1", [13]],
  ["one server takes a hundred times as long", stuck, "time www2", [14]],
  ["one server's answers are a third as long", truncated, "size www4", [15]],
  ["one server gets a fifth of its requests", avoided, "rate www6", [16]],
  ["one page grows fivefold", grown, "page-size /page/0", [17]],
  ["one page is not found", missing, "page-errors /page/0", [18]],
  ["one page fails on every server", broken, "page-errors /page/0", [19]],
  ["what is behind all servers fails", backend, "errors all servers", [20]],
  ["what is behind all servers is slow", crawling, "time all servers", [21]],
  ["nothing comes at all", cut, "silent all servers", [22]],
];

for (const [name, fault, expected, seeds] of FAULTS) {
  for (const seed of seeds) {
    test(`${name}: it is told within ${SOON_S} s, alone, and closes afterwards (seed ${seed})`, () => {
      const watch = watchOf({ seed });
      watch.run(BEFORE_S);
      watch.run(LASTS_S, fault);
      watch.run(OVER_S);
      const [opened, closed, ...others] = watch.told.map(({ what }) => what);
      assert.deepEqual([opened, closed, ...others], [`opened ${expected}`, `closed ${expected}`]);
      const [openedS, closedS] = watch.told.map(({ s }) => s) as [number, number];
      assert.ok(openedS > BEFORE_S && openedS <= BEFORE_S + SOON_S, `told ${openedS - BEFORE_S} s after it began`);
      assert.ok(closedS > BEFORE_S + LASTS_S, `closed ${BEFORE_S + LASTS_S - closedS} s too soon`);
    });
  }
}

test("a server that is worse than its peers from the first moment on is told within a minute", () => {
  const watch = watchOf({ seed: 31 });
  watch.run(60, failing);
  assert.deepEqual(watch.whats, ["opened errors www3"]);
  assert.match(watch.told[0]!.event.anomaly.text, /usual for the other servers/);
});

test("a clock that is off by more than two seconds is told, once, until it is right", () => {
  const watch = watchOf({ seed: 32, rate: 20 });
  const skewed =
    (skewS: number) =>
    (second: Second): Second => ({
      ...second,
      servers: second.servers.map((each) => (each.server === "www2" ? { ...each, skewS } : each)),
    });
  watch.run(30, undefined, skewed(-1.9));
  assert.deepEqual(watch.whats, []);
  watch.run(30, undefined, skewed(-2.5));
  watch.run(30, undefined, skewed(-1.8)); // near the limit it does not open and close all the time
  watch.run(30, undefined, skewed(-2.2));
  assert.deepEqual(watch.whats, ["opened clock www2"]);
  assert.equal(watch.told[0]!.event.anomaly.text, "The clock of www2 is 2.5 s behind.");
  watch.run(30, undefined, skewed(0.1));
  assert.deepEqual(watch.whats, ["opened clock www2", "closed clock www2"]);
});

test("a server with a request every half minute is not said to be silent for a pause of minutes", () => {
  const watch = watchOf({ seed: 33, rate: 0.1, servers: ["a", "b", "c"] });
  watch.run(3600);
  watch.run(150, (answer) => answer.server !== "b");
  assert.deepEqual(watch.whats, []);
});

test("a lone server with a request every few seconds is said to be silent in the end", () => {
  const watch = watchOf({ seed: 34, rate: 0.5, servers: ["only"], busyness: () => 1 });
  watch.run(900);
  watch.run(300, () => false);
  assert.deepEqual(watch.whats, ["opened silent only"]);
});

test("servers that join and leave make no stir among the others", () => {
  const watch = watchOf({ seed: 35 });
  const joins: Fault = (answer) => answer.server !== "www8";
  watch.run(400, joins);
  watch.run(400);
  assert.deepEqual(watch.whats, []);
});

test("a silent server is taken to be gone after an hour", () => {
  const watch = watchOf({ seed: 36, rate: 40 });
  watch.run(300);
  watch.run(3700, silent);
  assert.deepEqual(watch.whats, ["opened silent www7", "closed silent www7"]);
});

test("a level of time that lasts for long becomes the usual one, one of errors does not", () => {
  const watch = watchOf({ seed: 37, servers: ["www3", "www5"], rate: 60 }, { adaptAfter: 300_000 });
  watch.run(300);
  watch.run(600, (answer, chance) => failing(answer, chance) && slow(answer, chance));
  assert.deepEqual(watch.whats.toSorted(), ["closed time www5", "opened errors www3", "opened time www5"]);
});

test("what is told is the anomaly at its worst, with what was to be expected", () => {
  const watch = watchOf({ seed: 38 });
  watch.run(BEFORE_S);
  watch.run(60, slow);
  const [anomaly] = watch.anomalies.within(watch.ever);
  assert.equal(anomaly!.kind, "time");
  assert.ok(anomaly!.value / anomaly!.expected > 1.7 && anomaly!.value / anomaly!.expected < 2.6, anomaly!.text);
  assert.match(anomaly!.text, /^www5 takes \d+ ms for a typical request; \d+(\.\d+)? ms is usual for it\.$/);
});

test("anomalies are told by group, server and time", () => {
  const watch = watchOf({ seed: 39 });
  watch.run(BEFORE_S);
  watch.run(30, failing);
  watch.run(OVER_S);
  const { ever } = watch;
  const count = (scope: Partial<Scope>) => watch.anomalies.within({ ...ever, ...scope }).length;
  const [anomaly] = watch.anomalies.within(ever);
  assert.equal(count({ groups: ["w*"] }), 1);
  assert.equal(count({ groups: ["shop"] }), 0);
  assert.equal(count({ servers: ["www3"] }), 1);
  assert.equal(count({ servers: ["www4"] }), 0);
  assert.equal(count({ fromUs: anomaly!.closedUs! + 1 }), 0);
  assert.equal(count({ toUs: anomaly!.openedUs - 1 }), 0);
});

test("the same seconds tell the same", () => {
  const again = () => {
    const watch = watchOf({ seed: 40 });
    watch.run(100);
    watch.run(60, failing);
    return watch.told;
  };
  assert.deepEqual(again(), again());
});

test("of closed anomalies the latest are kept", () => {
  const watch = watchOf({ seed: 41, servers: ["a", "b"], rate: 1 }, { history: 5 });
  const skewed =
    (skewS: number) =>
    (second: Second): Second => ({
      ...second,
      servers: second.servers.map((each) => ({ ...each, skewS })),
    });
  for (let i = 0; i < 8; i++) {
    watch.run(10, undefined, skewed(3));
    watch.run(20, undefined, skewed(0));
  }
  const kept = watch.anomalies.within(watch.ever);
  assert.deepEqual(
    kept.map(({ id }) => id),
    [16, 15, 14, 13, 12],
  );
});

test("more servers and pages than may be watched are let be", () => {
  const servers = Array.from({ length: 50 }, (_, i) => `www${i}`);
  const watch = watchOf({ seed: 42, servers }, { maxServers: 10, maxPages: 10 });
  watch.run(120, undefined, (second) => ({
    ...second,
    pages: second.pages.map((page, i) => ({ ...page, page: `${page.page}?${second.startS}.${i}` })),
  }));
  assert.deepEqual(watch.whats, []);
});
