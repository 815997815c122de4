/**
 * A delivery: what a subscriber reads. Its encoding is the record on disk (batches only) and the body of a subscription
 * over HTTP, one record after another:
 *
 *     offset size  field (integers big-endian)
 *       0      4   "LSB1" a batch, "LSG1" a gap, "LSH1" a heartbeat
 *       4      4   CRC-32 of bytes 8 to 24 and, of a batch, the first 8 bytes of its frame (its length and checksum)
 *       8      8   batch: position; gap: first position that is gone; heartbeat: last position that the bus has given
 *      16      8   batch: bus time, µs since the epoch; gap: last position that is gone; heartbeat: bus time
 *      24          batch: the frame; gap: 8 bytes messages that are gone, 8 bytes reason (0 retention, 1 damage)
 */
import { crc32 } from "node:zlib";
import type { Batch } from "./batch.ts";
import { LogspreadError } from "./error.ts";
import { decodeFrame, frameLength, readUInt53, writeUInt53 } from "./frame.ts";

export const DELIVERY_HEADER_BYTES = 24;
const GAP_BYTES = DELIVERY_HEADER_BYTES + 16;

/** What the first four bytes of each record say. */
export const MAGIC = { batch: 0x4c534231, gap: 0x4c534731, heartbeat: 0x4c534831 } as const;

const GAP_REASONS = ["retention", "damage"] as const;

/** A batch in its place. A message's place is (position, index within the batch). */
export interface PlacedBatch {
  readonly kind: "batch";
  /** The place of the batch in the bus's total order: 1, 2, 3, ... */
  readonly position: number;
  /** When the bus took it, µs since the epoch; never decreases with the position. */
  readonly busTimeUs: number;
  readonly batch: Batch;
}

/** Positions `first` to `last` are gone, with `messages` messages of the groups asked for. */
export interface Gap {
  readonly kind: "gap";
  readonly first: number;
  readonly last: number;
  readonly messages: number;
  readonly reason: (typeof GAP_REASONS)[number];
}

export type Delivery = PlacedBatch | Gap;

/**
 * Where to start: the first batch that is kept, the first after now, at a position (inclusive), or at the first batch
 * that the bus took at or after a time (µs since the epoch).
 */
export type From = "first" | "new" | { readonly position: number } | { readonly timeUs: number };

/** Sent over HTTP while nothing else is, so that a dead connection is noticed. */
export interface Heartbeat {
  readonly kind: "heartbeat";
  readonly lastPosition: number;
  readonly busTimeUs: number;
}

/** The header that goes before `frame` on disk and on the wire. */
export function encodePlace(position: number, busTimeUs: number, frame: Buffer): Buffer {
  const header = start(MAGIC.batch, DELIVERY_HEADER_BYTES, position, busTimeUs);
  header.writeUInt32BE(crc32(frame.subarray(0, 8), crc32(header.subarray(8, 24))), 4);
  return header;
}

export function encodeGap(gap: Gap): Buffer {
  const record = start(MAGIC.gap, GAP_BYTES, gap.first, gap.last);
  writeUInt53(record, gap.messages, 24);
  writeUInt53(record, GAP_REASONS.indexOf(gap.reason), 32);
  record.writeUInt32BE(crc32(record.subarray(8)), 4);
  return record;
}

export function encodeHeartbeat(heartbeat: Heartbeat): Buffer {
  const record = start(MAGIC.heartbeat, DELIVERY_HEADER_BYTES, heartbeat.lastPosition, heartbeat.busTimeUs);
  record.writeUInt32BE(crc32(record.subarray(8)), 4);
  return record;
}

function start(magic: number, bytes: number, first: number, second: number): Buffer {
  const record = Buffer.allocUnsafe(bytes);
  record.writeUInt32BE(magic, 0);
  writeUInt53(record, first, 8);
  writeUInt53(record, second, 16);
  return record;
}

/**
 * The length of the record at `at`, or undefined while too little of it is there to tell. Throws BAD_FRAME if what
 * stands there is no record.
 */
export function recordLength(bytes: Buffer, at = 0, where = "record"): number | undefined {
  if (bytes.length - at < DELIVERY_HEADER_BYTES) return undefined;
  switch (bytes.readUInt32BE(at)) {
    case MAGIC.batch:
      if (bytes.length - at < DELIVERY_HEADER_BYTES + 4) return undefined;
      return DELIVERY_HEADER_BYTES + frameLength(bytes, at + DELIVERY_HEADER_BYTES, where);
    case MAGIC.gap:
      return GAP_BYTES;
    case MAGIC.heartbeat:
      return DELIVERY_HEADER_BYTES;
    default:
      throw badRecord(where, at, "no record starts here");
  }
}

/** Decodes the record at `at`, which must be whole (see `recordLength`). Throws BAD_FRAME for any damage. */
export function decodeRecord(bytes: Buffer, at = 0, where = "record"): Delivery | Heartbeat {
  const length = recordLength(bytes, at, where);
  if (length === undefined || at + length > bytes.length) throw badRecord(where, at, `it ends at byte ${bytes.length}`);
  const magic = bytes.readUInt32BE(at);
  const summed = magic === MAGIC.batch ? DELIVERY_HEADER_BYTES + 8 : length;
  if (bytes.readUInt32BE(at + 4) !== crc32(bytes.subarray(at + 8, at + summed))) {
    throw badRecord(where, at + 4, "the checksum of its place is wrong");
  }
  const first = readUInt53(bytes, at + 8);
  const second = readUInt53(bytes, at + 16);
  if (first === undefined || second === undefined) throw badRecord(where, at + 8, "its place is out of range");
  if (magic === MAGIC.batch) {
    const batch = decodeFrame(bytes, at + DELIVERY_HEADER_BYTES, where);
    return { kind: "batch", position: first, busTimeUs: second, batch };
  }
  if (magic === MAGIC.heartbeat) return { kind: "heartbeat", lastPosition: first, busTimeUs: second };
  if (second < first)
    throw badRecord(where, at + 8, `its gap ends at position ${second}, before it starts at ${first}`);
  const messages = readUInt53(bytes, at + 24);
  const reason = GAP_REASONS[readUInt53(bytes, at + 32) ?? -1];
  if (messages === undefined || reason === undefined) throw badRecord(where, at + 24, "its gap is out of range");
  return { kind: "gap", first, last: second, messages, reason };
}

function badRecord(where: string, byte: number, why: string): LogspreadError {
  return new LogspreadError("BAD_FRAME", {
    what: `bad ${where} at byte ${byte}`,
    why,
    fix: "The record is damaged; it is skipped and counted",
  });
}
