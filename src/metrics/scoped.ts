/** What the engine knows of a scope: minutes that are finished, merged once and remembered, and the one under way. */
import { groupMatcher } from "../message/names.ts";
import { Counts } from "./counts.ts";
import type { KeptMinutes, Rollup } from "./kept-minutes.ts";
import type { Scope } from "./snapshot.ts";
import type { Source } from "./source.ts";
import { mergeCounts, openList, Tally, type TallyLimits, type TallyNames } from "./tally.ts";
import { eachRow, REQUESTS } from "./top-list.ts";

/** Scopes whose finished minutes are remembered: those that dashboards look at, a few at a time. */
const REMEMBERED = 8;

/** Rows that a merged list has for each row of a minute's. */
const ROWS_FOR_ONE = 10;

/** Most steps of a trend. */
export const TREND_STEPS = 30;

/** Finished minutes of a scope, merged. */
export class Finished {
  readonly tally: Tally;
  /** By server; by group; by start of the minute. */
  readonly servers = new Map<string, Counts>();
  readonly groups = new Map<string, number>();
  readonly minutes = new Map<number, Counts>();
  /** Requests by server, then by start of the minute. */
  readonly sparks = new Map<string, Map<number, number>>();
  readonly rollups: readonly Rollup[];

  constructor(rollups: readonly Rollup[], limits: TallyLimits, names: TallyNames) {
    this.rollups = rollups;
    this.tally = new Tally(limits, names);
    const precision = limits.visitorsPrecision;
    for (const { group, server, startS, bytes } of rollups) {
      this.tally.mergeEncoded(bytes);
      const own = new Counts(precision);
      mergeCounts(bytes, own);
      entry(this.servers, server, () => new Counts(precision)).merge(own);
      entry(this.minutes, startS, () => new Counts(precision)).merge(own);
      this.groups.set(group, (this.groups.get(group) ?? 0) + own.requests);
      const spark = entry(this.sparks, server, () => new Map<number, number>());
      spark.set(startS, (spark.get(startS) ?? 0) + own.requests);
    }
  }

  /** Requests of pages in each of `steps` steps of `stepS` seconds from `fromS`; by the page's bytes as latin1. */
  trends(pages: ReadonlySet<string>, fromS: number, stepS: number, steps: number): Map<string, number[]> {
    const trends = new Map<string, number[]>();
    for (const page of pages) trends.set(page, new Array<number>(steps).fill(0));
    for (const { startS, bytes } of this.rollups) {
      const step = Math.floor((startS - fromS) / stepS);
      if (step < 0 || step >= steps) continue;
      eachRow(openList(bytes, "pages"), (key, row) => {
        const trend = trends.get(key.toString("latin1"));
        if (trend !== undefined) trend[step]! += row[REQUESTS]!;
      });
    }
    return trends;
  }
}

/** The map's value of a key, made now if there is none. */
export function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}

export class Scoped {
  readonly #sources: ReadonlyMap<string, Source>;
  readonly #minutes: KeptMinutes;
  readonly #limits: TallyLimits & { readonly minuteRows: number };
  readonly #names: TallyNames;
  readonly #remembered = new Map<string, { readonly version: number; readonly finished: Finished }>();
  /** Seconds of the past that sources keep one by one. */
  readonly seconds: number;

  constructor(
    sources: ReadonlyMap<string, Source>,
    minutes: KeptMinutes,
    limits: TallyLimits & { readonly minuteRows: number; readonly seconds: number },
    names: TallyNames,
  ) {
    this.#sources = sources;
    this.#minutes = minutes;
    this.#limits = limits;
    this.#names = names;
    this.seconds = limits.seconds;
  }

  /** Servers of the scope. */
  sources(scope: Scope): Source[] {
    const matches = matcherOf(scope);
    return [...this.#sources.values()].filter(({ group, server }) => matches(group, server));
  }

  /** The minutes from `fromS` to `toS` (starts, exclusive). */
  finished(scope: Scope, fromS: number, toS: number): Finished {
    const key = JSON.stringify([scope.groups, scope.servers, fromS, toS]);
    const known = this.#remembered.get(key);
    this.#remembered.delete(key);
    if (known !== undefined && known.version === this.#minutes.version) {
      this.#remembered.set(key, known); // the latest used comes last
      return known.finished;
    }
    const matches = matcherOf(scope);
    const rollups = this.#minutes
      .starts()
      .filter((startS) => startS >= fromS && startS < toS)
      .flatMap((startS) => this.#minutes.at(startS))
      .filter(({ group, server }) => matches(group, server));
    const finished = new Finished(rollups, this.#mergedLimits(), this.#names);
    this.#remembered.set(key, { version: this.#minutes.version, finished });
    for (const oldest of this.#remembered.keys()) {
      if (this.#remembered.size <= REMEMBERED) break;
      this.#remembered.delete(oldest);
    }
    return finished;
  }

  /** Finished minutes and, if `live`, the minute under way of `sources`, in one settled tally. */
  tally(finished: Finished, sources: readonly Source[], live: boolean): Tally {
    const tally = new Tally(this.#mergedLimits(), this.#names);
    tally.merge(finished.tally);
    if (live) for (const { minute } of sources) tally.merge(minute);
    tally.settle();
    return tally;
  }

  newCounts(): Counts {
    return new Counts(this.#limits.visitorsPrecision);
  }

  #mergedLimits(): TallyLimits {
    const { minuteRows, listRows } = this.#limits;
    return { ...this.#limits, listRows: Math.max(minuteRows * ROWS_FOR_ONE, listRows) };
  }
}

function matcherOf({ groups, servers }: Scope): (group: string, server: string) => boolean {
  const ofGroup = groups.length === 0 ? () => true : groupMatcher(groups);
  const ofServer = servers.length === 0 ? () => true : groupMatcher(servers);
  return (group, server) => ofGroup(group) && ofServer(server);
}
