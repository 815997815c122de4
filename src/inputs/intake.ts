/**
 * The intake: what was read from a pipe and is not yet in the spool, in a file that outlives a kill -9 of its process. It
 * is never fsynced: after a power cut (another boot id) it counts for nothing.
 *
 * The file has a few regions of equal size, rewritten in place. A region holds one fill: a piece of the stream that will
 * become batches. Each piece is written, with its marks, in one `writev`; the kernel copies in order, so that a trailer
 * that is there proves the bytes before it.
 *
 *     region: offset size  field (integers big-endian)
 *                  0      4   "LSN1"; "LSN0": this fill is done with, and only tells which pipe was read; zero: nothing is told
 *                  4      4   CRC-32 of bytes 8 to 512
 *                  8      8   generation: counts fills; the order of the regions
 *                 16     16   producer
 *                 32      8   sequence of the first batch that will be made of it
 *                 40      8   inode of the pipe, 48: 8 its device
 *                 56      8   boot: the first 8 bytes of the kernel's boot id
 *                 64      4   carried: so many bytes at its start were the end of the fill before, and are no longer that one's
 *                 68      1   number of the field that names the group, 0 for none
 *                 69      1   length of the group's name, 70: 1 of the sender's name
 *                 71          group, sender
 *                512          records: generation (low 4 bytes), length (4), discarding (4); the bytes;
 *                             generation and length once more, inverted (8)
 *
 * A kill between the kernel's handing over bytes and the `writev` (some µs later, in the same callback) loses them: a
 * pipe cannot be read without taking. Everything else is recovered exactly; see `recoverIntake`.
 */
import { closeSync, openSync, readFileSync, readSync, writeSync, writevSync } from "node:fs";
import { crc32 } from "node:zlib";
import { reasonOf, systemCodeOf } from "../message/error.ts";
import { readUInt53, writeUInt53 } from "../message/frame.ts";
import { endOfLastLine } from "../message/lines.ts";
import type { Report } from "../message/report.ts";

/** Regions of the file: one is filled while others are compressed and spooled. */
export const REGIONS = 3;
/** Holds the longest line twice over: small reads take room for their marks. The same for all, so that any publisher can read any intake. */
const REGION_BYTES = 2304 * 1024;

const MAGIC = 0x4c534e31;
const DONE = 0x4c534e30;
const HEADER_BYTES = 512;
const RECORD_BYTES = 12;
const TRAILER_BYTES = 8;
const READ_BYTES = 64 * 1024;
const BOOT_ID = "/proc/sys/kernel/random/boot_id";

/** What a publisher does with its lines; kept with them, so that a successor does the same. */
export interface Labels {
  readonly producer: Buffer;
  readonly sender: string;
  readonly group: string;
  /** The field that names the group; 0: none does. */
  readonly groupField: number;
}

/** Which pipe the bytes came from. */
export interface PipeId {
  readonly inode: number;
  readonly device: number;
}

/** Where in the file a fill stands; kept by whoever holds its bytes. */
export interface Region {
  readonly index: number;
  generation: number;
  /** Where the next record goes, from the region's start; 0 while the fill has not begun. */
  at: number;
}

export class Intake {
  #fd: number;
  #header = Buffer.alloc(HEADER_BYTES);
  #record = Buffer.alloc(RECORD_BYTES);
  #trailer = Buffer.alloc(TRAILER_BYTES);
  #generation: number;
  #report: Report;
  #failing = false;

  /** Opens or creates the file at `path`. Generations begin after `generation`, which must be above any in the file. */
  constructor(path: string, options: { labels: Labels; pipe: PipeId; generation: number; report: Report }) {
    const { labels, pipe } = options;
    this.#fd = openRewritable(path);
    this.#generation = options.generation;
    this.#report = options.report;
    const header = this.#header;
    header.writeUInt32BE(MAGIC, 0);
    header.set(labels.producer, 16);
    writeUInt53(header, pipe.inode, 40);
    writeUInt53(header, pipe.device, 48);
    header.set(thisBoot(), 56);
    header[68] = labels.groupField;
    const group = Buffer.from(labels.group);
    const sender = Buffer.from(labels.sender);
    header[69] = group.length;
    header[70] = sender.length;
    header.set(group, 71);
    header.set(sender, 71 + group.length);
  }

  /** Whether a record of `bytes` bytes still fits behind what is in the region. */
  hasRoom(region: Region, bytes: number): boolean {
    return Math.max(region.at, HEADER_BYTES) + RECORD_BYTES + bytes + TRAILER_BYTES <= REGION_BYTES;
  }

