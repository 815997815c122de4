import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parserFor } from "../../src/formats/parser-for.ts";
import { engineConfig } from "../../src/metrics/config.ts";
import { Engine, type EngineDeps } from "../../src/metrics/engine.ts";
import type { AnomaliesPart, Second, SessionsPart } from "../../src/metrics/parts.ts";
import type { Overview, Scope } from "../../src/metrics/snapshot.ts";
import { randomOf } from "./streams.ts";

type Written = Parameters<typeof engineConfig.parse>[0];

const sample = readFileSync(new URL("../data/access-combined.log", import.meta.url));

/** The start of a minute. */
const START_S = 1_780_000_020;
const OPTIONS = { topRows: 20, sessionRows: 10, lagS: 0, simulated: false };

function engineWith(config: Written = {}, deps: Partial<EngineDeps> = {}): Engine {
  return new Engine(engineConfig.parse(config), { parserOf: () => parserFor("combined"), seed: 5, ...deps });
}

/** One line: 200, 100 bytes, unless told otherwise. */
function line({ address = "192.0.2.1", page = "/", status = 200, bytes = 100, agent = "x" } = {}): string {
  return `${address} - - [24/Nov/2026:13:55:36 +0000] "GET ${page} HTTP/1.1" ${status} ${bytes} "-" "${agent}"\n`;
}

function feed(engine: Engine, atS: number, lines: string | Buffer, { group = "web", server = "a" } = {}): void {
  engine.add({ group, server, busTimeUs: atS * 1e6, createdUs: atS * 1e6 - 5000 }, Buffer.from(lines));
}

/** The sample from four servers, a few lines every 0.7 s; then time goes on by `afterS`. */
function fedWithSample(engine: Engine, afterS = 1): Engine {
  let atS = START_S;
  for (let at = 0, i = 0; at < sample.length; i++) {
    const end = sample.indexOf(10, Math.min(sample.length - 1, at + 8000)) + 1;
    feed(engine, atS, sample.subarray(at, end), { server: `w${i % 4}` });
    at = end;
    atS += 0.7;
  }
  engine.advance((atS + afterS) * 1e6);
  return engine;
}

