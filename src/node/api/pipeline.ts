/** One request's batches on their way to the bus: a few are compressed at once, they are published in order. */

import type { Receipt } from "../../bus/bus.ts";
import type { Batch } from "../../message/batch.ts";
import { LogspreadError } from "../../message/error.ts";
import type { Budget } from "./budget.ts";
import { Refusal } from "./problem.ts";

/** Batches of one request that are in flight at once: enough to keep the disk and the compressor both busy. */
const MAX_IN_FLIGHT = 4;

/** What a request has put on the bus. */
export interface Stored {
  messages: number;
  batches: number;
  /** Batches that had been stored by an earlier try. */
  duplicates: number;
  firstPosition: number | undefined;
  lastPosition: number | undefined;
}

export class Pipeline {
  readonly stored: Stored = {
    messages: 0,
    batches: 0,
    duplicates: 0,
    firstPosition: undefined,
    lastPosition: undefined,
  };
  readonly #publish: (batch: Batch) => Promise<Receipt>;
  readonly #budget: Budget;
  readonly #inFlight = new Set<Promise<void>>();
  #order: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;

  constructor(publish: (batch: Batch) => Promise<Receipt>, budget: Budget) {
    this.#publish = publish;
    this.#budget = budget;
  }

  get idle(): boolean {
    return this.#inFlight.size === 0;
  }

  /** Takes a batch that is still being made of `rawBytes`. Waits while enough are in flight; throws once one has failed. */
  async add(rawBytes: number, make: () => Promise<Batch>): Promise<void> {
    await this.#budget.takeWhenFits(rawBytes);
    while (this.#inFlight.size >= MAX_IN_FLIGHT) await Promise.race(this.#inFlight);
    if (this.#failure !== undefined) {
      this.#budget.give(rawBytes);
      throw this.#failure.error;
    }
    const making = make();
    const before = this.#order;
    const settled = Promise.withResolvers<void>();
    // The next batch may be handed to the bus when this one has been, not when it is durable.
    this.#order = (async () => {
      try {
        const [batch] = await Promise.all([making, before]);
        if (this.#failure !== undefined) return settled.resolve();
        this.#publish(batch)
          .then((receipt) => this.#count(batch, receipt))
          .catch((error: unknown) => this.#fail(error))
          .finally(settled.resolve);
      } catch (error) {
        this.#fail(error);
        settled.resolve();
      }
    })();
    const done = settled.promise.then(() => {
      this.#budget.give(rawBytes);
      this.#inFlight.delete(done);
    });
    this.#inFlight.add(done);
  }

  /** Resolves when all that was added is durable; throws the first failure. */
  async finish(): Promise<Stored> {
    await this.settle();
    if (this.#failure !== undefined) throw this.#failure.error;
    return this.stored;
  }

  /** Resolves when nothing is in flight any more, whatever became of it. */
  async settle(): Promise<void> {
    while (this.#inFlight.size > 0) await Promise.all(this.#inFlight);
  }

  get failed(): boolean {
    return this.#failure !== undefined;
  }

  #count(batch: Batch, receipt: Receipt): void {
    const { stored } = this;
    stored.batches++;
    stored.messages += batch.count;
    if (receipt.kind === "duplicate") stored.duplicates++;
    else {
      stored.firstPosition ??= receipt.position;
      stored.lastPosition = receipt.position;
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
  }
}

/** `error`, with what the client has to know to go on: how much of its request is stored. */
export function withStored(error: unknown, stored: Stored): unknown {
  if (!(error instanceof LogspreadError)) return error;
  const { what, fix } = error;
  const sofar = stored.messages === 0 ? "nothing of this request" : `its first ${stored.messages} messages`;
  const why = `${error.why}; stored: ${sofar}`;
  const status = error instanceof Refusal ? error.status : undefined;
  const told = new LogspreadError(error.code, { what, why, fix }, { cause: error });
  return new Refusal(told, { status, facts: { stored: { messages: stored.messages, batches: stored.batches } } });
}
