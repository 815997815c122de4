/** What the file output does in its thread: read on, write, and begin again after a failure of the disk. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Bus } from "../../bus/bus.ts";
import type { Batch } from "../../message/batch.ts";
import { openBody } from "../../message/body.ts";
import type { From } from "../../message/delivery.ts";
import { LogspreadError, reasonOf } from "../../message/error.ts";
import { Opener } from "../../message/opener.ts";
import type { Report } from "../../message/report.ts";
import type { NamedFilesConfig } from "./config.ts";
import type { FilesCounters } from "./counters.ts";
import { EventOrder } from "./event-order.ts";
import { Journal } from "./journal.ts";
import type { Parcel, Place } from "./parcel.ts";
import { type Opened, ReadAhead } from "./read-ahead.ts";
import { BEGINNING } from "./recover.ts";
import { Sorter } from "./sorter.ts";
import { FileWriter } from "./writer.ts";

/** What a file output needs besides its configuration and the bus. */
export interface FilesDeps {
  /** The node's folder for its own state; the journal is `<name>.journal` in it. One output at a time may use it. */
  readonly stateFolder: string;
  /** Changes with each start of the machine: /proc/sys/kernel/random/boot_id. */
  readonly bootId: string;
  /** Kept up to date by the output, read by whoever wants to know. */
  readonly counters: FilesCounters;
  readonly report: Report;
  /** An event "reopen" makes the output close its files and open them by their paths (SIGHUP); `counters.reopens` tells when it has. */
  readonly reopen: EventTarget;
}

/** Bytes taken from the read-ahead at once. */
const TAKE_BYTES = 4 * 1024 * 1024;
const MIN_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 10_000;
const REPORT_EVERY_MS = 30_000;

/**
 * Writes what the bus has to files until `signal` aborts (then rejects with its reason, everything written being durable)
 * or the subscription ends. While the disk refuses, it waits and tries again; nothing is lost or written twice.
 */
export async function writeFiles(
  config: NamedFilesConfig,
  bus: Bus,
  deps: FilesDeps,
  signal: AbortSignal,
): Promise<void> {
  const wakeup = new Wakeup();
  const reopening = { wanted: false };
  const ask = (): void => {
    reopening.wanted = true;
    wakeup.wake();
  };
  deps.reopen.addEventListener("reopen", ask);
  try {
    await persist(config, bus, deps, wakeup, reopening, signal);
  } finally {
    deps.reopen.removeEventListener("reopen", ask);
  }
}

/** Runs the output, again after each failure of the disk. */
async function persist(
  config: NamedFilesConfig,
  bus: Bus,
  deps: FilesDeps,
  wakeup: Wakeup,
  reopening: { wanted: boolean },
  signal: AbortSignal,
): Promise<void> {
  let backoffMs = MIN_BACKOFF_MS;
  let reportedMs = 0;
  for (;;) {
    const before = deps.counters.position;
    try {
      return await run(config, bus, deps, wakeup, reopening, signal);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (!isDiskTrouble(error)) throw error;
      deps.counters.errors++;
      if (deps.counters.position > before) backoffMs = MIN_BACKOFF_MS;
      const nowMs = Date.now();
      if (nowMs - reportedMs >= REPORT_EVERY_MS) {
        reportedMs = nowMs;
        deps.report("error", "cannot write; what is not written waits on the bus, and this is tried again", {
          output: config.name,
          why: reasonOf(error),
        });
      }
      await sleep(backoffMs, undefined, { signal }).catch(() => signal.throwIfAborted());
      backoffMs = Math.min(backoffMs * 2, MAX_BACKOFF_MS);
    }
  }
}

const ON_NETWORK = ["connect", "getaddrinfo", "bind", "listen", "accept"];

/** A system call on a file failed, or the disk did in a way that is only noticed later. */
function isDiskTrouble(error: unknown): boolean {
  if (error instanceof LogspreadError) return error.code === "DISK_FAILED" || error.code === "DISK_FULL";
  const { syscall, errno } = error as { syscall?: unknown; errno?: unknown };
  return typeof syscall === "string" && typeof errno === "number" && !ON_NETWORK.includes(syscall);
}

