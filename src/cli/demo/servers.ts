/** The four simulated web servers behind their load balancer, each with a clock of its own and now and then a bad minute. */
import type { Chance } from "./chance.ts";
import { lineOf, type Request } from "./request.ts";

export interface Server {
  readonly name: string;
  /** How far its clock is ahead, ms: no two clocks agree. */
  readonly skewMs: number;
  /** How many times as long it takes as the fastest. */
  readonly slowness: number;
}

export const servers: readonly Server[] = [
  { name: "sim-1", skewMs: 0, slowness: 1 },
  { name: "sim-2", skewMs: 180, slowness: 1.05 },
  { name: "sim-3", skewMs: -350, slowness: 1 },
  { name: "sim-4", skewMs: 1_900, slowness: 1.25 },
];

/** A bad minute begins this long after the last one ended, on average, ms. */
const BETWEEN_TROUBLES_MS = 4 * 60_000;
const TROUBLE_MS = 50_000;

export interface Balancer {
  /** The server that serves the request (an index into `servers`), and the line that it logs. */
  serve(request: Request): { readonly server: number; readonly line: string };
}

/** Spreads requests over the servers without looking at who asks; so one visit goes through several. */
export function balancer(chance: Chance, startMs: number): Balancer {
  let trouble = { server: chance.whole(0, servers.length), fromMs: startMs + 0.25 * BETWEEN_TROUBLES_MS };
  return {
    serve(request) {
      const { atMs } = request;
      if (atMs > trouble.fromMs + TROUBLE_MS) {
        trouble = { server: chance.whole(0, servers.length), fromMs: atMs + chance.exponential(BETWEEN_TROUBLES_MS) };
      }
      const server = chance.whole(0, servers.length);
      const { skewMs, slowness } = servers[server]!;
      const troubled = server === trouble.server && atMs >= trouble.fromMs;
      const durationUs = request.durationUs * slowness * (troubled ? 6 : 1);
      const failed = troubled && request.status < 400 && chance.happens(0.15);
      const served = failed ? { ...request, durationUs, status: 503, bytes: 299 } : { ...request, durationUs };
      return { server, line: lineOf(served, skewMs) };
    },
  };
}
