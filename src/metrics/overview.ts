/** Builds snapshots of a scope from what the engine keeps. */
import { type Counts, shareOf } from "./counts.ts";
import { deviations, measuredMedian, measuredRate, measuredShare } from "./deviation.ts";
import { Distinct } from "./distinct.ts";
import type { AnomaliesPart, SessionsPart } from "./parts.ts";
import { Quantiles } from "./quantiles.ts";
import { entry, type Finished, type Scoped, TREND_STEPS } from "./scoped.ts";
import type { PastSecond } from "./seconds.ts";
import type { CodeRow, Overview, Scope, Series, ServerRow, Sessions, TopList, TopRow, Totals } from "./snapshot.ts";
import { TOP_LISTS } from "./snapshot.ts";
import type { Source } from "./source.ts";
import type { Tally } from "./tally.ts";
import { topRows } from "./tops.ts";

export interface OverviewOptions {
  /** Rows of each top list. */
  readonly topRows: number;
  /** Top lists that are wanted; all if left out. */
  readonly tops?: readonly TopList[];
  /** Sessions to list. */
  readonly sessionRows: number;
  /** What the engine cannot know: how far it is behind the bus, and whether the traffic is simulated. */
  readonly lagS: number;
  readonly simulated: boolean;
}

export interface OverviewParts {
  readonly sessions?: SessionsPart;
  readonly anomalies?: AnomaliesPart;
}

const NOW_S = 10;
const SPARK_STEPS = 60;
/** Deviations are of the last minute; that of sizes is of the scope. */
const DEVIATION_S = 60;

/** Longest spans that are shown in steps of a minute, and of an hour. */
const MINUTES_UP_TO_S = 3 * 3600;
const HOURS_UP_TO_S = 7 * 86_400;

/** The sessions of whoever follows none. */
export const NO_SESSIONS: Sessions = {
  online: 0,
  robotsOnline: 0,
  visits: 0,
  meanLengthS: null,
  lengthS: null,
  meanPages: null,
  endedEarly: 0,
  rows: [],
};

/** A scope in seconds: what is asked for, as far as it has happened. */
interface Span {
  readonly fromS: number;
  /** Exclusive; at most the second under way. */
  readonly toS: number;
  readonly nowS: number;
  /** The minute under way is in it. */
  readonly live: boolean;
  /** All of it is kept second by second. */
  readonly fine: boolean;
}

function spanOf(scope: Scope, nowUs: number, kept: number): Span {
  const nowS = Math.floor(nowUs / 1e6);
  const toS = Math.min(Math.ceil(scope.toUs / 1e6), nowS);
  const fromS = Math.min(Math.floor(scope.fromUs / 1e6), toS);
  return { fromS, toS, nowS, live: scope.toUs / 1e6 > nowS - (nowS % 60), fine: fromS >= nowS - kept };
}

function finishedOf(scoped: Scoped, scope: Scope, { fromS, toS, nowS }: Span): Finished {
  const minuteUnderWay = nowS - (nowS % 60);
  return scoped.finished(scope, fromS - (fromS % 60), Math.min(Math.ceil(toS / 60) * 60, minuteUnderWay));
}

export function buildOverview(
  scoped: Scoped,
  scope: Scope,
  nowUs: number,
  options: OverviewOptions,
  parts: OverviewParts,
): Overview {
  const span = spanOf(scope, nowUs, scoped.seconds);
  const sources = scoped.sources(scope);
  const finished = finishedOf(scoped, scope, span);
  const tally = scoped.tally(finished, sources, span.live);
  const sums = span.fine ? sumOf(sources, span) : undefined;
  const totals = totalsOf(tally, sums);
  const lengthS = Math.max(1, span.toS - span.fromS);
  const tops: Partial<Record<TopList, readonly TopRow[]>> = {};
  for (const name of options.tops ?? TOP_LISTS) {
    const rows = rowsOf(name, tally, finished, scope, span, sources, options.topRows, parts);
    if (rows.length > 0) tops[name] = rows;
  }
  return {
    scope,
    atUs: nowUs,
    lagS: options.lagS,
    simulated: options.simulated,
    totals,
    now: nowOf(sources, span.nowS),
    series: span.fine ? fineSeries(sources, span) : coarseSeries(scoped, finished, sources, span),
    servers: serverRows(scoped, finished, sources, span, lengthS),
    codes: codesOf(tally, lengthS),
    groups: groupsOf(finished, sources, span.live),
    tops,
    sessions: parts.sessions?.snapshot(scope, options.sessionRows) ?? NO_SESSIONS,
    anomalies: parts.anomalies?.within(scope) ?? [],
  };
}

