/** What was counted, in the shape that the live metrics have too, and how the lines fared. */
import { shareOf } from "../metrics/counts.ts";
import { codesOf, NO_SESSIONS } from "../metrics/overview.ts";
import { type Overview, type ServerRow, TOP_LISTS, type TopList, type TopRow } from "../metrics/snapshot.ts";
import { topRows } from "../metrics/tops.ts";
import type { Counted } from "./count-files.ts";

/** How the lines of the files fared. Lines are requests, headers, outside or unparsed. */
export interface Parsed {
  readonly lines: number;
  readonly requests: number;
  /** Of the requests: those whose line was cut or departs from its format. */
  readonly truncated: number;
  /** Lines such as `#Fields:`. */
  readonly headers: number;
  /** Requests before --from or after --to. */
  readonly outside: number;
  readonly unparsed: Readonly<Record<string, number>>;
  /** The latest lines that did not parse, as they came. */
  readonly samples: readonly { readonly file: string; readonly reason: string; readonly line: string }[];
  readonly files: readonly { readonly file: string; readonly format: string }[];
  /** Bytes read. */
  readonly bytes: number;
  readonly seconds: number;
}

export interface Report extends Overview {
  readonly parsed: Parsed;
}

/** Files that have a row of their own; a longer list helps nobody. */
const MOST_FILES = 100;

export function reportOf({ counter, formats, bytes }: Counted, rows: number, seconds: number): Report {
  const { tally } = counter;
  tally.settle();
  const { counts } = tally;
  const known = Number.isFinite(counts.firstUs);
  const fromUs = known ? counts.firstUs : 0;
  const toUs = known ? counts.lastUs : 0;
  const lengthS = Math.max(1, (toUs - fromUs) / 1e6);
  const totals = counts.totals();
  const tops: Partial<Record<TopList, readonly TopRow[]>> = {};
  for (const name of TOP_LISTS) {
    const found = topRows(tally, name, rows);
    if (found.length > 0) tops[name] = found;
  }
  return {
    scope: { groups: [], servers: [], fromUs, toUs },
    atUs: toUs,
    lagS: 0,
    simulated: false,
    totals,
    now: {
      requestsPerS: totals.requests / lengthS,
      bytesPerS: totals.bytes / lengthS,
      errorShare: totals.errorShare,
    },
    series: counter.steps.series(),
    servers: filesOf(counter, lengthS, totals.errorShare),
    codes: codesOf(tally, lengthS),
    groups: [],
    tops,
    sessions: NO_SESSIONS,
    anomalies: [],
    parsed: {
      lines: counter.lines,
      requests: totals.requests,
      truncated: counter.truncated,
      headers: counter.headers,
      outside: counter.outside,
      unparsed: totals.unparsed,
      samples: counter.samples.latest().map(({ server, reason, line }) => ({
        file: server,
        reason,
        line: Buffer.from(line).toString("utf8"),
      })),
      files: formats,
      bytes,
      seconds,
    },
  };
}

/** A row a file in the place of the servers, as each server has its own. None for a single file. */
function filesOf(counter: Counted["counter"], lengthS: number, errorShareOfAll: number): ServerRow[] {
  if (counter.files.size < 2) return [];
  return [...counter.files].slice(0, MOST_FILES).map(([server, counts]) => {
    const errorShare = shareOf(counts.classes()[5], counts.requests);
    return {
      server,
      requests: counts.requests,
      requestsPerS: counts.requests / lengthS,
      bytesPerS: counts.bytes / lengthS,
      errorShare,
      relativeErrors: errorShareOfAll > 0 ? errorShare / errorShareOfAll : null,
      time: counts.time.shape(1e-6),
      size: counts.size.shape(1),
      skewS: null,
      lastSeenUs: 0,
      spark: [],
      deviation: { rate: null, errors: null, time: null, size: null },
    };
  });
}
