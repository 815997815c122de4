/** A bus across two threads: `serveBus` beside the bus, `PortBus` in the other thread. */
import type { Bus, BusStatus, Cursor, Receipt, Subscription } from "../../bus/bus.ts";
import type { Delivery } from "../../message/delivery.ts";
import { LogspreadError } from "../../message/error.ts";
import { decodeFrame } from "../../message/frame.ts";
import { type BusRequest, errorOf, type FromBus, type PostedBatch, postedError } from "./messages.ts";

/** Deliveries and bytes of a subscription that may be under way to the other thread. */
const MAX_UNDER_WAY = 32;
const MAX_UNDER_WAY_BYTES = 4 * 1024 * 1024;

export interface BusService {
  /** Deals with a request; answers by `tell`. */
  ask(request: BusRequest): void;
  /** Ends the subscriptions; resolves when nothing uses the bus any more. */
  close(): Promise<void>;
}

interface Serving {
  readonly stop: AbortController;
  underWay: number;
  bytes: number;
  room: (() => void) | undefined;
}

export function serveBus(bus: Bus, tell: (message: FromBus, transfer?: ArrayBuffer[]) => void): BusService {
  const subscriptions = new Map<number, Serving>();
  const running = new Set<Promise<void>>();

  const answer = async (id: number, value: Promise<BusStatus | number | undefined>): Promise<void> => {
    try {
      tell({ kind: "answer", id, value: await value });
    } catch (error) {
      tell({ kind: "refused", id, error: postedError(error) });
    }
  };

  const serve = async (id: number, what: Subscription): Promise<void> => {
    const serving: Serving = { stop: new AbortController(), underWay: 0, bytes: 0, room: undefined };
    subscriptions.set(id, serving);
    const { signal } = serving.stop;
    let failed: unknown;
    try {
      for await (const delivery of bus.subscribe(what, signal)) {
        while (!signal.aborted && (serving.underWay >= MAX_UNDER_WAY || serving.bytes >= MAX_UNDER_WAY_BYTES)) {
          await new Promise<void>((resolve) => {
            serving.room = resolve;
          });
        }
        if (signal.aborted) break;
        serving.underWay++;
        if (delivery.kind === "gap") tell({ kind: "delivery", id, delivery });
        else {
          const frame = new Uint8Array(delivery.batch.frame); // a copy: the bus's buffers stay with the bus
          const { position, busTimeUs } = delivery;
          serving.bytes += frame.length;
          tell({ kind: "delivery", id, delivery: { kind: "batch", position, busTimeUs, frame } }, [frame.buffer]);
        }
      }
    } catch (error) {
      if (!signal.aborted) failed = error;
    }
    subscriptions.delete(id);
    tell({ kind: "end", id, error: failed === undefined ? undefined : postedError(failed) });
  };

  const start = (work: Promise<void>): void => {
    running.add(work);
    work.finally(() => running.delete(work));
  };

  return {
    ask(request) {
      switch (request.kind) {
        case "subscribe":
          start(serve(request.id, request.what));
          return;
        case "unsubscribe":
        case "taken": {
          const serving = subscriptions.get(request.id);
          if (serving === undefined) return; // it has ended meanwhile
          if (request.kind === "unsubscribe") serving.stop.abort();
          else {
            serving.underWay--;
            serving.bytes -= request.bytes;
          }
          serving.room?.();
          return;
        }
        case "status":
          start(answer(request.id, bus.status()));
          return;
        case "read":
          start(answer(request.id, bus.cursor(request.name).read()));
          return;
        case "commit":
          start(
            answer(
              request.id,
              bus
                .cursor(request.name)
                .commit(request.position)
                .then(() => undefined),
            ),
          );
          return;
        default:
          request satisfies never;
      }
    },
    async close() {
      for (const serving of subscriptions.values()) {
        serving.stop.abort();
        serving.room?.();
      }
      await Promise.all(running);
    },
  };
}

type Waiting = { resolve: (value: BusStatus | number | undefined) => void; reject: (error: Error) => void };

interface Receiving {
  readonly queue: (PostedBatch | Extract<Delivery, { kind: "gap" }>)[];
  ended: { readonly error: Error | undefined } | undefined;
  wake: (() => void) | undefined;
}

/** The bus as the other thread has it: reading and cursors only. */
export class PortBus implements Bus {
  readonly #tell: (message: BusRequest) => void;
  readonly #calls = new Map<number, Waiting>();
  readonly #subscriptions = new Map<number, Receiving>();
  #nextId = 1;

  constructor(tell: (message: BusRequest) => void) {
    this.#tell = tell;
  }

  /** Takes a message of the bus's thread that is for the bus. */
  take(message: FromBus): void {
    switch (message.kind) {
      case "delivery":
      case "end": {
        const receiving = this.#subscriptions.get(message.id);
        if (receiving === undefined) return; // its reader has left
        if (message.kind === "delivery") receiving.queue.push(message.delivery);
        else receiving.ended = { error: message.error && errorOf(message.error) };
        receiving.wake?.();
        return;
      }
      case "answer":
      case "refused": {
        const call = this.#calls.get(message.id);
        this.#calls.delete(message.id);
        if (message.kind === "answer") call?.resolve(message.value);
        else call?.reject(errorOf(message.error));
        return;
      }
      default:
        message satisfies never;
    }
  }

  async *subscribe(what: Subscription, signal: AbortSignal): AsyncGenerator<Delivery> {
    signal.throwIfAborted();
    const id = this.#nextId++;
    const receiving: Receiving = { queue: [], ended: undefined, wake: undefined };
    this.#subscriptions.set(id, receiving);
    const wake = (): void => receiving.wake?.();
    signal.addEventListener("abort", wake);
    this.#tell({ kind: "subscribe", id, what });
    try {
      for (;;) {
        signal.throwIfAborted();
        const posted = receiving.queue.shift();
        if (posted === undefined) {
          if (receiving.ended?.error) throw receiving.ended.error;
          if (receiving.ended) return;
          await new Promise<void>((resolve) => {
            receiving.wake = resolve;
          });
          continue;
        }
        this.#tell({ kind: "taken", id, bytes: posted.kind === "batch" ? posted.frame.length : 0 });
        if (posted.kind === "gap") yield posted;
        else {
          const { frame, position, busTimeUs } = posted;
          const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.length);
          yield { kind: "batch", position, busTimeUs, batch: decodeFrame(bytes) };
        }
      }
    } finally {
      signal.removeEventListener("abort", wake);
      this.#subscriptions.delete(id);
      this.#tell({ kind: "unsubscribe", id });
    }
  }

  cursor(name: string): Cursor {
    return {
      read: async () => (await this.#call((id) => ({ kind: "read", id, name }))) as number | undefined,
      commit: async (position) => void (await this.#call((id) => ({ kind: "commit", id, name, position }))),
    };
  }

  async status(): Promise<BusStatus> {
    return (await this.#call((id) => ({ kind: "status", id }))) as BusStatus;
  }

  publish(): Promise<Receipt> {
    return Promise.reject(
      new LogspreadError("BAD_REQUEST", {
        what: "cannot publish",
        why: "an output reads only",
        fix: "Publish through an input",
      }),
    );
  }

  async close(): Promise<void> {}

  #call(request: (id: number) => BusRequest): Promise<BusStatus | number | undefined> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject });
      this.#tell(request(id));
    });
  }
}
