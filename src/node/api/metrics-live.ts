/** The live stream: each distinct scope is computed once a second, however many look at it. */
import { LogspreadError, reasonOf } from "../../message/error.ts";
import type { Report } from "../../message/report.ts";
import type { Query } from "../../outputs/metrics/messages.ts";
import { type EventStream, eventOf } from "./events.ts";

/** Different scopes, and clients, at once. */
const MAX_SCOPES = 32;
const MAX_CLIENTS = 500;
const EVERY_MS = 1000;
/** After the metrics' own second has ended; see outputs/metrics/metrics.ts. */
const AFTER_MS = 200;
const LEAST_MS = 300;

interface Followed {
  readonly clients: Set<EventStream>;
  timer: NodeJS.Timeout | undefined;
}

export interface LiveStreamsDeps {
  readonly ask: (query: Query) => Promise<Uint8Array | undefined>;
  readonly nowUs: () => number;
  readonly report: Report;
}

export class LiveStreams {
  readonly #deps: LiveStreamsDeps;
  readonly #followed = new Map<string, Followed>();
  #clients = 0;

  constructor(deps: LiveStreamsDeps) {
    this.#deps = deps;
  }

  /** Different views that are followed now. */
  get views(): number {
    return this.#followed.size;
  }

  /** Throws BUSY if there is no room for one more. */
  checkRoom(query: Query): void {
    if (this.#clients < MAX_CLIENTS && (this.#followed.has(keyOf(query)) || this.#followed.size < MAX_SCOPES)) return;
    throw new LogspreadError("BUSY", {
      what: "the live stream was not begun",
      why: `${this.#clients} clients follow ${this.#followed.size} different views already`,
      fix: "Close some pages, or look at a view that others look at, too",
    });
  }

  /** Sends `query`'s answer now and once a second, until the client is gone. */
  async follow(query: Query, stream: EventStream): Promise<void> {
    const key = keyOf(query);
    let followed = this.#followed.get(key);
    this.#clients++;
    if (followed === undefined) {
      followed = { clients: new Set([stream]), timer: undefined };
      this.#followed.set(key, followed);
      void this.#send(query, followed);
    } else followed.clients.add(stream);
    await stream.closed;
    this.#clients--;
    followed.clients.delete(stream);
    if (followed.clients.size > 0) return;
    clearTimeout(followed.timer);
    this.#followed.delete(key);
  }

  async #send(query: Query, followed: Followed): Promise<void> {
    const { ask, nowUs, report } = this.#deps;
    try {
      const json = await ask(query);
      if (json !== undefined) {
        const event = eventOf("overview", Math.floor(nowUs() / 1e6), json);
        for (const client of followed.clients) client.send(event);
      }
    } catch (error) {
      // Clients notice that nothing comes; the next second tries again.
      if (!(error instanceof LogspreadError))
        report("error", "the live stream failed", { why: reasonOf(error), error });
    }
    if (followed.clients.size === 0) return;
    const waitMs = (EVERY_MS + AFTER_MS - ((nowUs() / 1000) % EVERY_MS)) % EVERY_MS;
    // An answer may come just before it is due: then the next one is.
    followed.timer = setTimeout(() => void this.#send(query, followed), waitMs < LEAST_MS ? waitMs + EVERY_MS : waitMs);
  }
}

function keyOf(query: Query): string {
  return JSON.stringify(query);
}
