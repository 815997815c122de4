/** An answer of server-sent events. One that does not keep up with them misses some; nothing is kept for it. */
import type { ServerResponse } from "node:http";

/** Bytes that may wait for a client; beyond, it misses events. */
const MAX_BUFFERED = 512 * 1024;
/** How long a client waits before it connects again, ms. */
const RETRY_MS = 2000;
/** Something is sent at least so often, ms, so that a connection that is gone is noticed. */
const HEARTBEAT_MS = 5000;

export class EventStream {
  readonly #response: ServerResponse;
  readonly #heartbeat: NodeJS.Timeout;
  /** Resolves when the client is gone or the answer has ended. */
  readonly closed: Promise<void>;
  skipped = 0;

  constructor(response: ServerResponse) {
    this.#response = response;
    this.closed = new Promise((resolve) => response.once("close", resolve));
    response.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      // nginx would gather the answer before it sends anything on.
      "x-accel-buffering": "no",
    });
    response.write(`retry: ${RETRY_MS}\n\n`);
    this.#heartbeat = setInterval(() => this.send(": still here\n\n"), HEARTBEAT_MS);
    response.once("close", () => clearInterval(this.#heartbeat));
  }

  /** Sends an event that `eventOf` made, unless too much waits for the client already. */
  send(event: Uint8Array | string): void {
    if (this.#response.closed || this.#response.writableEnded) return;
    if (this.#response.writableLength > MAX_BUFFERED) this.skipped++;
    else {
      this.#response.write(event);
      this.#heartbeat.refresh();
    }
  }

  end(): void {
    this.#response.end();
  }
}

/** An event with JSON as its data, which has no newline in it. */
export function eventOf(name: string, id: number, json: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`id: ${id}\nevent: ${name}\ndata: `), json, Buffer.from("\n\n")]);
}
