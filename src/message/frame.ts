/**
 * The frame: the one encoding of a batch, in HTTP bodies, on JetStream and on disk.
 *
 *     offset size  field (integers big-endian)
 *       0      4   length of the whole frame, these four bytes included
 *       4      4   CRC-32 of everything from offset 8 to the end
 *       8      1   version, 1
 *       9      1   flags: bit 0 body is zstd; bit 1 body kind is `frames`; the others are 0
 *      10      1   length of the group's name
 *      11      1   length of the sender's name
 *      12     16   producer
 *      28      8   sequence, 1 to 2^53-1
 *      36      8   created, µs since the epoch
 *      44      4   count of messages
 *      48      4   size of the body before compression
 *      52      1   number of losses
 *      53      3   zero
 *      56          group, sender (UTF-8); losses of 9 bytes each (reason, 8 bytes count); the body
 *
 * There is one encoding only of each batch: what cannot be encoded is refused when decoded.
 *
 * A hot path: a batch is a few thousand lines, so a frame is made or read some thousand times a second.
 */
import { isUtf8 } from "node:buffer";
import { crc32 } from "node:zlib";
import {
  type Batch,
  type BatchHeader,
  type BodyKind,
  type Compression,
  LOSS_REASONS,
  type Loss,
  MAX_RAW_BYTES,
} from "./batch.ts";
import { LogspreadError } from "./error.ts";
import { groupNameFault, MAX_NAME_BYTES } from "./names.ts";

const VERSION = 1;
const FLAG_ZSTD = 1;
const FLAG_FRAMES = 2;
const LOSS_BYTES = 9;

export const FRAME_HEADER_BYTES = 56;

/** Longest frame that is accepted: the largest body, stored as it is, with the longest header. */
export const MAX_FRAME_BYTES = MAX_RAW_BYTES + FRAME_HEADER_BYTES + 2 * MAX_NAME_BYTES + 255 * LOSS_BYTES;

/** What is to be encoded: the header, and the body as it shall be stored. */
export interface BatchContent extends BatchHeader {
  readonly compression: Compression;
  readonly rawBytes: number;
  readonly body: Uint8Array;
}

/** Encodes a batch. The content is copied, so its buffer may be reused at once. Throws BAD_ARGUMENT for what no frame can hold. */
export function encodeBatch(content: BatchContent): Batch {
  const group = Buffer.from(content.group);
  const sender = Buffer.from(content.sender);
  check(content, sender);
  const bodyAt = FRAME_HEADER_BYTES + group.length + sender.length + content.losses.length * LOSS_BYTES;
  const frame = Buffer.allocUnsafe(bodyAt + content.body.length);
  frame.writeUInt32BE(frame.length, 0);
  frame[8] = VERSION;
  frame[9] = (content.compression === "zstd" ? FLAG_ZSTD : 0) | (content.kind === "frames" ? FLAG_FRAMES : 0);
  frame[10] = group.length;
  frame[11] = sender.length;
  frame.set(content.producer, 12);
  writeUInt53(frame, content.sequence, 28);
  writeUInt53(frame, content.createdUs, 36);
  frame.writeUInt32BE(content.count, 44);
  frame.writeUInt32BE(content.rawBytes, 48);
  frame.writeUInt32BE(content.losses.length * 0x100_0000, 52);
  let at = FRAME_HEADER_BYTES;
  frame.set(group, at);
  frame.set(sender, (at += group.length));
  at += sender.length;
  for (const loss of content.losses) {
    frame[at] = LOSS_REASONS.indexOf(loss.reason);
    writeUInt53(frame, loss.messages, at + 1);
    at += LOSS_BYTES;
  }
  frame.set(content.body, at);
  frame.writeUInt32BE(crc32(frame.subarray(8)), 4);
  return {
    group: content.group,
    sender: content.sender,
    producer: frame.subarray(12, 28),
    sequence: content.sequence,
    createdUs: content.createdUs,
    count: content.count,
    kind: content.kind,
    losses: content.losses,
    compression: content.compression,
    rawBytes: content.rawBytes,
    body: frame.subarray(at),
    frame,
  };
}

