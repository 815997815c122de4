/**
 * The fixed places in the engine where its other parts are told of what passes. A part is handed to `new Engine`; one that
 * is not wanted is `undefined`. Calls are synchronous and on the hot path: no allocation per request.
 */
import type { Request } from "./request.ts";
import type { Anomaly, Scope, SessionRow, Sessions, TopRow } from "./snapshot.ts";

/** Who is online and where they go. */
export interface SessionsPart {
  /** Takes one request. Keep nothing of it but copies. */
  note(request: Request): void;
  /** The engine's clock has reached `nowUs`: close what has been idle for too long. Called once a second of that clock. */
  tick(nowUs: number): void;
  /** What is within `scope`; `rows` is the most sessions to list. */
  snapshot(scope: Scope, rows: number): Sessions;
  /** Pages that visits began or ended with, most often first. */
  top(list: "entryPages" | "exitPages", scope: Scope, limit: number): readonly TopRow[];
  /** One session by its id, or undefined. */
  session(id: string): SessionRow | undefined;
}

/** What one server did in one second. Arrays and objects are the engine's: copy what you keep. */
export interface ServerSecond {
  readonly group: string;
  readonly server: string;
  /** Requests in this second. 0 for a server that was seen before and is quiet. */
  readonly requests: number;
  readonly bytes: number;
  /** By class of status: 0 unknown, 1 to 5. */
  readonly classes: readonly number[];
  /** Requests that said how long they took, and the sum, µs; and the sum of their logarithms (ln of µs + 1), for a robust mean. */
  readonly timed: number;
  readonly timeSumUs: number;
  readonly timeLogSum: number;
  /** Requests that said their size, and the sum of logarithms (ln of bytes + 1). */
  readonly sized: number;
  readonly sizeLogSum: number;
  /** How many of the timed requests fell into each of the `BINS` of anomalies/bins.ts, by `binOf(durationUs)`. */
  readonly timeBins: Uint32Array;
  /** The same of the sizes of answers that have a body: status 2xx, 1 byte or more; by `binOf(bytes)`. */
  readonly sizeBins: Uint32Array;
  /** Sender's clock against the bus, s, positive is ahead; null until measured. Transport delay makes it a little too small. */
  readonly skewS: number | null;
  /** When the latest request of this server came, µs. */
  readonly lastSeenUs: number;
}

/** What one page did in one second: only the pages with most requests are told, at most a few dozen. */
export interface PageSecond {
  readonly group: string;
  readonly page: string;
  readonly requests: number;
  readonly bytes: number;
  /** Requests answered with 5xx, and with 4xx. */
  readonly serverErrors: number;
  readonly clientErrors: number;
}

export interface Second {
  /** s since the epoch, by the engine's clock. */
  readonly startS: number;
  readonly servers: readonly ServerSecond[];
  readonly pages: readonly PageSecond[];
}

/** What is out of the ordinary. */
export interface AnomaliesPart {
  /** Takes one finished second; seconds come in order, quiet ones too, each once. */
  observe(second: Second): void;
  /** Those open or closed within `scope`, the latest first. */
  within(scope: Scope): readonly Anomaly[];
}
