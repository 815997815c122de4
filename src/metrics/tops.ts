/** From a tally's lists to the rows of a snapshot's top lists. */
import { shareOf } from "./counts.ts";
import type { TopList as TopName, TopRow } from "./snapshot.ts";
import type { ListName, Tally } from "./tally.ts";
import { BYTES, COLUMNS, ERRORS, NOT_FOUND, OVER, REQUESTS, TIME_US, TIMED, type TopList } from "./top-list.ts";

/** Not a column: ranks by the mean of durations. */
const MEAN_TIME = -1;

/** Of which list a top list is, and by which column. Those that are not here come from the sessions. */
const VIEWS: Readonly<Partial<Record<TopName, readonly [ListName, number]>>> = {
  pages: ["pages", REQUESTS],
  pagesByBytes: ["pages", BYTES],
  slowest: ["pages", MEAN_TIME],
  notFound: ["pages", NOT_FOUND],
  referrers: ["referrers", REQUESTS],
  referringSites: ["referringSites", REQUESTS],
  browsers: ["browsers", REQUESTS],
  systems: ["systems", REQUESTS],
  robots: ["robots", REQUESTS],
  vhosts: ["vhosts", REQUESTS],
  methods: ["methods", REQUESTS],
  protocols: ["protocols", REQUESTS],
  countries: ["countries", REQUESTS],
  addresses: ["addresses", REQUESTS],
  users: ["users", REQUESTS],
};

/** The list of a tally that top list `name` is a view of; undefined for those of the sessions. */
export function listOf(name: TopName): ListName | undefined {
  return VIEWS[name]?.[0];
}

/** The first `limit` rows of a settled tally's top list; none for a list of the sessions. `trend` is left empty. */
export function topRows(tally: Tally, name: TopName, limit: number): TopRow[] {
  const view = VIEWS[name];
  if (view === undefined) return [];
  const [listName, column] = view;
  const list = tally.lists[listName];
  const starts = column === MEAN_TIME ? slowest(list, limit) : list.top(column, limit);
  const { requests, bytes } = tally.counts;
  const notFound = tally.counts.statuses[404]!;
  return starts.map((row) => {
    const at = (which: number) => list.rows[row + which]!;
    const counted = column === NOT_FOUND ? at(NOT_FOUND) : at(REQUESTS);
    return {
      key: list.keyAt(row).toString("utf8"),
      requests: counted,
      over: column === NOT_FOUND ? 0 : at(OVER),
      bytes: at(BYTES),
      errors: at(ERRORS),
      meanTimeS: at(TIMED) > 0 ? at(TIME_US) / at(TIMED) / 1e6 : null,
      share:
        column === BYTES
          ? shareOf(at(BYTES), bytes)
          : column === NOT_FOUND
            ? shareOf(counted, notFound)
            : shareOf(counted, requests),
      trend: [],
    };
  });
}

/** A page whose times are fewer proves nothing. */
const LEAST_TIMED = 3;

/** By mean duration, among those with a few durations if there are any such. */
function slowest(list: TopList, limit: number): number[] {
  const timed: number[] = [];
  for (let row = 0; row < list.size * COLUMNS; row += COLUMNS) if (list.rows[row + TIMED]! > 0) timed.push(row);
  const often = timed.filter((row) => list.rows[row + TIMED]! >= LEAST_TIMED);
  const mean = (row: number) => list.rows[row + TIME_US]! / list.rows[row + TIMED]!;
  return (often.length > 0 ? often : timed).sort((a, b) => mean(b) - mean(a)).slice(0, limit);
}
