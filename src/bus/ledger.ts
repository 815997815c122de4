/**
 * The ledger: completeness is stated, not assumed. A bus around the bus that counts what passes `publish`: per producer
 * and minute the lines accepted and doubled, what the producer reports as dropped, and the sequences that never came.
 * Each minute it publishes the rows to the group `$ledger`, one line of JSON each behind a line that says which positions
 * they cover. At start it counts what is not covered from the records; only duplicates of that time are lost, as they
 * leave no record.
 */
import { type Batch, newProducer } from "../message/batch.ts";
import { batchOfLines, messagesOf, openBody } from "../message/body.ts";
import type { Delivery, PlacedBatch } from "../message/delivery.ts";
import { reasonOf } from "../message/error.ts";
import { SYSTEM_PREFIX } from "../message/names.ts";
import type { Report } from "../message/report.ts";
import type { Bus, BusStatus, Cursor, Receipt, Subscription } from "./bus.ts";
import {
  type GroupCount,
  type LedgerRow,
  type LossCount,
  minuteOf,
  OpenRow,
  type ProducerState,
} from "./ledger-row.ts";

export const LEDGER_GROUP = "$ledger";

/** Told at once, for metrics and the log; the rows tell the same later. */
export interface LedgerWatcher {
  /** A producer reported `messages` more as dropped. */
  lost(sender: string, reason: string, messages: number): void;
  /** `batches` sequences of a producer were skipped. */
  missing(sender: string, batches: number): void;
  /** The smallest delay of a sender's batches in the last minute, µs: see `Delay`. */
  delay(sender: string, us: number): void;
}

export interface LedgerDeps {
  /** µs since the epoch. */
  readonly nowUs: () => number;
  readonly nodeName: string;
  readonly report: Report;
  readonly watcher?: LedgerWatcher;
}

/** What to sum up: rows of minutes that begin in [fromUs, toUs), of one group or all. */
export interface LedgerQuestion {
  readonly fromUs: number;
  readonly toUs: number;
  readonly group?: string;
}

export interface LedgerEntry extends GroupCount {
  readonly producer: string;
  readonly sender: string;
  missingBatches: number;
  lost: LossCount;
  positions: [first: number, last: number] | undefined;
  /** Smallest in the time asked for: near the skew of the sender's clock unless everything waited in a spool. */
  minDelayUs: number | undefined;
}

export interface LedgerSum extends GroupCount {
  missingBatches: number;
  lost: LossCount;
  /** By producer; missing and lost are the producer's over all its groups, whatever group was asked for. */
  readonly producers: readonly LedgerEntry[];
  /** There were more producers than are told apart: the others are in the totals only. */
  readonly truncated: boolean;
}

interface Coverage {
  /** Version of the format. */
  readonly ledger: 1;
  readonly node: string;
  /** All positions in this range, ledger batches aside, are in this batch's rows or in rows before. */
  readonly from: number;
  readonly to: number;
}

const EVERY_MS = 60_000;
/** How often the rows hold every producer that is known, so that a start needs to read no further back than this. */
const COMPLETE_EVERY_US = 3600e6;
const MAX_PRODUCERS = 4096;
const MAX_ROWS = 20_000;
const MAX_SUMMED = 10_000;
const MAX_BATCH_BYTES = 4 * 1024 * 1024;

export class Ledger implements Bus {
  readonly #bus: Bus;
  readonly #deps: LedgerDeps;
  readonly #producer = newProducer();
  #sequence = 1;
  /** In the order of use, longest silent first. */
  readonly #producers = new Map<string, ProducerState>();
  #rows = new Map<string, OpenRow>();
  /** Lines that could not be written yet. */
  #unwritten: string[] = [];
  /** Last position that is counted, and the last that a written row covers. */
  #counted = 0;
  #covered = 0;
  #completeUs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> = Promise.resolve();

  private constructor(bus: Bus, deps: LedgerDeps) {
    this.#bus = bus;
    this.#deps = deps;
  }

