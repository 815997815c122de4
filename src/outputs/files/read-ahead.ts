/** Reads a subscription ahead of the writer and opens several bodies at once on the thread pool, in order and bounded. */
import type { Batch } from "../../message/batch.ts";
import type { Delivery } from "../../message/delivery.ts";

/** Bodies being opened or waiting to be written. More threads would not be there: the pool has four, writing needs some. */
const MAX_DELIVERIES = 8;
const MAX_BYTES = 8 * 1024 * 1024;

/** A delivery whose body is open, or why it cannot be opened. */
export type Opened =
  | { readonly delivery: Delivery; readonly raw: Buffer }
  | { readonly delivery: Delivery; readonly fault: unknown };

interface Entry {
  readonly bytes: number;
  opened: Opened | undefined;
}

const NOTHING = Buffer.alloc(0);

export class ReadAhead {
  /** Settles when the subscription has ended or failed; deliveries read before are still there to take. */
  readonly done: Promise<void>;
  /** The subscription has ended: what is taken now is the last. */
  ended = false;
  readonly #queue: Entry[] = [];
  readonly #open: (batch: Batch) => Promise<Buffer>;
  readonly #wake: () => void;
  #bytes = 0;
  #stopped = false;
  #room: (() => void) | undefined;

  /** `open` opens bodies; `wake` is called whenever there may be something new to take. */
  constructor(deliveries: AsyncIterable<Delivery>, open: (batch: Batch) => Promise<Buffer>, wake: () => void) {
    this.#open = open;
    this.#wake = wake;
    this.done = this.#read(deliveries).finally(() => {
      this.ended = true;
      wake();
    });
    this.done.catch(() => {}); // its owner awaits `done` when it is ready to; until then it is not unhandled
  }

  /** The next deliveries in order that are open, of about `maxBytes` together; perhaps none. */
  take(maxBytes: number): Opened[] {
    const taken: Opened[] = [];
    let bytes = 0;
    while (bytes < maxBytes && this.#queue[0]?.opened !== undefined) {
      const entry = this.#queue.shift()!;
      taken.push(entry.opened!);
      bytes += entry.bytes;
    }
    this.#bytes -= bytes;
    if (bytes > 0 || taken.length > 0) this.#room?.();
    return taken;
  }

  /** Ends the reading without waiting for the subscription's next delivery to be taken. */
  stop(): void {
    this.#stopped = true;
    this.#room?.();
  }

  /** Nothing is open and nothing will be. */
  get exhausted(): boolean {
    return this.ended && this.#queue.length === 0;
  }

  async #read(deliveries: AsyncIterable<Delivery>): Promise<void> {
    for await (const delivery of deliveries) {
      const bytes = delivery.kind === "batch" ? delivery.batch.rawBytes : 0;
      while (this.#queue.length >= MAX_DELIVERIES || (this.#queue.length > 0 && this.#bytes + bytes > MAX_BYTES)) {
        if (this.#stopped) return;
        await new Promise<void>((resolve) => {
          this.#room = resolve;
        });
      }
      if (this.#stopped) return;
      const entry: Entry = { bytes, opened: undefined };
      this.#queue.push(entry);
      this.#bytes += bytes;
      if (delivery.kind === "batch" && delivery.batch.compression !== "none") {
        this.#open(delivery.batch).then(
          (raw) => this.#settle(entry, { delivery, raw }),
          (fault: unknown) => this.#settle(entry, { delivery, fault }),
        );
      } else this.#settle(entry, { delivery, raw: delivery.kind === "batch" ? delivery.batch.body : NOTHING });
    }
  }

  #settle(entry: Entry, opened: Opened): void {
    entry.opened = opened;
    if (this.#queue[0] === entry) this.#wake();
  }
}
