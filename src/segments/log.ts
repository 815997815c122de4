/**
 * The one durable log: append, follow, recover, retain. The embedded bus and the publisher's spool are made of it.
 * What is on disk: see docs/architecture.md, "Segment log". A log belongs to one process; its owner locks the folder.
 */
import { type FileHandle, open } from "node:fs/promises";
import type { Batch } from "../message/batch.ts";
import { type Delivery, encodePlace, type From } from "../message/delivery.ts";
import { LogspreadError, reasonOf, systemCodeOf } from "../message/error.ts";
import type { Report } from "../message/report.ts";
import { Reader } from "./reader.ts";
import { Recent } from "./recent.ts";
import { type Deleted, Retention } from "./retention.ts";
import type { Segment } from "./segment.ts";
import { createSegment, SegmentList } from "./segment-list.ts";
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
  /** Bytes of the latest batches kept in memory for followers; 0 keeps none, so that the caller may do with them as it likes. */
  readonly recentBytes: number;
  /** About so much is read from disk at a time. */
  readonly readBytes: number;
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

/** Most that one group commit writes: bounds what a failure rejects, and how long a lone publish waits behind others. */
const MAX_COMMIT_BYTES = 8 * 1024 * 1024;

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
  readonly #options: SegmentLogOptions;
  readonly #list: SegmentList;
  #active: FileHandle;
  readonly #recent: Recent;
  readonly #appended = new Wakeup();
  readonly #reader: Reader;
  readonly #retention: Retention;
  #queue: (Append | Seal)[] = [];
  #queuedBytes = 0;
  #busy = false;
  #committing: Promise<void> = Promise.resolve();
  #lastTimeUs: number;
  #unsynced = false;
  #syncTimer: NodeJS.Timeout | undefined;
  #state: "open" | "closed" = "open";
  readonly #closed = new AbortController();

  private constructor(list: SegmentList, active: FileHandle, lastTimeUs: number, options: SegmentLogOptions) {
    this.#options = options;
    this.#list = list;
    this.#active = active;
    this.#lastTimeUs = lastTimeUs;
    this.#recent = new Recent(options.recentBytes);
    this.#reader = new Reader(list, this.#recent, this.#appended, options.readBytes, options.report);
    this.#retention = new Retention(list, this.#recent, options.retiredIndexBytes, options.report);
    if (options.fsync === "interval") {
      this.#syncTimer = setInterval(() => void this.#syncNow(), options.fsyncIntervalMs).unref();
    }
  }

  /** Opens or creates the log in `folder`, which exists and is locked. Cuts a torn tail; reports damage and goes on. */
  static async open(folder: string, options: SegmentLogOptions): Promise<SegmentLog> {
    const { list, active } = await SegmentList.open(folder, options.report);
    return new SegmentLog(list, active, await list.lastTimeUs(), options);
  }

  /** The first position that is kept; `lastPosition + 1` if none is. */
  get firstPosition(): number {
    return this.#list.firstPosition;
  }

  /** The last durable position, 0 before the first. */
  get lastPosition(): number {
    return this.#list.lastPosition;
  }

  /** Bytes of the records on disk. */
  get bytes(): number {
    return this.#list.bytes;
  }

  /**
   * Resolves with the batch's place when it is durable. Placed in the order of the calls. If a write fails, this and all
   * that wait behind it are rejected (DISK_FULL, DISK_FAILED), the file is cut back, and the log goes on.
   */
  append(batch: Batch): Promise<Place> {
    if (this.#state !== "open") return Promise.reject(closedError(this.#list.folder));
    // Once full, everything is refused until it has drained: a producer's later batch must not slip in before an earlier one.
    if (this.#queuedBytes > this.#options.queueBytes) return Promise.reject(busyError(this.#queuedBytes));
    this.#queuedBytes += batch.frame.length;
    return new Promise((resolve, reject) => this.#enqueue({ kind: "append", batch, resolve, reject }));
  }

  /** Seals the active segment, if it holds anything, so that it can be deleted. */
  seal(): Promise<void> {
    if (this.#state !== "open") return Promise.reject(closedError(this.#list.folder));
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
          if (this.#list.activeTable.length > 0) await this.#roll();
          jobs[0]!.resolve();
        } else {
          await this.#commit(jobs as Append[]);
        }
      } catch (thrown) {
        const error = diskError(this.#list.folder, thrown);
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
    const isFull = this.#list.active.size >= this.#options.segmentBytes || !this.#list.activeTable.hasRoomForGroup;
    if (isFull) await this.#roll();
    const segment = this.#list.active;
    const table = this.#list.activeTable;
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
      if (isDiskFull(failure)) return;
    } catch (thrown) {
      this.#options.report("error", `cannot cut back ${segment.path}: ${reasonOf(thrown)}`);
    }
    // After a failed fsync nobody knows what the kernel kept: what was durable stays, the rest goes to a new file.
    await this.#roll();
  }

  async #roll(): Promise<void> {
    const old = this.#list.active;
    const next = this.#list.activeTable.next;
    if (next === old.first) {
      // Nothing durable is in it: begin the same file anew.
      const file = await open(old.path, "r+");
      await file.truncate(0);
      await this.#active.close();
      this.#active = file;
      return;
    }
    const fresh = await createSegment(this.#list.folder, next);
    if (this.#options.fsync === "interval") await this.#syncNow();
    await this.#active.close();
    this.#active = fresh.file;
    await old.writeIndex(this.#options.report);
    this.#list.push(fresh.segment);
    if (this.#options.onSeal) setImmediate(this.#options.onSeal);
  }

  async #syncNow(): Promise<void> {
    if (!this.#unsynced) return;
    this.#unsynced = false;
    try {
      await this.#active.datasync();
    } catch (thrown) {
      this.#options.report("error", `cannot sync ${this.#list.active.path}: ${reasonOf(thrown)}`);
    }
  }

  /**
   * Every kept batch of the wanted groups from `from` on, in order, each once; what retention or damage has taken is told
   * as a gap with the exact number of wanted messages (as far as the index files of deleted segments go back). With
   * `follow` it waits at the end, else it ends there. Rejects once `signal` aborts, and with BUS_CLOSED at `close`.
   */
  read(from: From, wanted: (group: string) => boolean, follow: boolean, signal: AbortSignal): AsyncGenerator<Delivery> {
    return this.#reader.read(from, wanted, follow, AbortSignal.any([signal, this.#closed.signal]));
  }

  /** Deletes the sealed segments that hold nothing at or after `position`. */
  deleteBefore(position: number): Promise<Deleted | undefined> {
    return this.#retention.delete((_, last) => last < position);
  }

  /**
   * Deletes the oldest segment, sealing it first if it is the only one; `messages` counts those at `from` and later. For
   * a spool that must make room: what lies before `from` was forwarded.
   */
  async deleteOldest(from: number): Promise<Deleted | undefined> {
    if (this.#list.length === 1) await this.seal();
    let taken = 0;
    return await this.#retention.delete(() => taken++ === 0, from);
  }

  /**
   * Deletes the oldest segments while the log is larger than `bytes`, and those whose last batch is older than `ageMs`;
   * never anything after position `upTo`. An active segment that is too old is sealed and goes as well.
   */
  async expire(limit: { bytes: number; ageMs: number }, upTo: number): Promise<Deleted | undefined> {
    const oldestUs = this.#options.nowUs() - limit.ageMs * 1000;
    if (this.#list.activeTable.length > 0 && this.#lastTimeUs < oldestUs) await this.seal();
    let { bytes } = this;
    return await this.#retention.delete(async (segment, last) => {
      if (last > upTo) return false;
      const table = await this.#list.table(0);
      const tooOld = table.length === 0 || table.timeOf(table.next - 1) < oldestUs;
      if (!tooOld && bytes <= limit.bytes) return false;
      bytes -= segment.size;
      return true;
    });
  }

  /** Waits for what is queued, syncs, and closes. Readers end with BUS_CLOSED. */
  async close(): Promise<void> {
    if (this.#state === "closed") return;
    this.#state = "closed";
    clearInterval(this.#syncTimer);
    await this.#committing;
    await this.#retention.settled();
    this.#closed.abort(closedError(this.#list.folder));
    if (this.#options.fsync !== "never") await this.#syncNow();
    await this.#active.close();
  }
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

function isDiskFull(thrown: unknown): boolean {
  return ["ENOSPC", "EDQUOT", "EFBIG"].includes(systemCodeOf(thrown) ?? "");
}

function diskError(folder: string, cause: unknown): LogspreadError {
  if (cause instanceof LogspreadError) return cause;
  const [code, fix] = isDiskFull(cause)
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