  /** Counts what the last run left uncounted, then goes on with each publish. The ledger closes the bus it is given. */
  static async open(bus: Bus, deps: LedgerDeps): Promise<Ledger> {
    const ledger = new Ledger(bus, deps);
    await ledger.#restore();
    ledger.#timer = setInterval(() => void ledger.flush(), EVERY_MS).unref();
    return ledger;
  }

  async publish(batch: Batch): Promise<Receipt> {
    const receipt = await this.#bus.publish(batch);
    if (receipt.kind === "stored") {
      this.#counted = receipt.position;
      if (!batch.group.startsWith(SYSTEM_PREFIX)) this.#stored(batch, receipt.position, receipt.busTimeUs);
    } else if (!batch.group.startsWith(SYSTEM_PREFIX)) {
      this.#row(this.#state(batch), this.#deps.nowUs()).duplicate(batch);
    }
    return receipt;
  }

  subscribe(what: Subscription, signal: AbortSignal): AsyncIterable<Delivery> {
    return this.#bus.subscribe(what, signal);
  }

  cursor(name: string): Cursor {
    return this.#bus.cursor(name);
  }

  status(): Promise<BusStatus> {
    return this.#bus.status();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
    await this.#bus.close();
  }

  /** Publishes the rows so far. Never rejects: what cannot be written is kept, told, and tried again with the next ones. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#write());
    return this.#flushing;
  }

  async #write(): Promise<void> {
    if (this.#rows.size > 0) this.#closeRows();
    while (this.#unwritten.length > 0) {
      const { bytes, lines } = firstLines(this.#unwritten, MAX_BATCH_BYTES);
      try {
        const { nowUs, nodeName } = this.#deps;
        const sequence = this.#sequence++;
        const label = { group: LEDGER_GROUP, sender: `ledger@${nodeName}`, producer: this.#producer, sequence };
        await this.#bus.publish(await batchOfLines({ ...label, createdUs: nowUs() }, bytes));
      } catch (error) {
        this.#deps.report("warn", `the ledger cannot be written: ${reasonOf(error)}; it is kept and tried again`);
        if (this.#unwritten.length > MAX_ROWS) {
          const dropped = this.#unwritten.splice(0, this.#unwritten.length - MAX_ROWS).length;
          this.#deps.report("error", `${dropped} rows of the ledger are dropped: too many wait to be written`);
        }
        return;
      }
      this.#unwritten.splice(0, lines);
    }
  }

  #closeRows(): void {
    const { nowUs, nodeName } = this.#deps;
    const now = nowUs();
    if (now - this.#completeUs >= COMPLETE_EVERY_US) {
      for (const state of this.#producers.values()) this.#row(state, now);
      this.#completeUs = now;
    }
    const coverage: Coverage = { ledger: 1, node: nodeName, from: this.#covered + 1, to: this.#counted };
    this.#covered = this.#counted;
    this.#unwritten.push(`${JSON.stringify(coverage)}\n`);
    for (const open of this.#rows.values()) {
      const row = open.close();
      this.#unwritten.push(`${JSON.stringify(row)}\n`);
      if (row.delayUs !== undefined) this.#deps.watcher?.delay(row.sender, row.delayUs.min);
    }
    this.#rows = new Map();
  }

  #stored(batch: Batch, position: number, busTimeUs: number): void {
    const state = this.#state(batch);
    const row = this.#row(state, busTimeUs);
    row.stored(batch, position, busTimeUs);
    // A producer that is not known may have been seen before this ledger's memory begins: then nothing can be said.
    const missing = state.sequence === 0 ? 0 : batch.sequence - state.sequence - 1;
    state.sequence = batch.sequence;
    if (missing > 0) {
      row.missingBatches += missing;
      this.#deps.watcher?.missing(batch.sender, missing);
    }
    for (const { reason, messages } of batch.losses) {
      const more = messages - (state.lost[reason] ?? 0);
      if (more <= 0) continue;
      state.lost[reason] = messages;
      row.lost[reason] = (row.lost[reason] ?? 0) + more;
      this.#deps.watcher?.lost(batch.sender, reason, more);
    }
  }

  #state(batch: Batch): ProducerState {
    const key = batch.producer.toString("hex");
    let state = this.#producers.get(key);
    if (state !== undefined) this.#producers.delete(key);
    else state = { producer: key, sender: batch.sender, sequence: 0, lost: {} };
    state.sender = batch.sender;
    this.#remember(state);
    return state;
  }

  #remember(state: ProducerState): void {
    this.#producers.set(state.producer, state);
    if (this.#producers.size > MAX_PRODUCERS) this.#producers.delete(this.#producers.keys().next().value!);
  }

  #row(state: ProducerState, us: number): OpenRow {
    const minute = minuteOf(us);
    let key = minute + state.producer;
    let row = this.#rows.get(key);
    if (row !== undefined) return row;
    if (this.#rows.size >= MAX_ROWS) {
      key = `${minute}*`;
      row = this.#rows.get(key);
      if (row !== undefined) return row;
      row = new OpenRow(minute, { producer: "*", sender: "*", sequence: 0, lost: {} });
    } else row = new OpenRow(minute, state);
    this.#rows.set(key, row);
    return row;
  }

  async #restore(): Promise<void> {
    const status = await this.#bus.status();
    const written = status.groups.find(({ group }) => group === LEDGER_GROUP);
    if (written !== undefined) {
      const from = { timeUs: Math.max(0, written.lastTimeUs - 2 * COMPLETE_EVERY_US) };
      for await (const { batch } of this.#ledgerFrom(from)) {
        for (const line of await this.#linesOf(batch)) {
          if ("ledger" in line) this.#covered = Math.max(this.#covered, line.to);
          else if (line.producer !== "*") this.#recall(line);
        }
      }
    }
    if (this.#covered > status.lastPosition) {
      this.#deps.report(
        "warn",
        `the ledger covers positions to ${this.#covered}, the bus ends at ${status.lastPosition}`,
      );
      this.#covered = status.lastPosition;
    }
    this.#counted = this.#covered;
    const from = { position: Math.max(this.#covered + 1, status.firstPosition) };
    const uncounted = this.#bus.subscribe({ groups: ["*"], from, follow: false }, new AbortController().signal);
    for await (const delivery of uncounted) {
      if (delivery.kind === "gap") {
        this.#deps.report("warn", "positions are gone before the ledger could count them", { ...delivery });
      } else this.#stored(delivery.batch, delivery.position, delivery.busTimeUs);
    }
    this.#counted = status.lastPosition;
  }

  #recall({ producer, sender, state }: LedgerRow): void {
    this.#producers.delete(producer);
    this.#remember({ producer, sender, sequence: state.sequence, lost: { ...state.lost } });
  }

  async *#ledgerFrom(from: Subscription["from"]): AsyncGenerator<PlacedBatch> {
    const signal = new AbortController().signal;
    for await (const delivery of this.#bus.subscribe({ groups: [LEDGER_GROUP], from, follow: false }, signal)) {
      if (delivery.kind === "batch") yield delivery;
    }
  }

  async #linesOf(batch: Batch): Promise<(Coverage | LedgerRow)[]> {
    try {
      const raw = await openBody(batch);
      return [...messagesOf(batch, raw)].map((line) => JSON.parse(line.toString()) as Coverage | LedgerRow);
    } catch (error) {
      this.#deps.report("error", `a batch of the ledger cannot be read: ${reasonOf(error)}`);
      return [];
    }
  }

  /** Sums up the written rows and those that are still being counted. */
  async sum(question: LedgerQuestion): Promise<LedgerSum> {
    const total = new Sum(question);
    let end = 0;
    // In line with the flushes: what is in memory now is written behind `end`, and what is written before is not in memory.
    this.#flushing = this.#flushing.then(async () => {
      end = (await this.#bus.status()).lastPosition;
      for (const row of this.#rows.values()) total.add(row.close());
      for (const line of this.#unwritten) {
        const parsed = JSON.parse(line) as Coverage | LedgerRow;
        if (!("ledger" in parsed)) total.add(parsed);
      }
    });
    await this.#flushing;
    for await (const { batch, position } of this.#ledgerFrom({ timeUs: Math.max(0, question.fromUs) })) {
      if (position > end) break;
      for (const line of await this.#linesOf(batch)) if (!("ledger" in line)) total.add(line);
    }
    return total.result();
  }
}

/** The first of `lines`, as many as fit `maxBytes`, at least one. */
function firstLines(lines: readonly string[], maxBytes: number): { bytes: Buffer; lines: number } {
  let bytes = 0;
  let count = 0;
  for (const line of lines) {
    bytes += Buffer.byteLength(line);
    if (count > 0 && bytes > maxBytes) break;
    count++;
  }
  return { bytes: Buffer.from(lines.slice(0, count).join("")), lines: count };
}

class Sum {
  readonly #from: string;
  readonly #to: string;
  readonly #group: string | undefined;
  readonly #producers = new Map<string, LedgerEntry>();
  readonly #total: LedgerEntry = entryOf("", "");
  #truncated = false;

