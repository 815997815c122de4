/**
 * The one durable log: append, follow, recover, retain. The embedded bus and the publisher's spool are made of it.
 * What is on disk: see docs/architecture.md, "Segment log". A log belongs to one process; its owner locks the folder.
 */
import { type FileHandle, open, readdir, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Batch } from "../message/batch.ts";
import {
  type Delivery,
  decodeRecord,
  encodePlace,
  type From,
  type Gap,
  type PlacedBatch,
} from "../message/delivery.ts";
import { LogspreadError, reasonOf, systemCodeOf } from "../message/error.ts";
import type { Report } from "../message/report.ts";
import { syncFolder } from "./folder.ts";
import { DAMAGED, IndexTable } from "./index-table.ts";
import { Recent } from "./recent.ts";
import { readFully, scanSegment } from "./scan.ts";
import { readTable, Segment, unlinkIfThere } from "./segment.ts";
import { Wakeup } from "./wakeup.ts";

/** When an append is durable: `batch`: fdatasync before it resolves; `interval`: written, fdatasync now and then; `never`. */
export type Fsync = "batch" | "interval" | "never";

export interface SegmentLogOptions {
  readonly fsync: Fsync;
  /** Between two fdatasyncs in mode `interval`, ms. */
  readonly fsyncIntervalMs: number;
  /** A segment that has reached this size is sealed. */
  readonly segmentBytes: number;
  /** Most bytes of waiting appends; more are refused as BUSY. */
  readonly queueBytes: number;
  /** Bytes of the latest batches kept in memory for followers. */
  readonly recentBytes: number;
  /** Bytes of index files kept after their segment is deleted, so that gaps can be counted exactly. */
  readonly retiredIndexBytes: number;
  /** µs since the epoch. */
  readonly nowUs: () => number;
  readonly report: Report;
  /** Called after a segment was sealed, outside of any append. */
  readonly onSeal?: () => void;
}

export interface Place {
  readonly position: number;
  readonly busTimeUs: number;
}

/** What a deletion took away. */
export interface Deleted {
  readonly first: number;
  readonly last: number;
  readonly messages: number;
  readonly bytes: number;
}

/** Most that one group commit writes: bounds what a failure rejects, and how long a lone publish waits behind others. */
const MAX_COMMIT_BYTES = 8 * 1024 * 1024;
const READ_BYTES = 1024 * 1024;
/** Tables of sealed segments that stay in memory. */
const MAX_TABLES = 16;

interface Append {
  readonly kind: "append";
  readonly batch: Batch;
  resolve(place: Place): void;
  reject(error: Error): void;
}

interface Seal {
  readonly kind: "seal";
  resolve(): void;
  reject(error: Error): void;
}

export class SegmentLog {
  readonly folder: string;
  readonly #options: SegmentLogOptions;
  #segments: Segment[];
  #active: FileHandle;
  #recent: Recent;
  #appended = new Wakeup();
  #queue: (Append | Seal)[] = [];
  #queuedBytes = 0;
  #busy = false;
  #committing: Promise<void> = Promise.resolve();
  #lastTimeUs: number;
  #unsynced = false;
  #syncTimer: NodeJS.Timeout | undefined;
  #state: "open" | "closed" = "open";
  #closed = new AbortController();
  #deleting: Promise<unknown> = Promise.resolve();
  #sealedBytes = 0;
  #damaged = new Set<number>();

  private constructor(
    folder: string,
    segments: Segment[],
    active: FileHandle,
    lastTimeUs: number,
    o: SegmentLogOptions,
  ) {
    this.folder = folder;
    this.#options = o;
    this.#segments = segments;
    this.#active = active;
    this.#recent = new Recent(o.recentBytes);
    this.#lastTimeUs = lastTimeUs;
    this.#sealedBytes = segments.slice(0, -1).reduce((sum, s) => sum + s.size, 0);
    if (o.fsync === "interval") {
      this.#syncTimer = setInterval(() => void this.#syncNow(), o.fsyncIntervalMs).unref();
    }
  }

