/**
 * The bus: batches go in and get a place in one total order; any number of subscribers read them in that order.
 * A folder an engine (embedded/, remote/); every engine passes test/conformance/bus.ts.
 */
import type { Batch } from "../message/batch.ts";
import type { Delivery, From } from "../message/delivery.ts";

/** What became of a publish: `stored`: durable now; `duplicate`: (producer, sequence) had been stored before. */
export type Receipt =
  | { readonly kind: "stored"; readonly position: number; readonly busTimeUs: number }
  | { readonly kind: "duplicate" };

export interface Subscription {
  /** Names or patterns of groups; see `groupMatcher`. */
  readonly groups: readonly string[];
  readonly from: From;
  /** Wait for more at the end (true), or end there (false). */
  readonly follow: boolean;
}

/** A named, durable position: where a subscriber goes on after a restart. */
export interface Cursor {
  /** The last position committed, or undefined if there was none. */
  read(): Promise<number | undefined>;
  /** Resolves when `position`, the last one dealt with, is durable. */
  commit(position: number): Promise<void>;
}

export interface GroupStatus {
  readonly group: string;
  /** Messages and batches since the bus was made, those included that retention has deleted. */
  readonly messages: number;
  readonly batches: number;
  /** Bytes of messages before compression. */
  readonly rawBytes: number;
  readonly lastPosition: number;
  readonly lastTimeUs: number;
}

export interface BusStatus {
  /** First position kept and last position given; `last` is `first - 1` while nothing is kept. */
  readonly firstPosition: number;
  readonly lastPosition: number;
  /** Bytes on disk. */
  readonly bytes: number;
  readonly groups: readonly GroupStatus[];
}

export interface Bus {
  /**
   * Resolves when the batch is durable. Batches are placed in the order of the calls. Idempotent on (producer, sequence):
   * a sequence that is not above the producer's last one is a duplicate. Rejects with DISK_FULL, DISK_FAILED, BUSY,
   * BUS_UNREACHABLE or BUS_CLOSED; then neither this batch nor any later one that was waiting behind it was stored.
   */
  publish(batch: Batch): Promise<Receipt>;
  /** Every batch of the groups from the start on, once, in position order, with gaps told. Rejects once `signal` aborts. */
  subscribe(what: Subscription, signal: AbortSignal): AsyncIterable<Delivery>;
  cursor(name: string): Cursor;
  status(): Promise<BusStatus>;
  /** Resolves when waiting publishes are settled, subscriptions have ended and everything is closed. */
  close(): Promise<void>;
}