/** One top list of a scope. */
export function topOf(
  scoped: Scoped,
  name: TopList,
  scope: Scope,
  nowUs: number,
  limit: number,
  parts: OverviewParts,
): readonly TopRow[] {
  const span = spanOf(scope, nowUs, scoped.seconds);
  const sources = scoped.sources(scope);
  const finished = finishedOf(scoped, scope, span);
  return rowsOf(name, scoped.tally(finished, sources, span.live), finished, scope, span, sources, limit, parts);
}

function rowsOf(
  name: TopList,
  tally: Tally,
  finished: Finished,
  scope: Scope,
  span: Span,
  sources: readonly Source[],
  limit: number,
  parts: OverviewParts,
): readonly TopRow[] {
  if (name === "entryPages" || name === "exitPages") return parts.sessions?.top(name, scope, limit) ?? [];
  const rows = topRows(tally, name, limit);
  return name === "pages" ? withTrends(rows, finished, span, sources) : rows;
}

/** Adds requests a step to rows of pages, over the minutes of the span. */
function withTrends(rows: readonly TopRow[], finished: Finished, span: Span, sources: readonly Source[]): TopRow[] {
  const fromS = span.fromS - (span.fromS % 60);
  const minutes = Math.max(1, Math.ceil((span.toS - fromS) / 60));
  const stepS = 60 * Math.ceil(minutes / TREND_STEPS);
  const steps = Math.ceil((minutes * 60) / stepS);
  if (steps < 2) return [...rows];
  const keys = new Map(rows.map((row) => [row.key, Buffer.from(row.key)]));
  const trends = finished.trends(new Set([...keys.values()].map((key) => key.toString("latin1"))), fromS, stepS, steps);
  return rows.map((row) => {
    const key = keys.get(row.key)!;
    const trend = trends.get(key.toString("latin1"))!;
    if (span.live) {
      for (const { minute } of sources) {
        const list = minute.lists.pages;
        const at = list.find(key);
        if (at >= 0) trend[steps - 1]! += list.rows[at]!;
      }
    }
    return { ...row, trend };
  });
}

/** Sums over the seconds of a span. */
interface Sums {
  requests: number;
  bytes: number;
  robots: number;
  readonly classes: [number, number, number, number, number, number];
  readonly time: Quantiles;
  readonly visitors: Distinct;
}

function newSums(): Sums {
  return {
    requests: 0,
    bytes: 0,
    robots: 0,
    classes: [0, 0, 0, 0, 0, 0],
    time: new Quantiles(4),
    visitors: new Distinct(9),
  };
}

function addSecond(sums: Sums, second: PastSecond): void {
  sums.requests += second.requests;
  sums.bytes += second.bytes;
  sums.robots += second.robots;
  for (let i = 0; i < 6; i++) sums.classes[i]! += second.classes[i]!;
  sums.time.merge(second.time);
  sums.visitors.merge(second.visitors);
}

function sumOf(sources: readonly Source[], { fromS, toS }: Span): Sums {
  const sums = newSums();
  for (const { seconds } of sources) {
    for (let s = fromS; s < toS; s++) {
      const second = seconds.at(s);
      if (second !== undefined) addSecond(sums, second);
    }
  }
  return sums;
}

/** By the second where seconds are kept; what is not kept by the second (sizes, unparsed lines) is of whole minutes. */
function totalsOf(tally: Tally, sums: Sums | undefined): Totals {
  const totals = tally.counts.totals();
  if (sums === undefined) return totals;
  return {
    ...totals,
    requests: sums.requests,
    bytes: sums.bytes,
    robots: sums.robots,
    classes: sums.classes,
    errorShare: shareOf(sums.classes[5], sums.requests),
    visitors: Math.round(sums.visitors.count()),
    visitorsError: sums.visitors.error,
    time: sums.time.shape(1e-6),
  };
}