  /** Writes down bytes that belong to the fill. The first ones begin it: only for them `firstSequence` and `carried` count. */
  write(region: Region, bytes: Buffer, discarding: boolean, firstSequence: number, carried: number): void {
    const parts: Buffer[] = [];
    let at = region.at;
    if (at === 0) {
      region.generation = ++this.#generation;
      writeUInt53(this.#header, region.generation, 8);
      writeUInt53(this.#header, firstSequence, 32);
      this.#header.writeUInt32BE(carried, 64);
      this.#header.writeUInt32BE(crc32(this.#header.subarray(8)), 4);
      parts.push(this.#header);
      region.at = HEADER_BYTES;
    }
    const mark = region.generation % 0x1_0000_0000;
    this.#record.writeUInt32BE(mark, 0);
    this.#record.writeUInt32BE(bytes.length, 4);
    this.#record.writeUInt32BE(discarding ? 1 : 0, 8);
    this.#trailer.writeUInt32BE(~mark >>> 0, 0);
    this.#trailer.writeUInt32BE(~bytes.length >>> 0, 4);
    parts.push(this.#record, bytes, this.#trailer);
    const size = RECORD_BYTES + bytes.length + TRAILER_BYTES;
    const total = at === 0 ? HEADER_BYTES + size : size;
    const start = region.index * REGION_BYTES + at;
    at = region.at;
    region.at = at + size;
    try {
      if (writevSync(this.#fd, parts, start) !== total) throw new Error("no space left");
      this.#failing = false;
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  /** Forgets a fill: its batches are in the spool. Fills are cleared in their order. */
  clear(region: Region): void {
    if (region.at === 0) return;
    region.at = 0;
    this.#rewrite(region.index, DONE_BYTES);
  }

  /** Forgets every fill but that of one region, what a predecessor left, and tells which pipe is read now. */
  takeOver(kept: number): void {
    const header = Buffer.from(this.#header);
    header.writeUInt32BE(DONE, 0);
    writeUInt53(header, ++this.#generation, 8);
    header.writeUInt32BE(crc32(header.subarray(8)), 4);
    for (let i = 0; i < REGIONS; i++) if (i !== kept) this.#rewrite(i, header);
  }

  /** Forgets everything, the pipe too: its end has been read, so nobody will come back to it. */
  forget(): void {
    for (let i = 0; i < REGIONS; i++) this.#rewrite(i, ZERO);
  }

  #rewrite(index: number, start: Buffer): void {
    try {
      writeSync(this.#fd, start, 0, start.length, index * REGION_BYTES);
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  /** The publisher goes on without: lines are then safe from the spool on. */
  #fail(thrown: unknown): void {
    if (!this.#failing) {
      this.#report("warn", `cannot write the intake: ${reasonOf(thrown)}; a kill -9 could lose the lines of a moment`);
    }
    this.#failing = true;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

const ZERO = Buffer.alloc(4);
const DONE_BYTES = Buffer.from("LSN0");

function openRewritable(path: string): number {
  try {
    return openSync(path, "r+");
  } catch {
    return openSync(path, "wx+", 0o640);
  }
}

let boot: Buffer | undefined;

/** Tells this boot of the machine from any other. Zero where the kernel does not tell (then the intake always counts). */
function thisBoot(): Buffer {
  boot ??= readBoot();
  return boot;
}

function readBoot(): Buffer {
  try {
    return Buffer.from(readFileSync(BOOT_ID, "latin1").replaceAll("-", ""), "hex").subarray(0, 8);
  } catch {
    return Buffer.alloc(8);
  }
}

/** A fill that a predecessor left. */
export interface LeftFill {
  readonly labels: Labels;
  readonly firstSequence: number;
  /** Whole lines. */
  readonly lines: Buffer;
}

/** What a predecessor left. */
export interface LeftIntake {
  /** In the order of reading. Those that are already in the spool may be among the first. */
  readonly fills: readonly LeftFill[];
  /** The beginning of a line, of the last fill; empty if there was none. */
  readonly partial: Buffer;
  /** The predecessor was throwing away the rest of a line that was too long. */
  readonly discarding: boolean;
  readonly pipe: PipeId | undefined;
  /** Region and generation of the last fill: the successor begins in another region, with a higher one. */
  readonly region: number;
  readonly generation: number;
}

interface Header {
  readonly generation: number;
  readonly labels: Labels;
  readonly firstSequence: number;
  readonly pipe: PipeId;
  readonly carried: number;
}

interface RawFill extends Header {
  readonly region: number;
  readonly bytes: Buffer;
  readonly discarding: boolean;
}

/**
 * The pipe that the last holder of the file at `path` read, without reading all of it; undefined if it had come to the
 * pipe's end, or there was none.
 */
export function pipeOfIntake(path: string): PipeId | undefined {
  let latest: Header | undefined;
  withFile(path, (fd) => {
    for (let i = 0; i < REGIONS; i++) {
      const header = readHeader(fd, i * REGION_BYTES, [MAGIC, DONE]);
      if (header !== undefined && header.generation > (latest?.generation ?? 0)) latest = header;
    }
  });
  return latest?.pipe;
}

/** Reads what the last holder of the file at `path` left. Nothing of it is changed. */
export function recoverIntake(path: string): LeftIntake {
  const raw: RawFill[] = [];
  withFile(path, (fd) => {
    for (let i = 0; i < REGIONS; i++) {
      const header = readHeader(fd, i * REGION_BYTES, [MAGIC]);
      const records = header && readRecords(fd, i * REGION_BYTES, header.generation % 0x1_0000_0000);
      // Torn in its first record: then it never began.
      if (records !== undefined) raw.push({ ...header!, ...records, region: i });
    }
  });
  raw.sort((a, b) => a.generation - b.generation);
  const fills: LeftFill[] = [];
  let partial: Buffer = Buffer.alloc(0);
  for (const [i, fill] of raw.entries()) {
    // Regions are cleared in order, so the ones that are left follow one another.
    const moved = Math.min(raw[i + 1]?.carried ?? 0, fill.bytes.length);
    const kept = fill.bytes.subarray(0, fill.bytes.length - moved);
    const end = endOfLastLine(kept);
    if (i === raw.length - 1) partial = kept.subarray(end);
    fills.push({ labels: fill.labels, firstSequence: fill.firstSequence, lines: kept.subarray(0, end) });
  }
  const last = raw.at(-1);
  return {
    fills,
    partial,
    discarding: last?.discarding ?? false,
    pipe: last?.pipe,
    region: last?.region ?? -1,
    generation: last?.generation ?? 0,
  };
}

/** Forgets everything in the file at `path`: it has been published. */
export function clearIntake(path: string): void {
  let fd: number;
  try {
    fd = openSync(path, "r+");
  } catch (thrown) {
    if (systemCodeOf(thrown) === "ENOENT") return;
    throw thrown;
  }
  try {
    for (let i = 0; i < REGIONS; i++) writeSync(fd, ZERO, 0, ZERO.length, i * REGION_BYTES);
  } finally {
    closeSync(fd);
  }
}

function withFile(path: string, use: (fd: number) => void): void {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (thrown) {
    if (systemCodeOf(thrown) === "ENOENT") return;
    throw thrown;
  }
  try {
    use(fd);
  } finally {
    closeSync(fd);
  }
}

function readHeader(fd: number, at: number, magics: readonly number[]): Header | undefined {
  const header = Buffer.alloc(HEADER_BYTES);
  if (readSync(fd, header, 0, HEADER_BYTES, at) !== HEADER_BYTES) return undefined;
  if (!magics.includes(header.readUInt32BE(0)) || header.readUInt32BE(4) !== crc32(header.subarray(8)))
    return undefined;
  if (!header.subarray(56, 64).equals(thisBoot())) return undefined;
  const generation = readUInt53(header, 8);
  const firstSequence = readUInt53(header, 32);
  const inode = readUInt53(header, 40);
  const device = readUInt53(header, 48);
  if (generation === undefined || firstSequence === undefined || inode === undefined || device === undefined) return;
  const groupEnd = 71 + header[69]!;
  return {
    generation,
    firstSequence,
    pipe: { inode, device },
    carried: header.readUInt32BE(64),
    labels: {
      producer: Buffer.from(header.subarray(16, 32)),
      groupField: header[68]!,
      group: header.toString("utf8", 71, groupEnd),
      sender: header.toString("utf8", groupEnd, groupEnd + header[70]!),
    },
  };
}

function readRecords(fd: number, at: number, mark: number): { bytes: Buffer; discarding: boolean } | undefined {
  const region = Buffer.allocUnsafeSlow(REGION_BYTES - HEADER_BYTES);
  let read = 0;
  // Reads no more than is needed: what is never touched of the buffer takes no memory.
  const has = (end: number) => {
    while (read < end && end <= region.length) {
      const n = readSync(fd, region, read, Math.min(READ_BYTES, region.length - read), at + HEADER_BYTES + read);
      if (n === 0) break;
      read += n;
    }
    return read >= end;
  };
  let from = 0;
  let to = 0;
  let discarding = false;
  while (has(from + RECORD_BYTES)) {
    const length = region.readUInt32BE(from + 4);
    const trailer = from + RECORD_BYTES + length;
    if (region.readUInt32BE(from) !== mark || !has(trailer + TRAILER_BYTES)) break;
    if (region.readUInt32BE(trailer) !== ~mark >>> 0 || region.readUInt32BE(trailer + 4) !== ~length >>> 0) break;
    discarding = region.readUInt32BE(from + 8) === 1;
    region.copyWithin(to, from + RECORD_BYTES, trailer);
    to += length;
    from = trailer + TRAILER_BYTES;
  }
  return from === 0 ? undefined : { bytes: region.subarray(0, to), discarding };
}
