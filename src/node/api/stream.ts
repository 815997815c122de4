/** The body of an answer that goes on: written as it comes, never more than a bounded piece ahead of the client. */
import { once } from "node:events";
import type { ServerResponse } from "node:http";

/** Bytes that may wait for a client before its subscription waits too. Followers share them: they are the bus's own. */
const MAX_BUFFERED = 1024 * 1024;

export class AnswerStream {
  readonly #response: ServerResponse;
  readonly #signal: AbortSignal;
  #corked = false;
  /** When something was last written, ms by the monotonic clock. */
  lastWrite = performance.now();

  constructor(response: ServerResponse, signal: AbortSignal) {
    this.#response = response;
    this.#signal = signal;
  }

  /** Writes; what is written in one turn of the event loop goes out together. Resolves when there is room for more. */
  write(bytes: Buffer | string, more?: Buffer): Promise<void> | undefined {
    const response = this.#response;
    if (!this.#corked) {
      this.#corked = true;
      response.cork();
      // After all the deliveries that are ready now, and before anything waits for the network.
      process.nextTick(() => this.#uncork());
    }
    this.lastWrite = performance.now();
    response.write(bytes);
    if (more !== undefined) response.write(more);
    return response.writableLength > MAX_BUFFERED ? this.#drained() : undefined;
  }

  /** Ends the answer; resolves when all of it is on its way to the client, or the client is gone. */
  end(): Promise<void> {
    this.#uncork(); // Node would write the end before what the cork holds.
    if (this.#response.closed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#response.once("close", resolve);
      this.#response.end(resolve);
    });
  }

  #uncork(): void {
    if (!this.#corked) return;
    this.#corked = false;
    this.#response.uncork();
  }

  async #drained(): Promise<void> {
    await once(this.#response, "drain", { signal: this.#signal });
  }
}