function nowOf(sources: readonly Source[], nowS: number): Overview["now"] {
  let requests = 0;
  let bytes = 0;
  let errors = 0;
  for (const { seconds } of sources) {
    for (let s = nowS - NOW_S; s < nowS; s++) {
      const second = seconds.at(s);
      if (second === undefined) continue;
      requests += second.requests;
      bytes += second.bytes;
      errors += second.classes[5];
    }
  }
  return { requestsPerS: requests / NOW_S, bytesPerS: bytes / NOW_S, errorShare: shareOf(errors, requests) };
}

/** Arrays of a series, filled step by step. */
class SeriesBuilder {
  readonly requests: number[] = [];
  readonly bytes: number[] = [];
  readonly classes: number[][] = [[], [], [], [], [], []];
  readonly visitors: number[] = [];
  readonly timeP50: (number | null)[] = [];
  readonly timeP95: (number | null)[] = [];
  readonly timeP99: (number | null)[] = [];

  step(requests: number, bytes: number, classes: readonly number[], visitors: Distinct, time: Quantiles): void {
    this.requests.push(requests);
    this.bytes.push(bytes);
    for (let i = 0; i < 6; i++) this.classes[i]!.push(classes[i]!);
    this.visitors.push(requests === 0 ? 0 : Math.round(visitors.count()));
    const at = (q: number) => (time.count === 0 ? null : time.quantile(q) * 1e-6);
    this.timeP50.push(at(0.5));
    this.timeP95.push(at(0.95));
    this.timeP99.push(at(0.99));
  }

  finish(stepS: Series["stepS"], startS: number): Series {
    const { requests, bytes, classes, visitors, timeP50, timeP95, timeP99 } = this;
    return { stepS, startS, requests, bytes, classes, visitors, timeP50, timeP95, timeP99 };
  }
}

function fineSeries(sources: readonly Source[], { fromS, toS }: Span): Series {
  const series = new SeriesBuilder();
  for (let s = fromS; s < toS; s++) {
    const sums = newSums();
    for (const { seconds } of sources) {
      const second = seconds.at(s);
      if (second !== undefined) addSecond(sums, second);
    }
    series.step(sums.requests, sums.bytes, sums.classes, sums.visitors, sums.time);
  }
  return series.finish(1, fromS);
}

/** The length of a step in which a span of so many seconds is shown. */
export function stepFor(lengthS: number): 60 | 3600 | 86400 {
  return lengthS <= MINUTES_UP_TO_S ? 60 : lengthS <= HOURS_UP_TO_S ? 3600 : 86_400;
}

function coarseSeries(scoped: Scoped, finished: Finished, sources: readonly Source[], span: Span): Series {
  const stepS = stepFor(span.toS - span.fromS);
  const startS = span.fromS - (span.fromS % stepS);
  const steps = new Map<number, Counts>();
  const add = (atS: number, counts: Counts) =>
    entry(steps, Math.floor((atS - startS) / stepS), () => scoped.newCounts()).merge(counts);
  for (const [minuteS, counts] of finished.minutes) add(minuteS, counts);
  if (span.live) for (const { minute } of sources) add(span.nowS, minute.counts);
  const series = new SeriesBuilder();
  const none = scoped.newCounts();
  const count = Math.max(1, Math.ceil((span.toS - startS) / stepS));
  for (let step = 0; step < count; step++) {
    const counts = steps.get(step) ?? none;
    series.step(counts.requests, counts.bytes, counts.classes(), counts.visitors, counts.time);
  }
  return series.finish(stepS, startS);
}

export function codesOf(tally: Tally, lengthS: number): CodeRow[] {
  const { statuses, requests } = tally.counts;
  const codes: CodeRow[] = [];
  for (let status = 0; status < statuses.length; status++) {
    const counted = statuses[status]!;
    if (counted > 0) {
      codes.push({ status, requests: counted, share: shareOf(counted, requests), perS: counted / lengthS });
    }
  }
  return codes.sort((a, b) => b.requests - a.requests);
}

