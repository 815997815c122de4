import { randomBytes } from "node:crypto";

/** Most bytes that a body may hold before compression; a larger one is refused before anything is allocated for it. */
export const MAX_RAW_BYTES = 16 * 1024 * 1024;

/**
 * How messages stand in a body: `lines`: each followed by "\n" and holding none; `frames`: each preceded by its length
 * (4 bytes, big-endian), for messages that hold newlines or binary data.
 */
export type BodyKind = "lines" | "frames";

export type Compression = "none" | "zstd";

/** Why a publisher had to drop messages before they reached the bus. The order is part of the frame format. */
export const LOSS_REASONS = ["spool-full-dropped-oldest", "spool-full-dropped-newest", "spool-failed"] as const;

export type LossReason = (typeof LOSS_REASONS)[number];

/** How many messages a producer has dropped for `reason` since it started: a running total, so that reports may repeat. */
export interface Loss {
  readonly reason: LossReason;
  readonly messages: number;
}

/** Everything about a batch but its content. */
export interface BatchHeader {
  /** The named stream that the messages belong to; see `groupNameFault` for what a name may be. */
  readonly group: string;
  /** Who published: `user@host`. */
  readonly sender: string;
  /** 16 bytes: one run of a publisher. */
  readonly producer: Buffer;
  /** Counted by the producer from 1 over all its groups; makes a second try harmless. */
  readonly sequence: number;
  /** When the producer made the batch, µs since the epoch by its own clock. */
  readonly createdUs: number;
  /** Messages in the body. */
  readonly count: number;
  readonly kind: BodyKind;
  readonly losses: readonly Loss[];
}

/**
 * Consecutive messages of one producer to one group: the unit that moves through every room. Immutable: `frame` is its
 * one encoding (see frame.ts), made once by the publisher and then stored and forwarded as it is; `body` is a view of it.
 */
export interface Batch extends BatchHeader {
  readonly compression: Compression;
  /** Size of the body before compression, bytes. */
  readonly rawBytes: number;
  readonly body: Buffer;
  readonly frame: Buffer;
}

/** A new producer id: 16 random bytes. */
export function newProducer(): Buffer {
  return randomBytes(16);
}
