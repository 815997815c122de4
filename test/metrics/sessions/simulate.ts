/**
 * Visitors of whom all is known: when they come, what they click and when they leave. A load balancer spreads each one's
 * clicks over four servers, whose lines reach the bus late, each server's by another delay, and tell the time in whole seconds.
 */
import { type Chance, chanceFrom } from "../../../src/cli/demo/chance.ts";
import type { Told } from "./request-of.ts";

export const SERVERS = ["www1", "www2", "www3", "www4"];

const SECOND_US = 1e6;
const MINUTE_US = 60e6;

/** How long a server's lines take to the bus at least and at most: a publisher gathers what it reads. */
const DELAYS_US: readonly (readonly [number, number])[] = [
  [0.01e6, 0.1e6],
  [0.05e6, 0.5e6],
  [0.2e6, 1.5e6],
  [0.5e6, 2.5e6],
];

/** One visit as it was, by a clock that is right. */
export interface TrueVisit {
  readonly visitor: string;
  startUs: number;
  lastUs: number;
  requests: number;
  pages: number;
  bytes: number;
  entryPage: string;
  exitPage: string;
  readonly servers: Set<string>;
}

export interface Simulated {
  /** In the order in which the bus took them. */
  readonly requests: readonly Told[];
  readonly visits: readonly TrueVisit[];
  /** Visitors who had clicked within `spanUs` before `atUs`. */
  onlineAt(atUs: number, spanUs: number): number;
}

export interface SimulateOptions {
  readonly seed: number;
  readonly startUs: number;
  readonly minutes: number;
  /** New visitors a minute. */
  readonly arrivals: number;
  readonly idleUs: number;
}

export function simulate({ seed, startUs, minutes, arrivals, idleUs }: SimulateOptions): Simulated {
  const chance = chanceFrom(seed);
  const requests: Told[] = [];
  const visits: TrueVisit[] = [];
  const clicks: { readonly visitor: number; readonly atUs: number }[] = [];
  const endUs = startUs + minutes * MINUTE_US;
  let number = 0;
  for (let atUs = startUs; (atUs += chance.exponential(MINUTE_US / arrivals)) < endUs; number++) {
    visitsOf(number, atUs);
  }
  requests.sort((a, b) => a.timeUs - b.timeUs);

  /** A visitor may come back after a while: those are visits of their own. */
  function visitsOf(number: number, firstUs: number): void {
    const visitor = `198.51.${number >> 8}.${number & 255}`;
    for (let atUs = firstUs; atUs < endUs; ) {
      const visit = clickThrough(number, visitor, atUs);
      visits.push(visit);
      if (chance.happens(0.7)) return;
      atUs = visit.lastUs + idleUs + 20 * SECOND_US + chance.exponential(10 * MINUTE_US);
    }
  }

  function clickThrough(number: number, visitor: string, firstUs: number): TrueVisit {
    const visit: TrueVisit = {
      visitor,
      startUs: firstUs,
      lastUs: firstUs,
      requests: 0,
      pages: 0,
      bytes: 0,
      entryPage: "",
      exitPage: "",
      servers: new Set(),
    };
    for (let atUs = Math.floor(firstUs); ; ) {
      const page = `/page/${chance.whole(0, 200)}?from=${chance.whole(0, 3)}`;
      click(page, atUs);
      visit.pages++;
      if (visit.pages === 1) visit.entryPage = page;
      visit.exitPage = page;
      for (let left = chance.whole(0, 6); left > 0; left--) {
        atUs += chance.whole(1000, 200_000);
        click(chance.of(["/a.css", "/b.JS?v=7", "/i/c.png", "/font.woff2"]), atUs);
      }
      if (chance.happens(0.25)) return visit;
      // Two pages within the same second could not be told apart by lines that say whole seconds.
      atUs += SECOND_US + Math.round(thinkUs(chance, idleUs));
      if (atUs >= endUs) return visit;
    }

    function click(page: string, atUs: number): void {
      const server = chance.whole(0, SERVERS.length);
      const [least, most] = DELAYS_US[server]!;
      const bytes = chance.whole(0, 50_000);
      requests.push({
        timeUs: atUs + chance.whole(least, most),
        eventUs: Math.floor(atUs / SECOND_US) * SECOND_US,
        server: SERVERS[server]!,
        visitor,
        agent: `agent ${number % 7}`,
        page,
        bytes,
      });
      clicks.push({ visitor: number, atUs });
      visit.lastUs = atUs;
      visit.requests++;
      visit.bytes += bytes;
      visit.servers.add(SERVERS[server]!);
    }
  }

  return {
    requests,
    visits,
    onlineAt(atUs, spanUs) {
      const online = new Set<number>();
      for (const click of clicks) if (click.atUs <= atUs && click.atUs > atUs - spanUs) online.add(click.visitor);
      return online.size;
    },
  };
}

/** Reading time, now and then nearly as long as a visit may pause. */
function thinkUs(chance: Chance, idleUs: number): number {
  return Math.min(chance.logNormal(20 * SECOND_US, 1.6), idleUs - 10 * SECOND_US);
}
