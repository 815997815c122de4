/** Requests for tests, from what matters to a test; the rest is filled in. */
import { highHash, lowHash } from "../../../src/metrics/hash.ts";
import { viewOf } from "../../../src/metrics/intern.ts";
import type { Request, Slice } from "../../../src/metrics/request.ts";

export interface Told {
  /** µs, by the engine's clock. */
  readonly timeUs: number;
  /** What the line says; default: the same. */
  readonly eventUs?: number;
  readonly group?: string;
  readonly server?: string;
  readonly visitor?: string;
  readonly user?: string;
  readonly agent?: string;
  readonly method?: string;
  readonly page?: string;
  readonly status?: number;
  readonly bytes?: number;
  readonly durationUs?: number;
  readonly robot?: boolean;
}

export function requestOf(told: Told): Request {
  const { visitor = "192.0.2.1", user = "", agent = "browser", page = "/" } = told;
  const who = Buffer.from(user !== "" ? user : `${visitor} ${agent}`);
  return {
    group: told.group ?? "web",
    server: told.server ?? "www1",
    timeUs: told.timeUs,
    eventUs: told.eventUs ?? told.timeUs,
    visitorHigh: highHash(viewOf(who), 0, who.length),
    visitorLow: lowHash(viewOf(who), 0, who.length),
    address: sliceOf(visitor),
    user: sliceOf(user),
    method: sliceOf(told.method ?? "GET"),
    page: sliceOf(page),
    protocol: sliceOf("HTTP/1.1"),
    vhost: sliceOf(""),
    referrer: sliceOf(""),
    agent: sliceOf(agent),
    robot: told.robot ?? false,
    status: told.status ?? 200,
    bytes: told.bytes ?? 1000,
    durationUs: told.durationUs ?? -1,
  };
}

/** Somewhere within a longer buffer, as in a batch. */
function sliceOf(text: string): Slice {
  const bytes = Buffer.from(`...${text}...`);
  return { bytes, from: 3, to: bytes.length - 3 };
}
