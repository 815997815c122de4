/**
 * A publisher's store in front of a remote bus: batches are appended to a segment log and forwarded from there in order.
 * While nothing is behind, batches also stay in memory until they are sent, so that the log is only written, not read.
 *
 * Positions, from the oldest to the newest:
 *
 *     forwarded ......... | in flight ............... | waiting ...................... |
 *               acknowledged                      taken                       last position of the log
 *
 * `taken` batches are in memory: what the full spool drops is dropped behind `taken`, so that every message is either
 * sent or counted as dropped, never both. Where the disk cannot be written, a short queue in memory takes its place.
 */
import type { Batch, Loss, LossReason } from "../../message/batch.ts";
import { LogspreadError, reasonOf } from "../../message/error.ts";
import type { Report } from "../../message/report.ts";
import { SegmentLog } from "../../segments/log.ts";
import type { Bus } from "../bus.ts";
import { ForwardMark } from "./forward-mark.ts";
import { Losses } from "./losses.ts";
import type { OnFull } from "./on-full.ts";
import { isRefusal, Refused } from "./refused.ts";

export interface SpoolOptions {
  /** Where it is kept (the caller holds the folder's lock); undefined: in memory only. */
  readonly folder: string | undefined;
  readonly maxBytes: number;
  readonly onFull: OnFull;
  readonly nowUs: () => number;
  readonly report: Report;
  /** Told of a batch that nothing here holds on to any more: the bus has it, or it is read from the log again. */
  readonly onLetGo?: (batch: Batch) => void;
}

/** Batches kept in memory for the forwarder while it keeps up; behind that it reads the log. */
const LIVE_BYTES = 512 * 1024;
/** Most that is handed to the bus and not yet acknowledged. */
const WINDOW_BYTES = 512 * 1024;
/** Most that is kept while the disk cannot be written. */
const MEMORY_BYTES = 2 * 1024 * 1024;
const SEGMENT_BYTES = 8 * 1024 * 1024;
/** One record at a time: then each has memory of its own, which can be given back when it is sent. */
const READ_BYTES = 1;
const NO_LIMIT = () => true;

/** Why forwarding ends, once it does. */
interface End {
  why: unknown;
}

interface Waiting {
  /** In the log; 0: only in memory. */
  readonly position: number;
  readonly batch: Batch;
}

export class Spool {
  #log: SegmentLog | undefined;
  #mark: ForwardMark | undefined;
  #options: SpoolOptions;
  #losses = new Losses();
  #refused: Refused;
  #acknowledged: number;
  #taken: number;
  /** Consecutive batches from `taken` on; not always up to the log's last one. */
  #live: Waiting[] = [];
  #liveBytes = 0;
  /** What could not be written to the log: behind everything in it. */
  #memory: Waiting[] = [];
  #memoryBytes = 0;
  #inFlightBytes = 0;
  #appending = 0;
  #appends: Promise<void> = Promise.resolve();
  #forwardedSince = 0;
  #idleListeners: (() => void)[] = [];
  #movements: (() => void)[] = [];
  #closing = false;
  #closed = false;
  #lastAppended: Pick<Batch, "producer" | "sequence"> | undefined;

  private constructor(
    options: SpoolOptions,
    log: SegmentLog | undefined,
    mark: ForwardMark | undefined,
    lastAppended: Pick<Batch, "producer" | "sequence"> | undefined,
  ) {
    this.#options = options;
    this.#log = log;
    this.#mark = mark;
    this.#lastAppended = lastAppended;
    this.#refused = new Refused(options.folder, options.report);
    const forwarded = Math.min(mark?.forwarded.position ?? 0, log?.lastPosition ?? 0);
    this.#acknowledged = Math.max(forwarded, (log?.firstPosition ?? 1) - 1);
    this.#taken = this.#acknowledged;
  }