/** One life between two failures of the disk: recover, read on, write. */
async function run(
  config: NamedFilesConfig,
  bus: Bus,
  deps: FilesDeps,
  wakeup: Wakeup,
  reopening: { wanted: boolean },
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const { counters } = deps;
  const sorter = new Sorter(config, counters);
  const journal = new Journal(join(deps.stateFolder, `${config.name}.journal`));
  const status = await bus.status();
  const start = config.from === "new" ? after(status.lastPosition) : BEGINNING;
  const writer = await FileWriter.open(config, sorter, journal, deps.bootId, start, counters, deps.report, () =>
    wakeup.wake(),
  );
  const commits = new Commits(bus, config.name, deps);
  let clean = false;
  let due = false;
  let timer: NodeJS.Timeout | undefined;
  const stop = new AbortController();
  const abort = (): void => {
    stop.abort(signal.reason);
    wakeup.wake();
  };
  let reading: ReadAhead | undefined;
  const opener = new Opener();
  try {
    const { place } = writer;
    if (place.position > status.lastPosition) throw foreignBus(config, journal, place, status.lastPosition);
    const order =
      config.order === "event-time" ? new EventOrder(config.lateness, config.buffer, place, counters) : undefined;
    // From "new" is settled once, when the journal is made: what comes while the output is down is new, too.
    const from: From = place.position === 0 && config.from === "first" ? "first" : { position: place.resume };
    // Lines that wait for their order keep their bodies, each of which then has memory of its own.
    const open = order === undefined ? (batch: Batch) => opener.open(batch) : openBody;
    reading = new ReadAhead(bus.subscribe({ groups: config.groups, from, follow: true }, stop.signal), open, () =>
      wakeup.wake(),
    );
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
    while (!stop.signal.aborted) {
      const opened = reading.take(TAKE_BYTES);
      if (opened.length > 0) await writer.write(opened.map((one) => parcelOf(one, sorter, order, config, deps)));
      for (const one of opened) if ("raw" in one) opener.release(one.raw);
      if (reopening.wanted) {
        await writer.reopen();
        reopening.wanted = false;
        counters.reopens++;
      }
      if (writer.syncFinished) {
        await writer.finishCheckpoint();
        commits.offer(counters.durablePosition, writer.place);
      }
      if ((due || writer.urgent) && writer.changed && !writer.syncing) {
        due = false;
        writer.beginCheckpoint();
      }
      if (writer.changed && timer === undefined && !due) {
        timer = setTimeout(() => {
          timer = undefined;
          due = true;
          wakeup.wake();
        }, config.fsyncInterval);
      }
      if (opened.length > 0) continue;
      if (reading.exhausted) break;
      await wakeup.wait();
    }
    clean = true; // the writer is well, even if the bus is not
    if (!stop.signal.aborted) await reading.done; // throws why the subscription ended, if it failed
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
    stop.abort();
    reading?.stop();
    opener.close();
    await reading?.done.catch(() => {}); // it was thrown above, or is the abort's own
    await writer.close(clean);
    if (clean) commits.offer(counters.durablePosition, writer.place);
    await commits.idle();
  }
  signal.throwIfAborted();
}

function after(position: number): Place {
  return { position, resume: position + 1, watermarkUs: -1 };
}

function foreignBus(config: NamedFilesConfig, journal: Journal, place: Place, last: number): LogspreadError {
  return new LogspreadError("NOT_FOUND", {
    what: `output ${config.name} cannot go on`,
    why: `it has written up to position ${place.position}, and the bus ends at ${last}: this is another bus, or an older copy`,
    fix: `To begin anew, move ${journal.path} away`,
  });
}

function parcelOf(
  opened: Opened,
  sorter: Sorter,
  order: EventOrder | undefined,
  config: NamedFilesConfig,
  { counters, report }: FilesDeps,
): Parcel {
  const { delivery } = opened;
  if (delivery.kind === "gap") {
    counters.messagesGone += delivery.messages;
    report("warn", "messages are gone from the bus and missing in the files", {
      output: config.name,
      first: delivery.first,
      last: delivery.last,
      messages: delivery.messages,
      reason: delivery.reason,
    });
    return order?.skip(delivery.last) ?? { place: after(delivery.last), busTimeUs: 0, portions: [] };
  }
  const { position, busTimeUs } = delivery;
  let portions: Parcel["portions"] = [];
  try {
    if ("fault" in opened) throw opened.fault;
    portions = sorter.sort(delivery, opened.raw);
  } catch (error) {
    if (!(error instanceof LogspreadError && error.code === "BAD_FRAME")) throw error;
    counters.batchesDamaged++;
    report("error", "a batch cannot be read and is missing in the files", {
      output: config.name,
      position,
      messages: delivery.batch.count,
      why: reasonOf(error),
    });
  }
  return order?.add(position, busTimeUs, portions) ?? { place: after(position), busTimeUs, portions };
}

/** The cursor on the bus: for others to see how far the output is. The journal, not the cursor, says where it goes on. */
class Commits {
  readonly #bus: Bus;
  readonly #name: string;
  readonly #deps: FilesDeps;
  #committed = 0;
  #wanted = 0;
  #running: Promise<void> | undefined;

  constructor(bus: Bus, name: string, deps: FilesDeps) {
    this.#bus = bus;
    this.#name = name;
    this.#deps = deps;
  }

  /** Lines before `place.resume` are written, and durable up to `durable`. */
  offer(durable: number, place: Place): void {
    this.#wanted = Math.min(durable, place.resume - 1);
    if (this.#wanted > this.#committed) this.#running ??= this.#commit().finally(() => (this.#running = undefined));
  }

  async idle(): Promise<void> {
    await this.#running;
  }

  async #commit(): Promise<void> {
    while (this.#wanted > this.#committed) {
      const position = this.#wanted;
      try {
        await this.#bus.cursor(this.#name).commit(position);
      } catch (error) {
        this.#deps.counters.errors++;
        this.#deps.report("warn", "cannot commit the output's cursor; its lag is shown too large", {
          output: this.#name,
          why: reasonOf(error),
        });
        return;
      }
      this.#committed = position;
    }
  }
}

/** Wakes one waiter, now or when it comes. */
class Wakeup {
  #ready = false;
  #resolve: (() => void) | undefined;

  wake(): void {
    this.#ready = true;
    this.#resolve?.();
  }

  async wait(): Promise<void> {
    if (!this.#ready) {
      await new Promise<void>((resolve) => {
        this.#resolve = resolve;
      });
      this.#resolve = undefined;
    }
    this.#ready = false;
  }
}