function groupsOf(finished: Finished, sources: readonly Source[], live: boolean): Overview["groups"] {
  const groups = new Map(finished.groups);
  if (live) {
    for (const { group, minute } of sources) groups.set(group, (groups.get(group) ?? 0) + minute.counts.requests);
  }
  return [...groups]
    .map(([group, requests]) => ({ group, requests }))
    .sort((a, b) => b.requests - a.requests || (a.group < b.group ? -1 : 1));
}

function serverRows(
  scoped: Scoped,
  finished: Finished,
  sources: readonly Source[],
  span: Span,
  lengthS: number,
): ServerRow[] {
  const names = new Set([...finished.servers.keys(), ...sources.map(({ server }) => server)]);
  const all = scoped.newCounts();
  const rows = [...names].sort().map((server) => {
    const own = sources.filter((source) => source.server === server);
    const counts = scoped.newCounts();
    const past = finished.servers.get(server);
    if (past !== undefined) counts.merge(past);
    if (span.live) for (const { minute } of own) counts.merge(minute.counts);
    const sums = span.fine ? sumOf(own, span) : undefined;
    const last = lastMinuteOf(own, span.nowS);
    all.merge(counts);
    return { server, own, counts, sums, last };
  });
  const errorsOfAll = shareOf(all.classes()[5], all.requests);
  const rate = deviations(rows.map(({ last }) => measuredRate(last.requests, DEVIATION_S)));
  const errors = deviations(rows.map(({ last }) => measuredShare(last.classes[5], last.requests, errorsOfAll)));
  const time = deviations(rows.map(({ last }) => measuredMedian(last.time.quantile(0.5), last.time.count)));
  const size = deviations(rows.map(({ counts }) => measuredMedian(counts.size.quantile(0.5), counts.size.count)));
  return rows.map(({ server, own, counts, sums }, i) => {
    const requests = sums?.requests ?? counts.requests;
    const errorShare = shareOf(sums?.classes[5] ?? counts.classes()[5], requests);
    return {
      server,
      requests,
      requestsPerS: requests / lengthS,
      bytesPerS: (sums?.bytes ?? counts.bytes) / lengthS,
      errorShare,
      relativeErrors: errorsOfAll > 0 ? errorShare / errorsOfAll : null,
      time: (sums?.time ?? counts.time).shape(1e-6),
      size: counts.size.shape(1),
      skewS: skewOf(own),
      lastSeenUs: own.reduce((latest, source) => Math.max(latest, source.lastSeenUs), lastUsOf(counts)),
      spark: sparkOf(server, own, finished, span),
      deviation: { rate: rate[i]!, errors: errors[i]!, time: time[i]!, size: size[i]! },
    };
  });
}

function lastUsOf(counts: Counts): number {
  return counts.requests === 0 ? 0 : counts.lastUs;
}

function skewOf(sources: readonly Source[]): number | null {
  return sources.find(({ skewS }) => skewS !== null)?.skewS ?? null;
}

function lastMinuteOf(sources: readonly Source[], nowS: number): Sums {
  const sums = newSums();
  for (const { seconds } of sources) {
    for (let s = nowS - DEVIATION_S; s < nowS; s++) {
      const second = seconds.at(s);
      if (second !== undefined) addSecond(sums, second);
    }
  }
  return sums;
}

function sparkOf(server: string, sources: readonly Source[], finished: Finished, span: Span): number[] {
  const spark: number[] = [];
  if (span.fine) {
    for (let s = Math.max(span.fromS, span.toS - SPARK_STEPS); s < span.toS; s++) {
      spark.push(sources.reduce((sum, { seconds }) => sum + (seconds.at(s)?.requests ?? 0), 0));
    }
    return spark;
  }
  const stepS = stepFor(span.toS - span.fromS);
  const minutes = finished.sparks.get(server);
  const lastS = span.toS - 1 - ((span.toS - 1) % stepS);
  const firstS = Math.max(span.fromS - (span.fromS % stepS), lastS - (SPARK_STEPS - 1) * stepS);
  for (let s = firstS; s <= lastS; s += stepS) {
    let requests = 0;
    for (let m = s; m < s + stepS; m += 60) requests += minutes?.get(m) ?? 0;
    if (span.live && s === lastS) for (const { minute } of sources) requests += minute.counts.requests;
    spark.push(requests);
  }
  return spark;
}