  static async open(options: SpoolOptions): Promise<Spool> {
    if (options.folder === undefined) return new Spool(options, undefined, undefined, undefined);
    const mark = ForwardMark.open(options.folder);
    try {
      const log = await SegmentLog.open(options.folder, {
        fsync: "never",
        fsyncIntervalMs: 0,
        // Room is made by whole segments, so a small spool has small ones.
        segmentBytes: Math.min(SEGMENT_BYTES, Math.ceil(options.maxBytes / 8)),
        queueBytes: Number.POSITIVE_INFINITY,
        recentBytes: 0,
        readBytes: READ_BYTES,
        retiredIndexBytes: 0,
        nowUs: options.nowUs,
        report: options.report,
      });
      mark.write({ ...mark.forwarded, clean: false });
      return new Spool(options, log, mark, (await lastBatch(log)) ?? mark.forwarded.last);
    } catch (thrown) {
      mark.close();
      throw thrown;
    }
  }

  /** The batch that was appended last, by this publisher or an earlier holder of the folder. */
  get lastAppended(): Pick<Batch, "producer" | "sequence"> | undefined {
    return this.#lastAppended;
  }

  get refused(): { messages: number; lost: number } {
    return this.#refused.counts;
  }

  losses(): readonly Loss[] {
    return this.#losses.list;
  }

  /** Batches that are not yet acknowledged; those in the log are counted as positions. */
  get backlog(): number {
    return this.#lastPosition - this.#acknowledged + this.#memory.length + this.#appending;
  }

  /** Messages that are in memory only: lost if the process ends now. */
  get messagesInMemory(): number {
    return this.#memory.reduce((sum, { batch }) => sum + batch.count, 0);
  }

  get idle(): boolean {
    return this.#inFlightBytes === 0 && this.backlog === 0;
  }

  onIdle(listener: () => void): void {
    this.#idleListeners.push(listener);
  }

