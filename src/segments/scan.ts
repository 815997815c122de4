/** Reads a segment through, as is done at start with those that have no index: what is whole, what is damaged, what is torn. */
import type { FileHandle } from "node:fs/promises";
import { DELIVERY_HEADER_BYTES, decodeRecord, type PlacedBatch, recordLength } from "../message/delivery.ts";
import { DAMAGED, IndexTable } from "./index-table.ts";

const CHUNK_BYTES = 1024 * 1024;
const MAGIC_BYTES = Buffer.from("LSB1", "latin1");

/** More positions than this cannot have stood in a damaged stretch: a candidate so far ahead is chance, not a record. */
const MAX_MISSING = 1_000_000;

export interface Scan {
  readonly table: IndexTable;
  /** Bytes up to the end of the last whole record; what follows is a torn tail. */
  readonly wholeBytes: number;
  readonly tornBytes: number;
  /** Damaged stretches with whole records behind them. */
  readonly damage: readonly { readonly at: number; readonly bytes: number; readonly positions: number }[];
}

/**
 * Scans a segment whose first position is `first`. Records at position `before` or later are not taken: the next segment
 * has them, what stands here was never acknowledged.
 */
export async function scanSegment(file: FileHandle, first: number, before = Number.POSITIVE_INFINITY): Promise<Scan> {
  const table = new IndexTable(first);
  const size = (await file.stat()).size;
  const window = new Window(file, size);
  const damage: { at: number; bytes: number; positions: number }[] = [];
  let at = 0;
  while (at < size) {
    let record = await recordAt(window, at, table.next, before);
    if (record === undefined) {
      const found = await nextRecord(window, at + 1, table.next, before);
      if (found === undefined) break;
      damage.push({ at, bytes: found.at - at, positions: found.record.position - table.next });
      at = found.at;
      record = found.record;
    }
    while (table.next < record.position) table.add(DAMAGED, record.busTimeUs, record.batch.group, 0);
    table.add(at, record.busTimeUs, record.batch.group, record.batch.count);
    at += DELIVERY_HEADER_BYTES + record.batch.frame.length;
  }
  return { table, wholeBytes: at, tornBytes: size - at, damage };
}

/** The whole record at `at`, if there is one and its position can stand there. */
async function recordAt(window: Window, at: number, next: number, before: number): Promise<PlacedBatch | undefined> {
  try {
    const length = recordLength(await window.from(at, DELIVERY_HEADER_BYTES + 4));
    if (length === undefined || at + length > window.size) return undefined;
    const record = decodeRecord((await window.from(at, length)).subarray(0, length));
    if (record.kind !== "batch" || record.position < next || record.position - next > MAX_MISSING) return undefined;
    return record.position < before ? record : undefined;
  } catch (thrown) {
    if ((thrown as { code?: unknown }).code === "BAD_FRAME") return undefined;
    throw thrown;
  }
}

async function nextRecord(window: Window, from: number, next: number, before: number) {
  for (let at = from; at + MAGIC_BYTES.length <= window.size; ) {
    const bytes = await window.from(at, CHUNK_BYTES);
    const found = bytes.indexOf(MAGIC_BYTES);
    if (found === -1) {
      at += Math.max(1, bytes.length - MAGIC_BYTES.length + 1);
      continue;
    }
    const record = await recordAt(window, at + found, next, before);
    if (record !== undefined) return { at: at + found, record };
    at += found + 1;
  }
  return undefined;
}

/** A part of the file in memory, moved along as it is read. */
class Window {
  readonly size: number;
  #file: FileHandle;
  #start = 0;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.size = size;
  }

  /** Bytes from `at` on: `want` of them or more, fewer only at the end of the file. */
  async from(at: number, want: number): Promise<Buffer> {
    const end = Math.min(at + want, this.size);
    if (at < this.#start || end > this.#start + this.#bytes.length) {
      this.#start = at;
      this.#bytes = await readFully(this.#file, at, Math.min(Math.max(want, CHUNK_BYTES), this.size - at));
    }
    return this.#bytes.subarray(at - this.#start);
  }
}

/** Reads `length` bytes at `at`, fewer only at the end of the file. */
export async function readFully(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, length - done, at + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}
