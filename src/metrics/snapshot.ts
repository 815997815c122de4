/**
 * What the metrics tell: the JSON of `GET /v1/metrics/...`, of the live stream, of `logspread mon --json` and of
 * `logspread report --json`. Plain data. docs/metrics.md defines every figure.
 *
 * Units: counts are requests unless named otherwise; sizes bytes; durations seconds; times µs since the epoch (bus time);
 * shares 0 to 1. A figure that cannot be known (no duration in the format) is null, never 0.
 */

/** What a snapshot is of. */
export interface Scope {
  /** Names or patterns of groups; empty: all. */
  readonly groups: readonly string[];
  /** Names of servers; empty: all. */
  readonly servers: readonly string[];
  readonly fromUs: number;
  readonly toUs: number;
}

/** Quantiles of a distribution, each exact to the sketch's relative error (`error`, e.g. 0.01). */
export interface Quantiles {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
  readonly error: number;
}

/** Counts of a span of time. */
export interface Totals {
  readonly requests: number;
  readonly bytes: number;
  /** By class: index 0 for unknown status, 1 for 1xx, ... 5 for 5xx. */
  readonly classes: readonly [number, number, number, number, number, number];
  /** Share of 5xx. */
  readonly errorShare: number;
  /** Distinct visitors (HyperLogLog; standard error in `visitorsError`). */
  readonly visitors: number;
  readonly visitorsError: number;
  /** Requests of known robots. */
  readonly robots: number;
  /** Lines that did not parse, by reason. */
  readonly unparsed: Readonly<Record<string, number>>;
  readonly time: Quantiles | null;
  readonly size: Quantiles | null;
}

/** Figures over time, one element a step in each array. */
export interface Series {
  readonly stepS: 1 | 10 | 60 | 3600 | 86400;
  /** Start of the first step, s since the epoch. */
  readonly startS: number;
  readonly requests: readonly number[];
  readonly bytes: readonly number[];
  /** By class, as in Totals. */
  readonly classes: readonly (readonly number[])[];
  readonly visitors: readonly number[];
  readonly timeP50: readonly (number | null)[];
  readonly timeP95: readonly (number | null)[];
  readonly timeP99: readonly (number | null)[];
}

export interface ServerRow {
  readonly server: string;
  readonly requests: number;
  readonly requestsPerS: number;
  readonly bytesPerS: number;
  readonly errorShare: number;
  /** Its error share over that of all servers together; 1 is average, null without errors anywhere. */
  readonly relativeErrors: number | null;
  readonly time: Quantiles | null;
  readonly size: Quantiles | null;
  /** Its clock against the bus, s: positive is ahead. Null until measured. */
  readonly skewS: number | null;
  readonly lastSeenUs: number;
  /** Requests a step, the last 60 steps. */
  readonly spark: readonly number[];
  /** Robust z-scores against its peers (median and MAD); null with fewer than three peers. */
  readonly deviation: {
    readonly rate: number | null;
    readonly errors: number | null;
    readonly time: number | null;
    readonly size: number | null;
  };
}

/** A row of a top list. The true count is between `requests - over` and `requests` (Space-Saving). */
export interface TopRow {
  readonly key: string;
  readonly requests: number;
  readonly over: number;
  readonly bytes: number;
  readonly errors: number;
  /** Mean duration, s. */
  readonly meanTimeS: number | null;
  readonly share: number;
  /** Requests a step over the scope, at most 30 steps; empty where not kept. */
  readonly trend: readonly number[];
}

/** Names of the top lists. */
export const TOP_LISTS = [
  "pages",
  "pagesByBytes",
  "slowest",
  "notFound",
  "referrers",
  "referringSites",
  "browsers",
  "systems",
  "robots",
  "vhosts",
  "methods",
  "protocols",
  "countries",
  "addresses",
  "users",
  "entryPages",
  "exitPages",
] as const;

export type TopList = (typeof TOP_LISTS)[number];

export interface CodeRow {
  readonly status: number;
  readonly requests: number;
  readonly share: number;
  readonly perS: number;
}

export interface Click {
  readonly timeUs: number;
  readonly server: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
}

export interface SessionRow {
  /** Made of what tells visitors apart; the same visitor has the same one within a day. */
  readonly id: string;
  readonly group: string;
  readonly visitor: string;
  readonly agent: string;
  readonly robot: boolean;
  readonly startUs: number;
  readonly lastUs: number;
  readonly requests: number;
  /** Requests that are pages (not images, styles, scripts and the like). */
  readonly pages: number;
  readonly bytes: number;
  /** Crossed, in the order of the first request to each; at most 16. */
  readonly servers: readonly string[];
  /** First and latest page; null while there was none. */
  readonly entryPage: string | null;
  readonly exitPage: string | null;
  /** The latest clicks, oldest first, at most 50. */
  readonly clicks: readonly Click[];
}

/** Visits of people; what robots do is in no figure but `robotsOnline`, and in the rows. */
export interface Sessions {
  /** Visits with a request in the last minutes (5, unless configured). */
  readonly online: number;
  readonly robotsOnline: number;
  /** Ended in the scope. */
  readonly visits: number;
  readonly meanLengthS: number | null;
  readonly lengthS: Quantiles | null;
  readonly meanPages: number | null;
  /** Visits ended before their time since the start, because more were open than are kept. */
  readonly endedEarly: number;
  /** The latest active, at most as many as asked for. */
  readonly rows: readonly SessionRow[];
}

export const ANOMALY_KINDS = ["errors", "time", "size", "rate", "page-size", "page-errors", "silent", "clock"] as const;
export type AnomalyKind = (typeof ANOMALY_KINDS)[number];

export interface Anomaly {
  readonly id: number;
  readonly kind: AnomalyKind;
  /** The server or the page. */
  readonly subject: string;
  readonly group: string;
  readonly openedUs: number;
  /** Null while it lasts. */
  readonly closedUs: number | null;
  /** What is, and what was to be expected; in the kind's unit. */
  readonly value: number;
  readonly expected: number;
  /** One sentence for a person. */
  readonly text: string;
}

/** The live stream sends one a second; `GET /v1/metrics/overview` answers with one. */
export interface Overview {
  readonly scope: Scope;
  readonly atUs: number;
  /** How far the metrics are behind the bus, s. */
  readonly lagS: number;
  /** Everything in it is simulated (`logspread demo`). */
  readonly simulated: boolean;
  readonly totals: Totals;
  /** The last 10 seconds. */
  readonly now: { readonly requestsPerS: number; readonly bytesPerS: number; readonly errorShare: number };
  readonly series: Series;
  readonly servers: readonly ServerRow[];
  readonly codes: readonly CodeRow[];
  readonly groups: readonly { readonly group: string; readonly requests: number }[];
  readonly tops: Readonly<Partial<Record<TopList, readonly TopRow[]>>>;
  readonly sessions: Sessions;
  readonly anomalies: readonly Anomaly[];
}