  /** Opens or creates the log in `folder`, which exists and is locked. Cuts a torn tail; reports damage and goes on. */
  static async open(folder: string, options: SegmentLogOptions): Promise<SegmentLog> {
    const names = (await readdir(folder)).filter((name) => /^\d{20}\.log$/.test(name)).sort();
    const segments = names.map((name) => new Segment(folder, Number(name.slice(0, 20))));
    for (const [i, segment] of segments.entries()) {
      segment.size = (await stat(segment.path)).size;
      if (i + 1 < segments.length) segment.next = segments[i + 1]!.first;
    }
    const last = segments.at(-1);
    if (last === undefined) {
      const active = await createSegment(folder, 1 + (await lastRetired(folder)));
      return new SegmentLog(folder, [active.segment], active.file, 0, options);
    }
    const file = await open(last.path, "r+");
    const scan = await scanSegment(file, last.first);
    for (const { at, bytes, positions } of scan.damage) {
      options.report(
        "error",
        `${last.path} is damaged at byte ${at}: ${bytes} bytes with ${positions} batches are skipped`,
      );
    }
    if (scan.tornBytes > 0) {
      options.report("warn", `cut ${scan.tornBytes} bytes of an unfinished write from the end of ${last.path}`);
      await file.truncate(scan.wholeBytes);
      await file.datasync();
    }
    last.useTable(scan.table);
    last.size = scan.wholeBytes;
    const lastTimeUs = await lastTime(segments, options.report);
    return new SegmentLog(folder, segments, file, lastTimeUs, options);
  }

  /** The first position that is kept; `lastPosition + 1` if none is. */
  get firstPosition(): number {
    return this.#segments[0]!.first;
  }

  /** The last durable position, 0 before the first. */
  get lastPosition(): number {
    return this.#activeTable.next - 1;
  }

  /** Bus time of the last position, µs. */
  get lastTimeUs(): number {
    return this.#lastTimeUs;
  }

  /** Bytes of the records on disk. */
  get bytes(): number {
    return this.#sealedBytes + this.#segments.at(-1)!.size;
  }

  /** Followers that wait at the end just now. */
  get waiting(): number {
    return this.#appended.waiting;
  }

