/** A row of the ledger: what one producer did in one minute of bus time. */
import type { BatchHeader, LossReason } from "../message/batch.ts";

/** What came of one producer to one group. */
export interface GroupCount {
  messages: number;
  batches: number;
  /** Before compression. */
  rawBytes: number;
  /** Second tries of what had been stored before; they are in none of the other numbers. */
  duplicateMessages: number;
  duplicateBatches: number;
}

export type LossCount = Partial<Record<LossReason, number>>;

/** Bus time minus the time that the producer put on its batch: the skew of its clock plus how long the batch waited, µs. */
export interface Delay {
  readonly min: number;
  readonly median: number;
}

/** As it is written, a line of JSON each. */
export interface LedgerRow {
  /** Start of the minute, "2026-11-24T10:00:00Z". */
  readonly minute: string;
  /** 32 hexadecimal digits, or "*" for what had to be counted together because there were too many producers. */
  readonly producer: string;
  readonly sender: string;
  /** Of the batches stored in this minute; absent if there were none. */
  readonly positions?: readonly [first: number, last: number];
  readonly sequences?: readonly [first: number, last: number];
  readonly groups: Readonly<Record<string, GroupCount>>;
  /** Sequences that were skipped: batches that the producer numbered and that never came. */
  readonly missingBatches: number;
  /** Messages that the producer reported as dropped since its report before. */
  readonly lost: LossCount;
  /** What the next report is compared with: the last sequence, and the producer's running totals. */
  readonly state: { readonly sequence: number; readonly lost: LossCount };
  readonly delayUs?: Delay;
}

/** What a ledger remembers of a producer between minutes. */
export interface ProducerState {
  readonly producer: string;
  sender: string;
  /** Last sequence stored; 0 if it is not known. */
  sequence: number;
  lost: LossCount;
}

/** Groups of one producer that are told apart in a row; more are counted together as "*". */
const MAX_GROUPS = 256;
const DELAY_SAMPLES = 64;

/** A row that is being counted. */
export class OpenRow {
  readonly minute: string;
  readonly state: ProducerState;
  #positions: [number, number] | undefined;
  #sequences: [number, number] | undefined;
  readonly #groups = new Map<string, GroupCount>();
  missingBatches = 0;
  readonly lost: LossCount = {};
  #delayMin = Number.POSITIVE_INFINITY;
  readonly #delays: number[] = [];
  #delayCount = 0;

  constructor(minute: string, state: ProducerState) {
    this.minute = minute;
    this.state = state;
  }

  stored(batch: BatchHeader & { readonly rawBytes: number }, position: number, busTimeUs: number): void {
    const group = this.#group(batch.group);
    group.messages += batch.count;
    group.batches++;
    group.rawBytes += batch.rawBytes;
    this.#positions = [this.#positions?.[0] ?? position, position];
    this.#sequences = [this.#sequences?.[0] ?? batch.sequence, batch.sequence];
    const delay = busTimeUs - batch.createdUs;
    this.#delayMin = Math.min(this.#delayMin, delay);
    this.#delays[this.#delayCount++ % DELAY_SAMPLES] = delay;
  }

  duplicate(batch: BatchHeader): void {
    const group = this.#group(batch.group);
    group.duplicateBatches++;
    group.duplicateMessages += batch.count;
  }

  #group(name: string): GroupCount {
    const key = this.#groups.has(name) || this.#groups.size < MAX_GROUPS ? name : "*";
    let count = this.#groups.get(key);
    if (count === undefined) {
      count = { messages: 0, batches: 0, rawBytes: 0, duplicateMessages: 0, duplicateBatches: 0 };
      this.#groups.set(key, count);
    }
    return count;
  }

  close(): LedgerRow {
    const { state } = this;
    return {
      minute: this.minute,
      producer: state.producer,
      sender: state.sender,
      positions: this.#positions,
      sequences: this.#sequences,
      groups: Object.fromEntries(this.#groups),
      missingBatches: this.missingBatches,
      lost: this.lost,
      state: { sequence: state.sequence, lost: { ...state.lost } },
      delayUs: this.#delayCount === 0 ? undefined : { min: this.#delayMin, median: medianOf(this.#delays) },
    };
  }
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}

/** The minute that holds `us`, as it is written. */
export function minuteOf(us: number): string {
  return `${new Date(Math.floor(us / 60e6) * 60e3).toISOString().slice(0, 19)}Z`;
}
