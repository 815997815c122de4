/** The embedded engine: a segment log in a folder of its own; no other process. See docs/architecture.md, "Segment log". */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Batch } from "../../message/batch.ts";
import type { Delivery } from "../../message/delivery.ts";
import { reasonOf } from "../../message/error.ts";
import { groupMatcher } from "../../message/names.ts";
import type { Report } from "../../message/report.ts";
import { type FolderLock, lockFolder } from "../../segments/lock.ts";
import { SegmentLog } from "../../segments/log.ts";
import type { Bus, BusStatus, Cursor, Receipt, Subscription } from "../bus.ts";
import type { EmbeddedConfig } from "./config.ts";
import { Cursors } from "./cursors.ts";
import { BusState } from "./state.ts";

const RETIRED_INDEX_BYTES = 64 * 1024 * 1024;
const READ_BYTES = 1024 * 1024;
const EXPIRE_EVERY_MS = 60_000;

export interface EmbeddedDeps {
  /** µs since the epoch. */
  readonly nowUs: () => number;
  readonly report: Report;
}

export class EmbeddedBus implements Bus {
  readonly #config: EmbeddedConfig;
  readonly #report: Report;
  readonly #lock: FolderLock;
  readonly #statePath: string;
  readonly #cursors: Cursors;
  readonly #state: BusState;
  #log!: SegmentLog; // set by open, the only way to make one
  /** The last position that the snapshot on disk covers: nothing after it may be deleted. */
  #snapshotPosition = 0;
  /** Sequences that were handed to the log and are not yet settled, by producer. */
  readonly #pending = new Map<string, { sequence: number; settled: Promise<unknown> }>();
  #housekeeping: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  private constructor(folder: string, config: EmbeddedConfig, lock: FolderLock, deps: EmbeddedDeps) {
    this.#config = config;
    this.#report = deps.report;
    this.#lock = lock;
    this.#statePath = join(folder, "state");
    this.#cursors = new Cursors(join(folder, "cursors"));
    this.#state = new BusState(config.maxProducers);
  }

  /** Opens or creates the bus in `folder`. Throws FOLDER_LOCKED if another process has it. */
  static async open(folder: string, config: EmbeddedConfig, deps: EmbeddedDeps): Promise<EmbeddedBus> {
    const segments = join(folder, "segments");
    await mkdir(segments, { recursive: true, mode: 0o750 });
    const lock = lockFolder(folder);
    const bus = new EmbeddedBus(folder, config, lock, deps);
    try {
      bus.#log = await SegmentLog.open(segments, {
        fsync: config.fsync,
        fsyncIntervalMs: config.fsyncInterval,
        segmentBytes: config.segmentBytes,
        queueBytes: config.queueBytes,
        recentBytes: config.recentBytes,
        readBytes: READ_BYTES,
        retiredIndexBytes: RETIRED_INDEX_BYTES,
        nowUs: deps.nowUs,
        report: deps.report,
        onSeal: () => bus.#keepHouse(),
      });
      await bus.#restore();
      bus.#timer = setInterval(() => bus.#keepHouse(), EXPIRE_EVERY_MS).unref();
      bus.#keepHouse();
      return bus;
    } catch (thrown) {
      await bus.#log?.close();
      lock.release();
      throw thrown;
    }
  }

  /** Loads the snapshot and accounts for the records behind it. */
  async #restore(): Promise<void> {
    const found = await this.#state.load(this.#statePath);
    if (!found && this.#log.firstPosition > 1) {
      this.#report(
        "warn",
        "the snapshot of producers is missing: retries from before the oldest segment may be taken twice",
      );
    }
    if (this.#state.position > this.#log.lastPosition) {
      this.#report("warn", `the log ends at ${this.#log.lastPosition}, before the snapshot (${this.#state.position})`);
    }
    this.#snapshotPosition = this.#state.position;
    const next = Math.max(this.#state.position + 1, this.#log.firstPosition);
    if (next > this.#log.lastPosition) return;
    for await (const delivery of this.#log.read({ position: next }, () => true, false, new AbortController().signal)) {
      if (delivery.kind === "batch") this.#state.note(delivery);
    }
  }

  async publish(batch: Batch): Promise<Receipt> {
    const key = batch.producer.toString("latin1", 0, 16);
    const pending = this.#pending.get(key);
    if (batch.sequence <= this.#state.lastSequence(batch.producer)) return { kind: "duplicate" };
    if (pending !== undefined && batch.sequence <= pending.sequence) {
      // A second try while the first is being written: it is a duplicate if that succeeds, and the same failure if not.
      await pending.settled;
      return { kind: "duplicate" };
    }
    const appended = this.#log.append(batch);
    const entry = { sequence: batch.sequence, settled: appended };
    this.#pending.set(key, entry);
    try {
      const { position, busTimeUs } = await appended;
      this.#state.note({ kind: "batch", position, busTimeUs, batch });
      return { kind: "stored", position, busTimeUs };
    } finally {
      if (this.#pending.get(key) === entry) this.#pending.delete(key);
    }
  }

  subscribe(what: Subscription, signal: AbortSignal): AsyncIterable<Delivery> {
    return this.#log.read(what.from, groupMatcher(what.groups), what.follow, signal);
  }

  cursor(name: string): Cursor {
    return this.#cursors.get(name);
  }

  async status(): Promise<BusStatus> {
    return {
      firstPosition: this.#log.firstPosition,
      lastPosition: this.#log.lastPosition,
      bytes: this.#log.bytes,
      groups: this.#state.groups(),
    };
  }

  /** Deletes what retention allows, after a snapshot that covers it. Runs one at a time, in the background. */
  #keepHouse(): void {
    this.#housekeeping = this.#housekeeping.then(async () => {
      // On a full disk the snapshot may fail until something is deleted: so delete what the last one covers, and try again.
      if (!(await this.#writeSnapshot())) {
        await this.#expire();
        await this.#writeSnapshot();
      }
      await this.#expire();
    });
  }

  async #writeSnapshot(): Promise<boolean> {
    if (this.#state.position === this.#snapshotPosition) return true;
    try {
      this.#snapshotPosition = await this.#state.write(this.#statePath);
      return true;
    } catch (thrown) {
      this.#report("warn", `cannot write the snapshot of producers: ${reasonOf(thrown)}; retention waits for it`);
      return false;
    }
  }

  async #expire(): Promise<void> {
    try {
      const { bytes, age } = this.#config.retain;
      const gone = await this.#log.expire({ bytes, ageMs: age }, this.#snapshotPosition);
      if (gone)
        this.#report("info", `retention deleted positions ${gone.first} to ${gone.last}, ${gone.messages} messages`);
    } catch (thrown) {
      this.#report("error", `retention failed: ${reasonOf(thrown)}`);
    }
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#housekeeping;
    await this.#log.close();
    await this.#writeSnapshot();
    this.#lock.release();
  }
}