  get #activeTable(): IndexTable {
    return this.#segments.at(-1)!.loadedTable!;
  }

  /**
   * Resolves with the batch's place when it is durable. Placed in the order of the calls. If a write fails, this and all
   * that wait behind it are rejected (DISK_FULL, DISK_FAILED), the file is cut back, and the log goes on.
   */
  append(batch: Batch): Promise<Place> {
    if (this.#state !== "open") return Promise.reject(closedError(this.folder));
    // Once full, everything is refused until it has drained: a producer's later batch must not slip in before an earlier one.
    if (this.#queuedBytes > this.#options.queueBytes) return Promise.reject(busyError(this.#queuedBytes));
    this.#queuedBytes += batch.frame.length;
    return new Promise((resolve, reject) => this.#enqueue({ kind: "append", batch, resolve, reject }));
  }

  /** Seals the active segment, if it holds anything, so that it can be deleted. */
  seal(): Promise<void> {
    if (this.#state !== "open") return Promise.reject(closedError(this.folder));
    return new Promise((resolve, reject) => this.#enqueue({ kind: "seal", resolve, reject }));
  }

  #enqueue(job: Append | Seal): void {
    this.#queue.push(job);
    if (this.#busy) return;
    this.#busy = true;
    // After the current turn, so that all publishes of one request share a commit.
    this.#committing = Promise.resolve().then(() => this.#commitAll());
  }

  async #commitAll(): Promise<void> {
    while (this.#queue.length > 0) {
      const jobs = this.#takeGroup();
      try {
        if (jobs[0]!.kind === "seal") {
          if (this.#activeTable.length > 0) await this.#roll();
          jobs[0]!.resolve();
        } else {
          await this.#commit(jobs as Append[]);
        }
      } catch (thrown) {
        const error = diskError(this.folder, thrown);
        for (const job of [...jobs, ...this.#queue.splice(0)]) job.reject(error);
        this.#queuedBytes = 0;
      }
    }
    this.#busy = false;
  }

  #takeGroup(): (Append | Seal)[] {
    let bytes = 0;
    let end = 0;
    for (const job of this.#queue) {
      if (job.kind === "seal") break;
      if (end > 0 && bytes + job.batch.frame.length > MAX_COMMIT_BYTES) break;
      bytes += job.batch.frame.length;
      end++;
    }
    return this.#queue.splice(0, Math.max(end, 1));
  }

  async #commit(jobs: Append[]): Promise<void> {
    if (this.#segments.at(-1)!.size >= this.#options.segmentBytes || !this.#activeTable.hasRoomForGroup)
      await this.#roll();
    const segment = this.#segments.at(-1)!;
    const table = this.#activeTable;
    const busTimeUs = Math.max(this.#lastTimeUs, this.#options.nowUs());
    const buffers: Buffer[] = [];
    let bytes = 0;
    for (const [i, { batch }] of jobs.entries()) {
      buffers.push(encodePlace(table.next + i, busTimeUs, batch.frame), batch.frame);
      bytes += batch.frame.length;
    }
    const end = await this.#write(segment, buffers);
    this.#lastTimeUs = busTimeUs;
    let at = segment.size;
    for (const { batch, resolve } of jobs) {
      const position = table.next;
      table.add(at, busTimeUs, batch.group, batch.count);
      at += buffers[0]!.length + batch.frame.length;
      this.#recent.add({ kind: "batch", position, busTimeUs, batch });
      resolve({ position, busTimeUs });
    }
    segment.size = end;
    this.#queuedBytes -= bytes;
    this.#appended.wake();
  }

  /** Writes and, in mode `batch`, syncs; returns the new size. On failure the file is as before, or no longer used. */
  async #write(segment: Segment, buffers: Buffer[]): Promise<number> {
    try {
      const end = await writeFully(this.#active, buffers, segment.size);
      if (this.#options.fsync === "batch") await this.#active.datasync();
      else this.#unsynced = true;
      return end;
    } catch (thrown) {
      await this.#cutBack(segment, thrown);
      throw thrown;
    }
  }

  async #cutBack(segment: Segment, failure: unknown): Promise<void> {
    this.#options.report("error", `cannot write ${segment.path}: ${reasonOf(failure)}`);
    try {
      await this.#active.truncate(segment.size);
      if (isFull(failure)) return;
    } catch (thrown) {
      this.#options.report("error", `cannot cut back ${segment.path}: ${reasonOf(thrown)}`);
    }
    // After a failed fsync nobody knows what the kernel kept: what was durable stays, the rest goes to a new file.
    await this.#roll();
  }

  async #roll(): Promise<void> {
    const old = this.#segments.at(-1)!;
    const next = this.#activeTable.next;
    if (next === old.first) {
      // Nothing durable is in it: begin the same file anew.
      const file = await open(old.path, "r+");
      await file.truncate(0);
      await this.#active.close();
      this.#active = file;
      return;
    }
    const fresh = await createSegment(this.folder, next);
    if (this.#options.fsync === "interval") await this.#syncNow();
    await this.#active.close();
    this.#active = fresh.file;
    await old.writeIndex(this.#options.report);
    this.#sealedBytes += old.size;
    this.#segments.push(fresh.segment);
    this.#limitTables();
    if (this.#options.onSeal) setImmediate(this.#options.onSeal);
  }

  #limitTables(): void {
    const loaded = this.#segments.slice(0, -1).filter((s) => s.loadedTable !== undefined);
    for (const segment of loaded.slice(0, -MAX_TABLES)) segment.forgetTable();
  }

  async #syncNow(): Promise<void> {
    if (!this.#unsynced) return;
    this.#unsynced = false;
    try {
      await this.#active.datasync();
    } catch (thrown) {
      this.#options.report("error", `cannot sync ${this.#segments.at(-1)!.path}: ${reasonOf(thrown)}`);
    }
  }

  /**
   * Every kept batch of the wanted groups from `from` on, in order, each once; what retention or damage has taken is told
   * as a gap with the exact number of wanted messages (as far as the index files of deleted segments go back). With
   * `follow` it waits at the end, else it ends there. Rejects once `signal` aborts, and with BUS_CLOSED at `close`.
   */
  async *read(
    from: From,
    wanted: (group: string) => boolean,
    follow: boolean,
    signal: AbortSignal,
  ): AsyncGenerator<Delivery> {
    const either = AbortSignal.any([signal, this.#closed.signal]);
    let next = await this.#startOf(from);
    for (;;) {
      either.throwIfAborted();
      if (next > this.lastPosition) {
        if (!follow) return;
        await this.#appended.wait(either);
        continue;
      }
      if (next < this.firstPosition) {
        const gap = await this.#retentionGap(next, wanted);
        next = gap.last + 1;
        if (gap.messages > 0) yield gap;
        continue;
      }
      const recent = this.#recent.get(next);
      if (recent !== undefined) {
        next++;
        if (wanted(recent.batch.group)) yield recent;
        continue;
      }
      for await (const delivery of this.#readSegment(next, wanted)) {
        either.throwIfAborted();
        if (delivery.kind === "end") next = delivery.next;
        else yield delivery;
      }
    }
  }

  async #startOf(from: From): Promise<number> {
    if (from === "first") return this.firstPosition;
    if (from === "new") return this.lastPosition + 1;
    if ("position" in from) {
      if (from.position <= this.lastPosition + 1) return from.position;
      throw new LogspreadError("BAD_ARGUMENT", {
        what: `cannot read from position ${from.position}`,
        why: `the last one is ${this.lastPosition}; the position is another bus's, or this one was replaced`,
        fix: "Start from first, new or a time, and delete the cursor that is ahead",
      });
    }
    // The last segment whose first batch is older: the time is in it, or begins the next one.
    let low = 0;
    let high = this.#segments.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      const table = await this.#tableOf(middle);
      if (table.length > 0 && table.timeOf(table.first) < from.timeUs) low = middle;
      else high = middle - 1;
    }
    return (await this.#tableOf(low)).positionAt(from.timeUs);
  }

  #tableOf(i: number): Promise<IndexTable> {
    const before = this.#segments[i + 1]?.first ?? Number.POSITIVE_INFINITY;
    return this.#segments[i]!.table(before, this.#options.report);
  }

  /** Reads one stretch of a segment from disk, about a megabyte, and tells where to go on. */
  async *#readSegment(
    from: number,
    wanted: (group: string) => boolean,
  ): AsyncGenerator<Delivery | { kind: "end"; next: number }> {
    const i = this.#segments.findLastIndex((s) => s.first <= from);
    const segment = this.#segments[i]!;
    const file = await segment.acquire();
    try {
      const table = await this.#tableOf(i);
      const last = table.next - 1;
      if (from > last) {
        // The segment lost its end to damage; the next one begins later.
        const resume = this.#segments[i + 1]?.first ?? from;
        yield { kind: "gap", first: from, last: resume - 1, messages: 0, reason: "damage" };
        yield { kind: "end", next: resume };
        return;
      }
      const isWanted = table.wantedAt(wanted);
      let start = from;
      while (start <= last && !isWanted(start)) start++;
      let end = start;
      const offset = start <= last ? table.offsetOf(start) : DAMAGED;
      while (end < last && isWanted(end + 1) && endOffset(table, end, segment.size) - offset < READ_BYTES) end++;
      if (start <= last) {
        const at = offset === DAMAGED ? segment.size : offset;
        const bytes = await readFully(file, at, Math.max(0, endOffset(table, end, segment.size) - at));
        for (let position = start; position <= end; position++) {
          yield this.#decode(segment, table, bytes, at, position);
        }
      }
      yield { kind: "end", next: start > last ? start : end + 1 };
    } catch (thrown) {
      if (!segment.deleted) throw thrown;
      // Retention was faster; the next round tells the gap.
      yield { kind: "end", next: from };
    } finally {
      await segment.release();
    }
  }

  #decode(segment: Segment, table: IndexTable, bytes: Buffer, start: number, position: number): PlacedBatch | Gap {
    const offset = table.offsetOf(position);
    try {
      if (offset !== DAMAGED) {
        const record = decodeRecord(bytes, offset - start, segment.path);
        if (record.kind === "batch" && record.position === position) return record;
      }
    } catch (thrown) {
      if (!this.#damaged.has(position))
        this.#options.report("error", `${segment.path} at byte ${offset}: ${reasonOf(thrown)}`);
    }
    this.#damaged.add(position);
    return { kind: "gap", first: position, last: position, messages: table.countOf(position), reason: "damage" };
  }

  /** Batches found damaged since the log was opened. */
  get damagedBatches(): number {
    return this.#damaged.size;
  }

  async #retentionGap(from: number, wanted: (group: string) => boolean): Promise<Gap> {
    const last = this.firstPosition - 1;
    let messages = 0;
    for (const path of await retiredIndexes(this.folder, this.firstPosition)) {
      const table = await readTable(path);
      if (table !== undefined && table.next > from) messages += table.messages(from, last, wanted);
    }
    return { kind: "gap", first: from, last, messages, reason: "retention" };
  }

  /** Deletes the sealed segments that hold nothing at or after `position`. */
  deleteBefore(position: number): Promise<Deleted | undefined> {
    return this.#delete((segment, next) => next <= position && segment.first < position);
  }

  /**
   * Deletes the oldest segment, sealing it first if it is the only one; `messages` counts those at `from` and later. For
   * a spool that must make room: what lies before `from` was forwarded.
   */
  async deleteOldest(from: number): Promise<Deleted | undefined> {
    if (this.#segments.length === 1) await this.seal();
    let taken = 0;
    return await this.#delete(() => taken++ === 0, from);
  }

  /**
   * Deletes the oldest sealed segments while the log is larger than `bytes`, and those whose last batch is older than
   * `ageMs`; never anything after position `upTo`. An active segment that is too old is sealed and goes as well.
   */
  async expire(
    limit: { bytes?: number | undefined; ageMs?: number | undefined },
    upTo: number,
  ): Promise<Deleted | undefined> {
    const oldest = this.#options.nowUs() - (limit.ageMs ?? Number.POSITIVE_INFINITY) * 1000;
    if (this.#activeTable.length > 0 && this.#lastTimeUs < oldest) await this.seal();
    let bytes = this.bytes;
    return await this.#delete(async (segment, next) => {
      if (next - 1 > upTo) return false;
      const table = await segment.table(next, this.#options.report);
      const tooOld = table.length === 0 || table.timeOf(table.next - 1) < oldest;
      if (!tooOld && bytes <= (limit.bytes ?? Number.POSITIVE_INFINITY)) return false;
      bytes -= segment.size;
      return true;
    });
  }

  /** Deletes sealed segments from the oldest on while `goes` says so. One deletion at a time. */
  #delete(
    goes: (segment: Segment, next: number) => boolean | Promise<boolean>,
    countFrom = 0,
  ): Promise<Deleted | undefined> {
    const deletion = this.#deleting.then(async () => {
      let sum: Deleted | undefined;
      while (this.#segments.length > 1 && (await goes(this.#segments[0]!, this.#segments[1]!.first))) {
        const segment = this.#segments[0]!;
        const table = await segment.table(this.#segments[1]!.first, this.#options.report);
        const keepIndex = this.#options.retiredIndexBytes > 0;
        if (keepIndex && (await readTable(segment.indexPath)) === undefined)
          await segment.writeIndex(this.#options.report);
        this.#segments.shift();
        this.#recent.dropBefore(this.firstPosition);
        this.#sealedBytes -= segment.size;
        await segment.delete(keepIndex);
        sum = {
          first: sum?.first ?? segment.first,
          last: this.firstPosition - 1,
          messages: (sum?.messages ?? 0) + table.messages(countFrom, table.next - 1, () => true),
          bytes: (sum?.bytes ?? 0) + segment.size,
        };
      }
      if (sum !== undefined && this.#options.retiredIndexBytes > 0) await this.#limitRetired();
      return sum;
    });
    this.#deleting = deletion.catch(() => undefined);
    return deletion;
  }

  async #limitRetired(): Promise<void> {
    let bytes = 0;
    for (const path of (await retiredIndexes(this.folder, this.firstPosition)).reverse()) {
      bytes += (await stat(path)).size;
      if (bytes > this.#options.retiredIndexBytes) await unlink(path);
    }
  }

  /** Waits for what is queued, syncs, and closes. Readers end with BUS_CLOSED. */
  async close(): Promise<void> {
    if (this.#state === "closed") return;
    this.#state = "closed";
    clearInterval(this.#syncTimer);
    await this.#committing;
    await this.#deleting;
    this.#closed.abort(closedError(this.folder));
    if (this.#options.fsync !== "never") await this.#syncNow();
    await this.#active.close();
  }
}

/** Where the record after `position` begins. */
function endOffset(table: IndexTable, position: number, size: number): number {
  for (let next = position + 1; next < table.next; next++) {
    const offset = table.offsetOf(next);
    if (offset !== DAMAGED) return offset;
  }
  return size;
}

async function createSegment(folder: string, first: number): Promise<{ segment: Segment; file: FileHandle }> {
  const segment = new Segment(folder, first);
  segment.useTable(new IndexTable(first));
  const file = await open(segment.path, "wx", 0o640);
  try {
    await syncFolder(folder);
  } catch (thrown) {
    await file.close();
    await unlinkIfThere(segment.path);
    throw thrown;
  }
  return { segment, file };
}

async function writeFully(file: FileHandle, buffers: Buffer[], at: number): Promise<number> {
  let rest = buffers;
  let position = at;
  while (rest.length > 0) {
    const { bytesWritten } = await file.writev(rest, position);
    position += bytesWritten;
    rest = after(rest, bytesWritten);
  }
  return position;
}

/** What is left of `buffers` after their first `bytes` bytes. */
function after(buffers: Buffer[], bytes: number): Buffer[] {
  let skip = bytes;
  for (const [i, buffer] of buffers.entries()) {
    if (skip < buffer.length) return [buffer.subarray(skip), ...buffers.slice(i + 1)];
    skip -= buffer.length;
  }
  return [];
}

async function lastTime(segments: readonly Segment[], report: Report): Promise<number> {
  for (let i = segments.length - 1; i >= 0; i--) {
    const table = await segments[i]!.table(segments[i + 1]?.first ?? Number.POSITIVE_INFINITY, report);
    if (table.length > 0) return table.timeOf(table.next - 1);
  }
  return 0;
}

/** Index files whose segment is gone, oldest first. */
async function retiredIndexes(folder: string, firstPosition: number): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => /^\d{20}\.index$/.test(name)).sort();
  return names.filter((name) => Number(name.slice(0, 20)) < firstPosition).map((name) => join(folder, name));
}

/** The last position that index files of deleted segments tell of: positions are never given twice. */
async function lastRetired(folder: string): Promise<number> {
  const path = (await retiredIndexes(folder, Number.POSITIVE_INFINITY)).at(-1);
  const table = path === undefined ? undefined : await readTable(path);
  return table === undefined ? 0 : table.next - 1;
}

function isFull(thrown: unknown): boolean {
  return ["ENOSPC", "EDQUOT", "EFBIG"].includes(systemCodeOf(thrown) ?? "");
}

function diskError(folder: string, cause: unknown): LogspreadError {
  if (cause instanceof LogspreadError) return cause;
  const [code, fix] = isFull(cause)
    ? (["DISK_FULL", "Make room or lower the retention; it is tried again with the next publish"] as const)
    : (["DISK_FAILED", "Look at the kernel's log; it is tried again with the next publish"] as const);
  return new LogspreadError(code, { what: `cannot write to ${folder}`, why: reasonOf(cause), fix }, { cause });
}

function busyError(bytes: number): LogspreadError {
  return new LogspreadError("BUSY", {
    what: "cannot take more",
    why: `${bytes} bytes wait to be written`,
    fix: "Send it again a little later",
  });
}

function closedError(folder: string): LogspreadError {
  return new LogspreadError("BUS_CLOSED", {
    what: `${folder} is closed`,
    why: "the node is stopping",
    fix: "Send it again",
  });
}
