/**
 * The latest ended visits, one row each in a ring: lengths, pages, where they began and ended. Small enough to keep them
 * singly, so what is told of any span of time is exact.
 */
import type { Quantiles, TopRow } from "../snapshot.ts";

/** Servers of a visit that are kept; see `SessionRow`. */
export const MAX_SERVERS_OF_VISIT = 16;

export interface EndedVisit {
  /** When it was over, by the engine's clock; never decreases from visit to visit. */
  readonly endUs: number;
  readonly lengthUs: number;
  readonly pages: number;
  readonly group: number;
  /** Numbers of texts, or -1. */
  readonly entry: number;
  readonly exit: number;
}

/** Which of them to look at. */
export interface EndedScope {
  readonly fromUs: number;
  readonly toUs: number;
  /** By number of the group: whether it is wanted. */
  readonly group: (group: number) => boolean;
  /** Numbers of servers of which the visit must have crossed one; undefined: all visits. */
  readonly servers: ReadonlySet<number> | undefined;
}

export class EndedVisits {
  /** Numbers of texts; open to the owner, who renumbers texts. */
  readonly entry: Int32Array;
  readonly exit: Int32Array;
  readonly #endUs: Float64Array;
  readonly #lengthUs: Float64Array;
  readonly #pages: Uint32Array;
  readonly #group: Uint16Array;
  readonly #servers: Uint16Array;
  readonly #serverCount: Uint8Array;
  readonly #max: number;
  /** All that were ever added; the last `#max` are kept. */
  #count = 0;

  constructor(max: number) {
    this.#max = max;
    this.entry = new Int32Array(max).fill(-1);
    this.exit = new Int32Array(max).fill(-1);
    this.#endUs = new Float64Array(max);
    this.#lengthUs = new Float64Array(max);
    this.#pages = new Uint32Array(max);
    this.#group = new Uint16Array(max);
    this.#servers = new Uint16Array(max * MAX_SERVERS_OF_VISIT);
    this.#serverCount = new Uint8Array(max);
  }

  get memory(): number {
    return this.#max * (4 + 4 + 8 + 8 + 4 + 2 + MAX_SERVERS_OF_VISIT * 2 + 1);
  }

  add(visit: EndedVisit, servers: Uint16Array): void {
    const at = this.#count++ % this.#max;
    this.#endUs[at] = visit.endUs;
    this.#lengthUs[at] = visit.lengthUs;
    this.#pages[at] = visit.pages;
    this.#group[at] = visit.group;
    this.entry[at] = visit.entry;
    this.exit[at] = visit.exit;
    this.#servers.set(servers, at * MAX_SERVERS_OF_VISIT);
    this.#serverCount[at] = servers.length;
  }

  /** How many there are in the scope, their lengths and pages. */
  figures(scope: EndedScope): { visits: number; meanPages: number | null; lengthS: Quantiles | null } {
    const places = this.#placesIn(scope);
    const lengths = new Float64Array(places.length);
    let pages = 0;
    for (let i = 0; i < places.length; i++) {
      lengths[i] = this.#lengthUs[places[i]!]! / 1e6;
      pages += this.#pages[places[i]!]!;
    }
    const visits = places.length;
    if (visits === 0) return { visits, meanPages: null, lengthS: null };
    return { visits, meanPages: pages / visits, lengthS: exactQuantiles(lengths) };
  }

  /** Pages that visits in the scope began or ended with, most often first. */
  top(list: "entryPages" | "exitPages", scope: EndedScope, limit: number, text: (n: number) => string): TopRow[] {
    const column = list === "entryPages" ? this.entry : this.exit;
    const counts = new Map<number, number>();
    let total = 0;
    for (const at of this.#placesIn(scope)) {
      if (column[at]! < 0) continue;
      total++;
      counts.set(column[at]!, (counts.get(column[at]!) ?? 0) + 1);
    }
    const sorted = [...counts].sort(([a, countA], [b, countB]) => countB - countA || a - b);
    return sorted.slice(0, limit).map(([number, requests]) => ({
      key: text(number),
      requests,
      over: 0,
      bytes: 0,
      errors: 0,
      meanTimeS: null,
      share: requests / total,
      trend: [],
    }));
  }

  #placesIn({ fromUs, toUs, group, servers }: EndedScope): number[] {
    const places: number[] = [];
    const oldest = Math.max(0, this.#count - this.#max);
    for (let i = this.#count - 1; i >= oldest; i--) {
      const at = i % this.#max;
      if (this.#endUs[at]! < fromUs) break; // in the order of their ends
      if (this.#endUs[at]! > toUs || !group(this.#group[at]!)) continue;
      if (servers === undefined || this.#crossed(at, servers)) places.push(at);
    }
    return places;
  }

  #crossed(at: number, servers: ReadonlySet<number>): boolean {
    const first = at * MAX_SERVERS_OF_VISIT;
    for (let i = 0; i < this.#serverCount[at]!; i++) if (servers.has(this.#servers[first + i]!)) return true;
    return false;
  }
}

/** Sorts `values`, of which there is at least one. */
function exactQuantiles(values: Float64Array): Quantiles {
  values.sort();
  const count = values.length;
  const at = (q: number) => values[Math.max(0, Math.ceil(q * count) - 1)]!;
  let sum = 0;
  for (const value of values) sum += value;
  return {
    count,
    mean: sum / count,
    p50: at(0.5),
    p90: at(0.9),
    p95: at(0.95),
    p99: at(0.99),
    max: values[count - 1]!,
    error: 0,
  };
}
