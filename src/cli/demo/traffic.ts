/** All visits at once: new ones arrive as the hour has it, and their requests come out in the order in which they end. */
import type { Chance } from "./chance.ts";
import { endMs, type Request } from "./request.ts";
import { buildSite } from "./site.ts";
import { crawlerVisit, monitorVisit, personVisit, scanVisit, type Visit } from "./visits.ts";

/** Requests that a visit of each kind makes on average (measured by a test), to arrive at the rate asked for. */
export const REQUESTS_PER_VISIT = { person: 21, crawler: 41, scan: 18 } as const;

/** What share of the requests each kind makes. */
const SHARES = { person: 0.91, crawler: 0.08, scan: 0.01 } as const;

type Kind = keyof typeof SHARES;

/** A "day" of the demo: busy and quiet follow each other fast enough to be seen. */
const DAY_MS = 12 * 60_000;

/** So long before the start do visits begin, so that the site is as busy at the start as later. */
const WARM_UP_MS = 5 * 60_000;

export interface Traffic {
  /** The requests that end before `untilMs`, in order of their ends. `untilMs` must not go back. */
  upTo(untilMs: number): Generator<Request>;
}

/** Traffic of about `perSecond` requests a second from `startMs` on, ms since the epoch. */
export function traffic(perSecond: number, chance: Chance, startMs: number): Traffic {
  const site = buildSite(chance);
  const visits: Record<Kind, (atMs: number) => Visit> = {
    person: (atMs) => personVisit(site, chance, atMs),
    crawler: (atMs) => crawlerVisit(site, chance, atMs),
    scan: (atMs) => scanVisit(chance, atMs),
  };
  const running = new Queue();
  const begin = (visit: Visit) => advance(running, visit);
  begin(monitorVisit(chance, startMs));
  const arrivals = Object.keys(SHARES).map((name) => {
    const kind = name as Kind;
    const meanMs = (REQUESTS_PER_VISIT[kind] / (SHARES[kind] * perSecond)) * 1000;
    return { visit: visits[kind], meanMs, nextMs: startMs - WARM_UP_MS + chance.exponential(meanMs) };
  });

  function* upTo(untilMs: number): Generator<Request> {
    for (;;) {
      const arrival = arrivals.reduce((first, other) => (other.nextMs < first.nextMs ? other : first));
      const next = running.first();
      if (next !== undefined && next.atMs <= arrival.nextMs) {
        if (next.atMs >= untilMs) return;
        running.removeFirst();
        advance(running, next.visit);
        yield next.request;
      } else {
        if (arrival.nextMs >= untilMs) return;
        begin(arrival.visit(arrival.nextMs));
        arrival.nextMs += chance.exponential(arrival.meanMs / busyness(arrival.nextMs - startMs));
      }
    }
  }

  for (const _ of upTo(startMs)); // what would have been logged before the start
  return { upTo };
}

/** How busy the site is, 1 on average: a slow wave with a faster ripple on it. */
export function busyness(sinceMs: number): number {
  const turn = (2 * Math.PI * sinceMs) / DAY_MS;
  return 1 + 0.35 * Math.sin(turn) + 0.1 * Math.sin(5.3 * turn + 1);
}

interface Pending {
  readonly atMs: number;
  readonly request: Request;
  readonly visit: Visit;
}

function advance(running: Queue, visit: Visit): void {
  const { value: request, done } = visit.next();
  if (!done) running.add({ atMs: endMs(request), request, visit });
}

/** Visits by the end of their next request: a binary heap. */
class Queue {
  readonly #heap: Pending[] = [];

  first(): Pending | undefined {
    return this.#heap[0];
  }

  add(pending: Pending): void {
    const heap = this.#heap;
    let at = heap.length;
    for (; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.atMs <= pending.atMs) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = pending;
  }

  removeFirst(): void {
    const heap = this.#heap;
    const moved = heap.pop();
    if (moved === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.atMs < heap[child]!.atMs) child++;
      if (heap[child]!.atMs >= moved.atMs) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = moved;
  }
}