function check(content: BatchContent, sender: Buffer): void {
  const refuse = (why: string): never => {
    throw new LogspreadError("BAD_ARGUMENT", {
      what: "cannot make a batch",
      why,
      fix: "Correct the publisher; docs/errors.md lists the limits",
    });
  };
  const groupFault = groupNameFault(content.group);
  if (groupFault !== undefined) refuse(`of the group's name: ${groupFault}`);
  if (!content.sender.isWellFormed()) refuse("the sender's name is not well-formed text");
  if (sender.length > MAX_NAME_BYTES) refuse(`the sender's name is longer than ${MAX_NAME_BYTES} bytes`);
  if (content.producer.length !== 16) refuse(`a producer is 16 bytes, not ${content.producer.length}`);
  if (!Number.isSafeInteger(content.sequence) || content.sequence < 1)
    refuse(`sequence ${content.sequence} is not 1 or more`);
  if (!Number.isSafeInteger(content.createdUs) || content.createdUs < 0)
    refuse(`created ${content.createdUs} is not a time`);
  if (!Number.isInteger(content.count) || content.count < 0) refuse(`count ${content.count}`);
  if (!Number.isInteger(content.rawBytes) || content.rawBytes < 0) refuse(`a body of ${content.rawBytes} bytes`);
  if (content.rawBytes > MAX_RAW_BYTES) refuse(`its body is longer than ${MAX_RAW_BYTES} bytes`);
  if (content.body.length > MAX_RAW_BYTES) refuse(`its stored body is longer than ${MAX_RAW_BYTES} bytes`);
  if (content.compression === "none" && content.rawBytes !== content.body.length) refuse("its sizes disagree");
  if (!fits(content.count, content.kind, content.rawBytes)) {
    refuse(`${content.count} messages cannot stand in ${content.rawBytes} bytes`);
  }
  if (content.losses.length > 255) refuse("more than 255 losses");
  for (const { reason, messages } of content.losses) {
    if (!LOSS_REASONS.includes(reason)) refuse(`reason ${reason} of a loss is not known`);
    if (!Number.isSafeInteger(messages) || messages < 0) refuse(`a loss of ${messages} messages`);
  }
}

/** Whether so many messages can stand in so many bytes: each takes a newline or a length at least. */
function fits(count: number, kind: BodyKind, rawBytes: number): boolean {
  return count * (kind === "frames" ? 4 : 1) <= rawBytes;
}

/**
 * Decodes the frame at `at`; `length` is what its first four bytes say (see `frameLength`). The result's buffers are
 * views of `bytes`. Throws BAD_FRAME that says what is wrong at which byte; `where` names the source in that message.
 */
export function decodeFrame(bytes: Buffer, at = 0, where = "frame"): Batch {
  const length = frameLength(bytes, at, where);
  if (at + length > bytes.length) {
    throw badFrame(where, bytes.length, `it ends after ${bytes.length - at} of ${length} bytes`);
  }
  const frame = bytes.subarray(at, at + length);
  const sum = frame.readUInt32BE(4);
  const actual = crc32(frame.subarray(8));
  if (sum !== actual) throw badFrame(where, at + 4, `its checksum is ${hex(actual)} and should be ${hex(sum)}`);
  // Past the checksum, a fault is a faulty or hostile publisher's, not damage: each field is still checked.
  if (frame[8] !== VERSION) throw badFrame(where, at + 8, `version ${frame[8]} is not known, only ${VERSION}`);
  const flags = frame[9]!;
  if (flags & ~(FLAG_ZSTD | FLAG_FRAMES)) throw badFrame(where, at + 9, `flags ${hex(flags)} are not known`);
  const senderAt = FRAME_HEADER_BYTES + frame[10]!;
  const lossesAt = senderAt + frame[11]!;
  const lossCount = frame[52]!;
  const bodyAt = lossesAt + lossCount * LOSS_BYTES;
  if (frame[11]! > MAX_NAME_BYTES) throw badFrame(where, at + 11, `its sender's name is over ${MAX_NAME_BYTES} bytes`);
  if (frame.readUInt32BE(52) !== lossCount * 0x100_0000)
    throw badFrame(where, at + 53, "bytes that must be zero are not");
  if (bodyAt > length) throw badFrame(where, at + 10, "its names and losses are longer than the frame");
  if (!isUtf8(frame.subarray(FRAME_HEADER_BYTES, senderAt)) || !isUtf8(frame.subarray(senderAt, lossesAt))) {
    throw badFrame(where, at + FRAME_HEADER_BYTES, "its names are not UTF-8");
  }
  const group = frame.toString("utf8", FRAME_HEADER_BYTES, senderAt);
  const groupFault = groupNameFault(group);
  if (groupFault !== undefined) throw badFrame(where, at + FRAME_HEADER_BYTES, `of its group's name: ${groupFault}`);
  const sequence = readUInt53(frame, 28);
  if (sequence === undefined || sequence < 1) throw badFrame(where, at + 28, "its sequence is out of range");
  const createdUs = readUInt53(frame, 36);
  if (createdUs === undefined) throw badFrame(where, at + 36, "its creation time is out of range");
  const count = frame.readUInt32BE(44);
  const rawBytes = frame.readUInt32BE(48);
  if (rawBytes > MAX_RAW_BYTES) throw badFrame(where, at + 48, `body of ${rawBytes} bytes is over ${MAX_RAW_BYTES}`);
  const kind = flags & FLAG_FRAMES ? "frames" : "lines";
  if (!fits(count, kind, rawBytes)) {
    throw badFrame(where, at + 44, `${count} messages cannot stand in a body of ${rawBytes} bytes`);
  }
  const compression = flags & FLAG_ZSTD ? "zstd" : "none";
  if (compression === "none" && rawBytes !== length - bodyAt) {
    throw badFrame(where, at + 48, `body of ${rawBytes} bytes announced, ${length - bodyAt} there`);
  }
  return {
    group,
    sender: frame.toString("utf8", senderAt, lossesAt),
    producer: frame.subarray(12, 28),
    sequence,
    createdUs,
    count,
    kind,
    losses: lossCount === 0 ? NO_LOSSES : readLosses(frame, lossesAt, lossCount, where, at),
    compression,
    rawBytes,
    body: frame.subarray(bodyAt),
    frame,
  };
}