  get #lastPosition(): number {
    return this.#log?.lastPosition ?? 0;
  }

  /** Resolves when the batch is kept, or counted as lost. In the order of the calls. */
  publish(batch: Batch): Promise<void> {
    this.#appending++;
    this.#appends = this.#appends.then(async () => {
      try {
        await this.#append(batch);
      } finally {
        this.#appending--;
        this.#move();
      }
    });
    return this.#appends;
  }

  async #append(batch: Batch): Promise<void> {
    // What waits in memory is older than this batch, which must not overtake it.
    if (this.#log === undefined || this.#memory.length > 0) return await this.#keepInMemory(batch);
    try {
      if (!(await this.#makeRoom(this.#log, batch))) return;
      const { position } = await this.#log.append(batch);
      this.#lastAppended = { producer: Buffer.from(batch.producer), sequence: batch.sequence };
      if (!this.#addLive(position, batch)) this.#options.onLetGo?.(batch);
    } catch (thrown) {
      if (this.#closing) throw thrown;
      this.#options.report("error", `cannot write the spool, going on in memory: ${reasonOf(thrown)}`);
      await this.#keepInMemory(batch);
    }
  }

  /** Makes room in the log by the policy; false if the batch was dropped instead. */
  async #makeRoom(log: SegmentLog, batch: Batch): Promise<boolean> {
    const { maxBytes, onFull } = this.#options;
    while (log.bytes + batch.frame.length > maxBytes) {
      const before = log.bytes;
      if (this.#acknowledged === log.lastPosition) await log.seal();
      await log.deleteBefore(this.#acknowledged + 1);
      if (log.bytes < before) continue;
      // Larger than the whole spool: the only way on is to take it.
      if (log.bytes === 0) break;
      if (onFull === "drop-newest") {
        this.#drop("spool-full-dropped-newest", batch.count);
        return false;
      }
      if (onFull === "block") {
        await this.#untilRoom();
        continue;
      }
      const deleted = await log.deleteOldest(this.#taken + 1);
      if (deleted === undefined) break;
      this.#drop("spool-full-dropped-oldest", deleted.messages);
      this.#forgetBefore(deleted.last + 1);
    }
    return true;
  }

  async #keepInMemory(batch: Batch): Promise<void> {
    while (this.#memoryBytes + batch.frame.length > MEMORY_BYTES && this.#memory.length > 0) {
      if (this.#options.onFull === "drop-newest") return this.#drop("spool-failed", batch.count);
      if (this.#options.onFull === "drop-oldest") {
        const oldest = this.#memory.shift()!;
        this.#memoryBytes -= oldest.batch.frame.length;
        this.#drop("spool-failed", oldest.batch.count);
      } else await this.#untilRoom();
    }
    this.#memory.push({ position: 0, batch });
    this.#memoryBytes += batch.frame.length;
  }

  /** Waits for something to move. A batch that still waits at the end is not taken: its input keeps it. */
  async #untilRoom(): Promise<void> {
    if (!this.#closing) await this.#movement();
    if (!this.#closing) return;
    throw new LogspreadError("BUS_CLOSED", {
      what: "a batch was not taken",
      why: "the spool is full, and closing",
      fix: "Start the publisher again when a node answers",
    });
  }

  #drop(reason: LossReason, messages: number): void {
    if (messages === 0) return;
    this.#losses.add(reason, messages);
    const what = reason === "spool-failed" ? "the spool cannot be written and memory is full" : "the spool is full";
    const which = reason === "spool-full-dropped-newest" ? "newest" : "oldest";
    this.#options.report("warn", `${what}: dropping the ${which} lines`, { dropped: this.#losses.messages });
  }

  /** False if the forwarder is behind, or the memory is full: then it reads the log when it gets there. */
  #addLive(position: number, batch: Batch): boolean {
    const before = this.#live.at(-1)?.position ?? this.#taken;
    if (before !== position - 1 || this.#liveBytes + batch.frame.length > LIVE_BYTES) return false;
    this.#live.push({ position, batch });
    this.#liveBytes += batch.frame.length;
    return true;
  }

  /** The log has lost everything before `position`. */
  #forgetBefore(position: number): void {
    while (this.#live.length > 0 && this.#live[0]!.position < position) {
      this.#liveBytes -= this.#live.shift()!.batch.frame.length;
    }
    if (this.#taken < position - 1) this.#taken = position - 1;
    // What was dropped needs no acknowledgement, unless something older is still on its way.
    if (this.#inFlightBytes === 0 && this.#acknowledged < this.#taken) this.#acknowledged = this.#taken;
  }

  /** Sends everything to `bus`, in order, until `signal` aborts or the bus is closed: then it rejects. One at a time. */
  async forward(bus: Bus, signal: AbortSignal): Promise<void> {
    const end: End = { why: undefined };
    const abort = () => this.#endForward(end, signal.reason);
    signal.throwIfAborted();
    signal.addEventListener("abort", abort, { once: true });
    try {
      for (;;) {
        while (end.why === undefined && this.#inFlightBytes > WINDOW_BYTES) await this.#movement();
        if (end.why !== undefined) throw end.why;
        const live = this.#live[0];
        if (live !== undefined && live.position === this.#taken + 1) {
          this.#live.shift();
          this.#liveBytes -= live.batch.frame.length;
          this.#send(bus, live, end);
        } else if (this.#taken < this.#lastPosition) {
          await this.#sendFromLog(bus, this.#log!, end, signal);
        } else if (this.#memory.length > 0) {
          const kept = this.#memory.shift()!;
          this.#memoryBytes -= kept.batch.frame.length;
          this.#send(bus, kept, end);
        } else {
          await this.#movement();
        }
      }
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  #endForward(end: End, why: unknown): void {
    end.why ??= why;
    this.#move();
  }

  /** Sends what is in the log and not in memory. */
  async #sendFromLog(bus: Bus, log: SegmentLog, end: End, signal: AbortSignal): Promise<void> {
    for await (const delivery of log.read({ position: this.#taken + 1 }, NO_LIMIT, false, signal)) {
      if (delivery.kind === "gap") {
        // Damage, which the log has reported.
        this.#taken = Math.max(this.#taken, delivery.last);
        continue;
      }
      const { position, batch } = delivery;
      // Dropped while it was read: it is counted as lost.
      if (position <= this.#taken) continue;
      this.#send(bus, { position, batch }, end);
      while (end.why === undefined && this.#inFlightBytes > WINDOW_BYTES) await this.#movement();
      if (end.why !== undefined || this.#live[0]?.position === this.#taken + 1) return;
    }
    this.#settle();
    this.#move();
  }

  #send(bus: Bus, waiting: Waiting, end: End): void {
    const { position, batch } = waiting;
    if (position > 0) this.#taken = position;
    this.#inFlightBytes += batch.frame.length;
    bus.publish(batch).then(
      () => {
        this.#acknowledge(position, batch);
        this.#options.onLetGo?.(batch);
      },
      (thrown) => {
        if (isRefusal(thrown)) {
          this.#refused.setAside(batch, reasonOf(thrown));
          this.#acknowledge(position, batch);
          return;
        }
        // Not sent, and it stays so: the mark stays before it, and memory keeps what only memory has.
        this.#inFlightBytes -= batch.frame.length;
        if (position === 0) this.#keepAgain(waiting);
        this.#endForward(end, thrown);
      },
    );
  }

  #keepAgain(waiting: Waiting): void {
    this.#memory.unshift(waiting);
    this.#memoryBytes += waiting.batch.frame.length;
  }

  #acknowledge(position: number, batch: Batch): void {
    // Too late to be written down: it is sent again, and known.
    if (this.#closed) return;
    this.#inFlightBytes -= batch.frame.length;
    if (position > 0) {
      this.#acknowledged = position;
      this.#forwardedSince += batch.frame.length;
      this.#writeMark({ position, last: batch, clean: false });
      if (this.#log !== undefined && this.#forwardedSince > SEGMENT_BYTES) {
        this.#forwardedSince = 0;
        this.#log.deleteBefore(position + 1).catch((thrown) => {
          this.#options.report("warn", `cannot delete what was forwarded: ${reasonOf(thrown)}`);
        });
      }
    }
    this.#settle();
    this.#move();
  }

  /** Everything that was taken is done with, also what was dropped or damaged behind the last acknowledgement. */
  #settle(): void {
    if (this.#inFlightBytes === 0 && this.#acknowledged < this.#taken) this.#acknowledged = this.#taken;
  }

  #writeMark(forwarded: Parameters<ForwardMark["write"]>[0]): void {
    try {
      this.#mark?.write(forwarded);
    } catch (thrown) {
      this.#options.report("warn", `cannot write down how far the spool is forwarded: ${reasonOf(thrown)}`);
    }
  }

  /** Resolves when something has been kept, acknowledged or dropped. */
  #movement(): Promise<void> {
    return new Promise((resolve) => this.#movements.push(resolve));
  }

  #move(): void {
    for (const resolve of this.#movements.splice(0)) resolve();
    if (this.idle) for (const listener of this.#idleListeners) listener();
  }

  /** Resolves when `input` has resolved and everything is acknowledged, or when nothing has moved for `patienceMs`. */
  async drained(input: Promise<unknown>, patienceMs: number): Promise<"drained" | "stuck"> {
    let over = false;
    const ended = () => {
      over = true;
      this.#move();
    };
    input.then(ended, ended);
    while (!over || !this.idle) {
      let timer: NodeJS.Timeout | undefined;
      const stuck = new Promise<"stuck">((resolve) => {
        timer = setTimeout(resolve, patienceMs, "stuck");
      });
      const moved = await Promise.race([this.#movement(), stuck]);
      clearTimeout(timer);
      if (moved === "stuck") return "stuck";
    }
    return "drained";
  }

  /** Closes the log; the caller has ended `forward` before. `clean`: nothing is left of the input either. */
  async close(clean: boolean): Promise<void> {
    this.#closing = true;
    this.#move();
    await this.#appends.catch(() => {});
    if (this.#mark !== undefined) {
      const done = clean && this.idle;
      if (done && this.#log !== undefined) {
        await this.#log.seal();
        await this.#log.deleteBefore(this.#acknowledged + 1);
      }
      this.#writeMark({ position: this.#acknowledged, last: this.#mark.forwarded.last, clean: done });
      this.#mark.close();
    }
    this.#closed = true;
    await this.#log?.close();
  }
}

async function lastBatch(log: SegmentLog): Promise<Batch | undefined> {
  if (log.lastPosition < log.firstPosition) return undefined;
  const signal = new AbortController().signal;
  for await (const delivery of log.read({ position: log.lastPosition }, NO_LIMIT, false, signal)) {
    if (delivery.kind === "batch") return delivery.batch;
  }
  return undefined;
}
