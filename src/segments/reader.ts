import { type Delivery, decodeRecord, type From, type Gap, type PlacedBatch } from "../message/delivery.ts";
import { LogspreadError, reasonOf } from "../message/error.ts";
import type { Report } from "../message/report.ts";
import { DAMAGED, type IndexTable } from "./index-table.ts";
import type { Recent } from "./recent.ts";
import { readFully } from "./scan.ts";
import { readTable, type Segment } from "./segment.ts";
import type { SegmentList } from "./segment-list.ts";
import type { Wakeup } from "./wakeup.ts";

/** Reads a log from any start: recent batches from memory, older ones from disk, what is gone as gaps. */
export class Reader {
  readonly #list: SegmentList;
  readonly #recent: Recent;
  readonly #appended: Wakeup;
  readonly #readBytes: number;
  readonly #report: Report;
  /** Positions found damaged, each of which is reported once. */
  readonly #damaged = new Set<number>();

  constructor(list: SegmentList, recent: Recent, appended: Wakeup, readBytes: number, report: Report) {
    this.#list = list;
    this.#recent = recent;
    this.#appended = appended;
    this.#readBytes = readBytes;
    this.#report = report;
  }

  /** See `SegmentLog.read`. */
  async *read(
    from: From,
    wanted: (group: string) => boolean,
    follow: boolean,
    signal: AbortSignal,
  ): AsyncGenerator<Delivery> {
    let next = await this.#startOf(from);
    for (;;) {
      signal.throwIfAborted();
      if (next > this.#list.lastPosition) {
        if (!follow) return;
        await this.#appended.wait(signal);
        continue;
      }
      if (next < this.#list.firstPosition) {
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
      const stretch = await this.#readStretch(next, wanted);
      for (const delivery of stretch.deliveries) {
        signal.throwIfAborted();
        yield delivery;
      }
      next = stretch.next;
    }
  }

  async #startOf(from: From): Promise<number> {
    if (from === "first") return this.#list.firstPosition;
    if (from === "new") return this.#list.lastPosition + 1;
    if ("timeUs" in from) return await this.#positionAt(from.timeUs);
    if (from.position <= this.#list.lastPosition + 1) return from.position;
    throw new LogspreadError("BAD_ARGUMENT", {
      what: `cannot read from position ${from.position}`,
      why: `the last one is ${this.#list.lastPosition}; the position is another bus's, or this one was replaced`,
      fix: "Start from first, new or a time, and delete the cursor that is ahead",
    });
  }

  async #positionAt(timeUs: number): Promise<number> {
    // The last segment whose first batch is older: the time is in it, or begins the next one.
    let low = 0;
    let high = this.#list.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      const table = await this.#list.table(middle);
      if (table.length > 0 && table.timeOf(table.first) < timeUs) low = middle;
      else high = middle - 1;
    }
    return (await this.#list.table(low)).positionAt(timeUs);
  }

  /** Reads one stretch of a segment from disk, about `readBytes` of wanted batches, and tells where to go on. */
  async #readStretch(
    from: number,
    wanted: (group: string) => boolean,
  ): Promise<{ deliveries: Iterable<Delivery>; next: number }> {
    const i = this.#list.find(from);
    const segment = this.#list.at(i);
    const after = this.#list.nextFirst(i);
    try {
      const table = await segment.table(after, this.#report);
      const last = table.next - 1;
      if (from > last) {
        // The segment lost its end to damage; the next one begins later.
        return {
          deliveries: [{ kind: "gap", first: from, last: after - 1, messages: 0, reason: "damage" }],
          next: after,
        };
      }
      const isWanted = table.wantedAt(wanted);
      let start = from;
      while (start <= last && !isWanted(start)) start++;
      if (start > last) return { deliveries: [], next: start };
      const at = startOffset(table, start, segment.size);
      let end = start;
      while (end < last && isWanted(end + 1) && startOffset(table, end + 1, segment.size) - at < this.#readBytes) end++;
      const file = await segment.acquire();
      try {
        const bytes = await readFully(file, at, startOffset(table, end + 1, segment.size) - at);
        return { deliveries: this.#decodeAll(segment, table, bytes, at, start, end), next: end + 1 };
      } finally {
        await segment.release();
      }
    } catch (thrown) {
      if (!segment.deleted) throw thrown;
      return { deliveries: [], next: from }; // retention was faster; the next round tells the gap
    }
  }

  *#decodeAll(
    segment: Segment,
    table: IndexTable,
    bytes: Buffer,
    at: number,
    start: number,
    end: number,
  ): Generator<Delivery> {
    for (let position = start; position <= end; position++) {
      const offset = table.offsetOf(position);
      yield this.#decode(segment, bytes, offset, offset - at, position) ?? {
        kind: "gap",
        first: position,
        last: position,
        messages: table.countOf(position),
        reason: "damage",
      };
    }
  }

  /** The record at `at` in `bytes`, or undefined if it is damaged, which is reported once. */
  #decode(segment: Segment, bytes: Buffer, offset: number, at: number, position: number): PlacedBatch | undefined {
    if (offset === DAMAGED) {
      this.#damaged.add(position);
      return undefined;
    }
    try {
      const record = decodeRecord(bytes, at, segment.path);
      if (record.kind === "batch" && record.position === position) return record;
      throw new Error(`position ${position} is not where the index says`);
    } catch (thrown) {
      if (!this.#damaged.has(position)) {
        this.#report("error", `${segment.path}, record at byte ${offset} is damaged and skipped: ${reasonOf(thrown)}`);
      }
      this.#damaged.add(position);
      return undefined;
    }
  }

  async #retentionGap(from: number, wanted: (group: string) => boolean): Promise<Gap> {
    const last = this.#list.firstPosition - 1;
    let messages = 0;
    for (const path of await this.#list.retiredIndexes()) {
      const table = await readTable(path);
      if (table !== undefined && table.next > from) messages += table.messages(from, last, wanted);
    }
    return { kind: "gap", first: from, last, messages, reason: "retention" };
  }
}

/** Where the record of `position` begins, or the first whole one after it, or the end of the records. */
function startOffset(table: IndexTable, position: number, size: number): number {
  for (let next = position; next < table.next; next++) {
    const offset = table.offsetOf(next);
    if (offset !== DAMAGED) return offset;
  }
  return size;
}