const NO_LOSSES: readonly Loss[] = [];

function readLosses(frame: Buffer, lossesAt: number, count: number, where: string, frameAt: number): Loss[] {
  const losses: Loss[] = [];
  for (let i = 0, at = lossesAt; i < count; i++, at += LOSS_BYTES) {
    const reason = LOSS_REASONS[frame[at]!];
    const messages = readUInt53(frame, at + 1);
    if (reason === undefined) throw badFrame(where, frameAt + at, `reason ${frame[at]} of a loss is not known`);
    if (messages === undefined) throw badFrame(where, frameAt + at + 1, "the count of a loss is out of range");
    losses.push({ reason, messages });
  }
  return losses;
}

/** The length that the frame at `at` claims, once 4 bytes of it are there; throws BAD_FRAME if no frame can be so long. */
export function frameLength(bytes: Buffer, at = 0, where = "frame"): number {
  if (at + 4 > bytes.length)
    throw badFrame(where, bytes.length, `it ends after ${bytes.length - at} of ${FRAME_HEADER_BYTES} bytes`);
  const length = bytes.readUInt32BE(at);
  if (length < FRAME_HEADER_BYTES || length > MAX_FRAME_BYTES) {
    throw badFrame(where, at, `length ${length} is not between ${FRAME_HEADER_BYTES} and ${MAX_FRAME_BYTES}`);
  }
  return length;
}

/** Decodes frames that stand one after another, as in the body of a publish. Throws BAD_FRAME as `decodeFrame` does. */
export function decodeFrames(bytes: Buffer, where = "frame"): Batch[] {
  const batches: Batch[] = [];
  for (let at = 0; at < bytes.length; at += batches.at(-1)!.frame.length) batches.push(decodeFrame(bytes, at, where));
  return batches;
}

function badFrame(where: string, byte: number, why: string): LogspreadError {
  return new LogspreadError("BAD_FRAME", {
    what: `bad ${where} at byte ${byte}`,
    why,
    fix: "It was damaged on its way or made by a faulty publisher; nothing of it was taken",
  });
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(2, "0")}`;
}

/** Writes a non-negative safe integer as 8 bytes, big-endian. */
export function writeUInt53(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32BE(Math.floor(value / 0x1_0000_0000), at);
  bytes.writeUInt32BE(value % 0x1_0000_0000, at + 4);
}

/** Reads 8 bytes, big-endian; undefined if the number is over 2^53-1 and could not be exact. */
export function readUInt53(bytes: Buffer, at: number): number | undefined {
  const high = bytes.readUInt32BE(at);
  return high > 0x1f_ffff ? undefined : high * 0x1_0000_0000 + bytes.readUInt32BE(at + 4);
}