function scopeOf(engine: Engine, lengthS: number, part: Partial<Scope> = {}): Scope {
  return { groups: [], servers: [], fromUs: engine.nowUs - lengthS * 1e6, toUs: engine.nowUs, ...part };
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

/** What must agree within one snapshot, whatever it is of. */
function checkConsistent({ totals, series, servers, codes, groups }: Overview): void {
  assert.equal(sum(totals.classes), totals.requests);
  assert.equal(sum(series.requests), totals.requests);
  assert.equal(sum(series.bytes), totals.bytes);
  assert.equal(sum(servers.map(({ requests }) => requests)), totals.requests);
  assert.equal(sum(codes.map(({ requests }) => requests)), totals.requests);
  assert.equal(sum(groups.map(({ requests }) => requests)), totals.requests);
  for (const [i, classed] of series.classes.entries()) assert.equal(sum(classed), totals.classes[i]);
}

test("the sample is counted whole: requests, bytes, codes, visitors, and all of it agrees", () => {
  const engine = fedWithSample(engineWith());
  const overview = engine.overview(scopeOf(engine, 600), OPTIONS);
  assert.equal(overview.totals.requests, 10_000);
  assert.equal(overview.totals.bytes, 2_747_282_740);
  assert.deepEqual(overview.totals.classes, [0, 0, 9171, 609, 217, 3]);
  assert.ok(Math.abs(overview.totals.visitors / 1872 - 1) < 4 * overview.totals.visitorsError);
  checkConsistent(overview);
});

test("the same batches give the same figures by the second and by the minute", () => {
  const engine = fedWithSample(engineWith());
  const [fine, coarse] = [200, 400].map((lengthS) => engine.overview(scopeOf(engine, lengthS), OPTIONS));
  assert.equal(fine!.series.stepS, 1);
  assert.equal(coarse!.series.stepS, 60);
  for (const overview of [fine!, coarse!]) assert.equal(overview.totals.requests, sum(overview.series.requests));
  // All of it lies within both.
  const last = engine.overview(scopeOf(engine, 290), OPTIONS);
  assert.equal(last.totals.requests, coarse!.totals.requests);
  assert.deepEqual(last.totals.classes, coarse!.totals.classes);
});

test("a scope of one server or group holds only its requests", () => {
  const engine = fedWithSample(engineWith());
  feed(engine, engine.nowUs / 1e6, line(), { group: "other", server: "w1" });
  engine.advance(engine.nowUs + 1e6);
  const of = (part: Partial<Scope>) => {
    const overview = engine.overview(scopeOf(engine, 600, part), OPTIONS);
    checkConsistent(overview);
    return overview.totals.requests;
  };
  const each = ["w0", "w1", "w2", "w3"].map((server) => of({ groups: ["web"], servers: [server] }));
  assert.equal(sum(each), 10_000);
  assert.equal(of({ groups: ["oth*"] }), 1);
  assert.equal(of({ servers: ["w1"] }), each[1]! + 1);
  assert.equal(of({ servers: ["nobody"] }), 0);
});

test("the top lists tell pages, agents, sites and addresses, with a trend for pages", () => {
  const engine = fedWithSample(engineWith({ listRows: 5000, minuteRows: 2000 }));
  const { tops } = engine.overview(scopeOf(engine, 600), OPTIONS);
  assert.deepEqual(
    tops.pages!.slice(0, 3).map(({ key, requests, over }) => [key, requests, over]),
    [
      ["/favicon.ico", 807, 0],
      ["/style2.css", 546, 0],
      ["/reset.css", 538, 0],
    ],
  );
  assert.equal(sum(tops.pages![0]!.trend), 807);
  assert.deepEqual(
    [tops.notFound![0]!.key, tops.notFound![0]!.requests],
    ["/files/logstash/logstash-1.3.2-monolithic.jar", 61],
  );
  assert.equal(tops.pagesByBytes![0]!.key, "/misc/sample.log");
  assert.equal(tops.addresses![0]!.key, "66.249.73.135");
  assert.equal(tops.referringSites![0]!.key, "www.semicomplete.com");
  assert.deepEqual(
    tops.methods!.map(({ key, requests }) => [key, requests]),
    [
      ["GET", 9952],
      ["HEAD", 42],
      ["POST", 5],
      ["OPTIONS", 1],
    ],
  );
  assert.ok(tops.browsers!.some(({ key }) => key === "Firefox"));
  assert.ok(tops.robots!.some(({ key }) => key === "Googlebot"));
  const [top] = engine.top("pages", scopeOf(engine, 600), 1);
  assert.equal(top!.key, "/favicon.ico");
});

test("durations are told where the format has them, and null where it has not", () => {
  const engine = engineWith({}, { parserOf: () => parserFor('%h %l %u %t "%r" %>s %b %D') });
  for (let i = 1; i <= 100; i++) {
    feed(engine, START_S, `192.0.2.1 - - [24/Nov/2026:13:55:36 +0000] "GET /p${i % 2} HTTP/1.1" 200 5 ${i * 1000}\n`);
  }
  engine.advance((START_S + 2) * 1e6);
  const { totals, tops, series } = engine.overview(scopeOf(engine, 30), OPTIONS);
  assert.ok(Math.abs(totals.time!.p50 - 0.05) <= 0.05 * totals.time!.error);
  assert.ok(Math.abs(totals.time!.mean - 0.0505) < 1e-9);
  assert.deepEqual(
    tops.slowest!.map(({ key }) => key),
    ["/p0", "/p1"],
  );
  assert.ok(series.timeP50.some((p50) => p50 !== null));
  const untimed = fedWithSample(engineWith());
  const overview = untimed.overview(scopeOf(untimed, 600), OPTIONS);
  assert.equal(overview.totals.time, null);
  assert.equal(overview.tops.slowest, undefined);
});

test("lines that do not parse are counted by reason and the latest 20 are kept", () => {
  const engine = engineWith();
  feed(engine, START_S, line());
  for (let i = 0; i < 50; i++) feed(engine, START_S, `\x1b[2J number ${i}\n`);
  feed(engine, START_S, "\n");
  engine.advance((START_S + 2) * 1e6);
  const { totals } = engine.overview(scopeOf(engine, 30), OPTIONS);
  assert.equal(totals.requests, 1);
  assert.deepEqual(totals.unparsed, { "too-short": 50, empty: 1 });
  assert.equal(engine.unparsed.length, 20);
  assert.deepEqual(
    [engine.unparsed[0]!, engine.unparsed.at(-1)!].map(({ reason, line: bytes }) => [reason, bytes.toString()]),
    [
      ["too-short", "\x1b[2J number 31"],
      ["empty", ""],
    ],
  );
});

test("privacy comes before everything that is stored, the kept lines among it", () => {
  const engine = engineWith({ privacy: { address: "truncate", query: ["token"] } });
  feed(engine, START_S, line({ address: "192.0.2.17", page: "/a?token=secret&x=1" }));
  feed(engine, START_S, "192.0.2.18 secret line\n");
  engine.advance((START_S + 61) * 1e6);
  const { tops } = engine.overview(scopeOf(engine, 120), OPTIONS);
  assert.deepEqual([tops.pages![0]!.key, tops.addresses![0]!.key], ["/a?x=1", "192.0.2.0"]);
  assert.equal(engine.unparsed[0]!.line.toString(), "999.9.9.99 xxxxxx xxxx");
  const stored = engine.minutes.flatMap((startS) => engine.minute(startS)).map(({ bytes }) => bytes.toString("latin1"));
  assert.equal(stored.length, 1);
  assert.doesNotMatch(stored.join(), /secret|192\.0\.2\.1[78]/);
});

test("a finished minute can be taken to another engine, and taking it twice counts it once", () => {
  const engine = fedWithSample(engineWith({ minuteRows: 5000, listRows: 5000 }), 60);
  const other = engineWith({ minuteRows: 5000, listRows: 5000 });
  for (const startS of engine.minutes) {
    other.load(engine.minute(startS));
    other.load(engine.minute(startS));
  }
  other.advance(engine.nowUs);
  const [mine, theirs] = [engine, other].map((each) => each.overview(scopeOf(engine, 600), OPTIONS));
  assert.equal(theirs!.totals.requests, 10_000);
  assert.deepEqual(theirs!.totals, mine!.totals);
  assert.deepEqual(theirs!.tops, mine!.tops);
  assert.deepEqual(theirs!.series, mine!.series);
});

test("merging the minutes of two engines says what one engine that saw everything says", () => {
  const [one, two, both] = [0, 1, 2].map(() => engineWith({ minuteRows: 5000, listRows: 5000 })) as [
    Engine,
    Engine,
    Engine,
  ];
  const random = randomOf(3);
  for (let i = 0; i < 2000; i++) {
    const atS = START_S + i * 0.05;
    const server = `s${i % 2}`;
    const text = line({ address: `10.0.0.${Math.floor(random() * 200)}`, page: `/p${Math.floor(random() * 100)}` });
    feed(i % 2 === 0 ? one : two, atS, text, { server });
    feed(both, atS, text, { server });
  }
  for (const engine of [one, two, both]) engine.advance((START_S + 180) * 1e6);
  for (const startS of two.minutes) one.load(two.minute(startS));
  const [merged, whole] = [one, both].map((engine) => engine.overview(scopeOf(both, 400), OPTIONS));
  assert.deepEqual(merged!.totals, whole!.totals);
  assert.deepEqual(merged!.tops, whole!.tops);
  assert.deepEqual(merged!.series, whole!.series);
});

test("the sender's skew is measured, and rows are compared with their peers", () => {
  const engine = engineWith();
  for (let s = 0; s < 60; s++) {
    for (const server of ["a", "b", "c", "d", "e"]) {
      const status = server === "e" && s % 2 === 0 ? 500 : 200;
      const busTimeUs = (START_S + s) * 1e6;
      const createdUs = busTimeUs + (server === "b" ? 3e6 : -2000);
      engine.add({ group: "web", server, busTimeUs, createdUs }, Buffer.from(line({ status }).repeat(10)));
    }
  }
  engine.advance((START_S + 61) * 1e6);
  const { servers } = engine.overview(scopeOf(engine, 120), OPTIONS);
  const row = (name: string) => servers.find(({ server }) => server === name)!;
  assert.ok(Math.abs(row("b").skewS! - 3) < 0.01);
  assert.ok(Math.abs(row("a").skewS!) < 0.01);
  assert.ok(row("e").deviation.errors! > 5);
  assert.ok(Math.abs(row("a").deviation.errors!) < 3);
  assert.ok(row("e").relativeErrors! > 4);
});

test("the anomalies hear of every second once and in order, quiet ones too, with what each server did", () => {
  const seconds: { startS: number; requests: number; sizeBins: number; pages: number }[] = [];
  const anomalies: AnomaliesPart = {
    observe: ({ startS, servers, pages }: Second) =>
      void seconds.push({
        startS,
        requests: sum(servers.map(({ requests }) => requests)),
        sizeBins: sum(servers.map(({ sizeBins }) => sum([...sizeBins]))),
        pages: sum(pages.map(({ requests }) => requests)),
      }),
    within: () => [],
  };
  const engine = engineWith({}, { anomalies });
  for (const s of [0, 0.4, 1, 5, 64, 65]) feed(engine, START_S + s, line() + line({ status: 404, bytes: 7 }));
  engine.advance((START_S + 67) * 1e6);
  assert.deepEqual(
    seconds.map(({ startS }) => startS),
    Array.from({ length: 67 }, (_, i) => START_S + i),
  );
  const at = (s: number) => seconds[s]!;
  assert.deepEqual(
    [0, 1, 2, 5, 64].map((s) => at(s).requests),
    [4, 2, 0, 2, 2],
  );
  assert.deepEqual(
    [0, 2, 64].map((s) => at(s).sizeBins),
    [2, 0, 1],
  );
  // Watched from the second minute on, when it is known what is popular.
  assert.deepEqual(
    [5, 64, 65, 66].map((s) => at(s).pages),
    [0, 2, 2, 0],
  );
});

test("the sessions get every request with its time and server, and are told the time", () => {
  const noted: string[] = [];
  let ticks = 0;
  const sessions: SessionsPart = {
    note: ({ page, server, timeUs, visitorHigh }) =>
      void noted.push(
        `${server} ${page.bytes.toString("utf8", page.from, page.to)} ${timeUs / 1e6 - START_S} ${visitorHigh !== 0}`,
      ),
    tick: () => void ticks++,
    snapshot: () => assert.fail(),
    top: () => [],
    session: () => undefined,
  };
  const engine = engineWith({}, { sessions });
  feed(engine, START_S, line({ page: "/a" }) + line({ page: "/b" }));
  feed(engine, START_S + 2, line({ page: "/c" }), { server: "b" });
  assert.deepEqual(noted, ["a /a 0 true", "a /b 0 true", "b /c 2 true"]);
  assert.equal(ticks, 2);
});

test("servers beyond the bound are counted together", () => {
  const engine = engineWith({ sources: 3 });
  for (let i = 0; i < 10; i++) feed(engine, START_S, line(), { server: `s${i}` });
  engine.advance((START_S + 1) * 1e6);
  const { servers } = engine.overview(scopeOf(engine, 30), OPTIONS);
  assert.deepEqual(
    servers.map(({ server, requests }) => [server, requests]),
    [
      ["(other)", 7],
      ["s0", 1],
      ["s1", 1],
      ["s2", 1],
    ],
  );
});

test("memory stays where its bounds are while every field of every line is new", () => {
  const engine = engineWith({ listRows: 100, minuteRows: 20, minutes: 5, agents: 1000, sources: 4 });
  let lines = 0;
  const hour = () => {
    for (let s = 0; s < 600; s++) {
      let text = "";
      for (let i = 0; i < 20; i++, lines++) {
        text += line({
          address: `2001:db8::${lines.toString(16)}`,
          page: `/${lines}?${"x".repeat(lines % 300)}`,
          agent: `agent ${lines}`,
        });
      }
      feed(engine, START_S + lines / 20, text, { server: `s${s % 8}` });
    }
    return engine.memory;
  };
  const first = hour();
  const later = [hour(), hour()];
  assert.ok(Math.max(...later) < first * 1.1, `${first} bytes, later ${later}`);
  assert.ok(first < 20e6);
});

test("an hour without traffic and a gap of a year are passed over, and what was before stays in its minutes", () => {
  const engine = engineWith();
  feed(engine, START_S, line());
  feed(engine, START_S + 3600, line());
  feed(engine, START_S + 366 * 86_400, line());
  engine.advance((START_S + 366 * 86_400 + 1) * 1e6);
  assert.equal(engine.overview(scopeOf(engine, 30), OPTIONS).totals.requests, 1);
  assert.deepEqual(engine.minutes.slice(0, 2), [START_S, START_S + 3600]);
});

test("nothing is infinite or not a number in a snapshot of nothing", () => {
  const engine = engineWith();
  const before = engine.overview({ groups: [], servers: [], fromUs: 0, toUs: 0 }, OPTIONS);
  assert.doesNotMatch(
    JSON.stringify(before, (_, v) => (typeof v === "number" && !Number.isFinite(v) ? "BAD" : v)),
    /BAD/,
  );
  engine.advance(START_S * 1e6);
  const empty = engine.overview(scopeOf(engine, 600), OPTIONS);
  assert.doesNotMatch(
    JSON.stringify(empty, (_, v) => (typeof v === "number" && !Number.isFinite(v) ? "BAD" : v)),
    /BAD/,
  );
  assert.equal(empty.totals.requests, 0);
});