  constructor({ fromUs, toUs, group }: LedgerQuestion) {
    this.#from = new Date(fromUs / 1000).toISOString();
    this.#to = new Date(toUs / 1000).toISOString();
    this.#group = group;
  }

  add(row: LedgerRow): void {
    const minute = row.minute.replace("Z", ".000Z");
    if (minute < this.#from || minute >= this.#to) return;
    const groups =
      this.#group === undefined ? Object.values(row.groups) : [row.groups[this.#group]].filter((g) => g !== undefined);
    const eventful = row.missingBatches > 0 || Object.keys(row.lost).length > 0;
    if (groups.length === 0 && !eventful) return;
    let entry = this.#producers.get(row.producer);
    if (entry === undefined && this.#producers.size < MAX_SUMMED) {
      entry = entryOf(row.producer, row.sender);
      this.#producers.set(row.producer, entry);
    }
    if (entry === undefined) this.#truncated = true;
    else addRow(entry, row, groups);
    addRow(this.#total, row, groups);
  }

  result(): LedgerSum {
    const { producer: _, sender: __, positions: ___, minDelayUs: ____, ...total } = this.#total;
    return { ...total, producers: [...this.#producers.values()], truncated: this.#truncated };
  }
}

function entryOf(producer: string, sender: string): LedgerEntry {
  return {
    producer,
    sender,
    messages: 0,
    batches: 0,
    rawBytes: 0,
    duplicateMessages: 0,
    duplicateBatches: 0,
    missingBatches: 0,
    lost: {},
    positions: undefined,
    minDelayUs: undefined,
  };
}

function addRow(entry: LedgerEntry, row: LedgerRow, groups: readonly GroupCount[]): void {
  for (const count of groups) {
    entry.messages += count.messages;
    entry.batches += count.batches;
    entry.rawBytes += count.rawBytes;
    entry.duplicateMessages += count.duplicateMessages;
    entry.duplicateBatches += count.duplicateBatches;
  }
  entry.missingBatches += row.missingBatches;
  for (const [reason, messages] of Object.entries(row.lost) as [keyof LossCount, number][]) {
    entry.lost[reason] = (entry.lost[reason] ?? 0) + messages;
  }
  if (row.positions !== undefined) {
    const [first, last] = row.positions;
    entry.positions = [Math.min(entry.positions?.[0] ?? first, first), Math.max(entry.positions?.[1] ?? last, last)];
  }
  if (row.delayUs !== undefined) {
    entry.minDelayUs = Math.min(entry.minDelayUs ?? row.delayUs.min, row.delayUs.min);
  }
}
