/**
 * Seconds of traffic as the engine counts them: 8 servers, pages of which a few are asked for most, durations with a heavy
 * tail, a day that passes within the hour; and faults to put into it.
 */
import { type Chance, chanceFrom, zipf } from "../../../src/cli/demo/chance.ts";
import { BINS, binOf } from "../../../src/metrics/anomalies/bins.ts";
import type { PageSecond, Second, ServerSecond } from "../../../src/metrics/parts.ts";

export const SERVERS = ["www1", "www2", "www3", "www4", "www5", "www6", "www7", "www8"];
export const START_S = Date.UTC(2026, 6, 25, 12) / 1000;

const PAGES = 300;
/** So many of the most popular are told, as the engine does. */
const TOLD_PAGES = 40;

/** A request as it would be answered; a fault changes it. Return false for one that never comes. */
export interface Answer {
  readonly server: string;
  readonly page: string;
  /** Rank of the page, 0 the most popular. */
  readonly rank: number;
  status: number;
  bytes: number;
  durationUs: number;
}

export type Fault = (answer: Answer, chance: Chance) => boolean;

export interface TrafficOptions {
  readonly seed: number;
  /** Requests a second, on average. */
  readonly rate?: number;
  readonly servers?: readonly string[];
  /** Share of the requests that fail by chance. */
  readonly errors?: number;
  /** How busy it is at second `s` from the start, 1 on average. */
  readonly busyness?: (s: number) => number;
  readonly group?: string;
}

export interface Traffic {
  /** The next second; with `fault`, if it is given. */
  next(fault?: Fault): Second;
}

export function trafficOf(options: TrafficOptions): Traffic {
  const { seed, rate = 200, servers = SERVERS, errors = 0.002, busyness = hourLongDay, group = "web" } = options;
  const chance = chanceFrom(seed);
  const rank = zipf(PAGES, 1);
  const pages = Array.from({ length: PAGES }, (_, i) => ({
    page: `/page/${i}`,
    bytes: Math.round(chance.logNormal(18_000, 1)),
    // Every third is a picture: it takes half a millisecond where a page takes some dozen.
    medianUs: i % 3 === 2 ? 500 : chance.logNormal(30_000, 0.8),
  }));
  let s = 0;
  return {
    next(fault) {
      const startS = START_S + s;
      const counts = poisson(chance, rate * busyness(s));
      const seconds = servers.map((server) => newSecond(group, server));
      const told = pages.slice(0, TOLD_PAGES).map(({ page }) => newPage(group, page));
      s++;
      for (let i = 0; i < counts; i++) {
        const at = rank(chance);
        const { page, bytes, medianUs } = pages[at]!;
        const server = chance.whole(0, servers.length);
        const answer = answerOf(chance, servers[server]!, page, at, bytes, medianUs, errors);
        if (fault !== undefined && !fault(answer, chance)) continue;
        count(seconds[server]!, told[at], answer, startS);
      }
      return { startS, servers: seconds, pages: told };
    },
  };
}

/** A whole day's ups and downs within an hour. */
export function hourLongDay(s: number): number {
  return 1 + 0.4 * Math.sin((2 * Math.PI * s) / 3600);
}

function answerOf(
  chance: Chance,
  server: string,
  page: string,
  rank: number,
  bytes: number,
  medianUs: number,
  errors: number,
): Answer {
  // One in a hundred waits for something: a heavy tail without a mean worth the name.
  const tail = chance.happens(0.01) ? (1 - chance.next()) ** (-1 / 1.2) * 20 : 1;
  const durationUs = Math.round(chance.logNormal(medianUs, 0.6) * tail);
  const answer = {
    server,
    page,
    rank,
    status: 200,
    bytes: Math.round(bytes * (0.95 + 0.1 * chance.next())),
    durationUs,
  };
  if (chance.happens(errors)) return { ...answer, status: 500, bytes: 300 };
  if (chance.happens(0.08)) return { ...answer, status: 304, bytes: 0 };
  return answer;
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };
type WritableSecond = Writable<ServerSecond> & { classes: number[] };

function count(second: WritableSecond, page: Writable<PageSecond> | undefined, answer: Answer, startS: number): void {
  const { status, bytes, durationUs } = answer;
  second.requests++;
  second.bytes += bytes;
  second.classes[Math.floor(status / 100)]!++;
  second.timed++;
  second.timeSumUs += durationUs;
  second.timeLogSum += Math.log(durationUs + 1);
  second.timeBins[binOf(durationUs)]!++;
  second.sized++;
  second.sizeLogSum += Math.log(bytes + 1);
  if (status >= 200 && status < 300 && bytes > 0) second.sizeBins[binOf(bytes)]!++;
  second.lastSeenUs = startS * 1e6 + 500_000;
  if (page === undefined) return;
  page.requests++;
  page.bytes += bytes;
  if (status >= 500) page.serverErrors++;
  else if (status >= 400) page.clientErrors++;
}

function newSecond(group: string, server: string): WritableSecond {
  return {
    group,
    server,
    requests: 0,
    bytes: 0,
    classes: [0, 0, 0, 0, 0, 0],
    timed: 0,
    timeSumUs: 0,
    timeLogSum: 0,
    sized: 0,
    sizeLogSum: 0,
    timeBins: new Uint32Array(BINS),
    sizeBins: new Uint32Array(BINS),
    skewS: 0.02,
    lastSeenUs: 0,
  };
}

function newPage(group: string, page: string): Writable<PageSecond> {
  return { group, page, requests: 0, bytes: 0, serverErrors: 0, clientErrors: 0 };
}

/** By the normal distribution from 30 on; below, by counting waiting times. */
function poisson(chance: Chance, mean: number): number {
  if (mean > 30) {
    const normal = Math.sqrt(-2 * Math.log(1 - chance.next())) * Math.cos(2 * Math.PI * chance.next());
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal));
  }
  let n = 0;
  for (let at = chance.exponential(1); at < mean; at += chance.exponential(1)) n++;
  return n;
}
