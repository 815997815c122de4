import { stat, unlink } from "node:fs/promises";
import type { Report } from "../message/report.ts";
import type { Recent } from "./recent.ts";
import { readTable, type Segment } from "./segment.ts";
import type { SegmentList } from "./segment-list.ts";

/** What a deletion took away. */
export interface Deleted {
  readonly first: number;
  readonly last: number;
  readonly messages: number;
  readonly bytes: number;
}

/** Deletes whole sealed segments from the oldest on, one deletion at a time. The active one is never touched. */
export class Retention {
  readonly #list: SegmentList;
  readonly #recent: Recent;
  readonly #retiredIndexBytes: number;
  readonly #report: Report;
  #deleting: Promise<unknown> = Promise.resolve();

  constructor(list: SegmentList, recent: Recent, retiredIndexBytes: number, report: Report) {
    this.#list = list;
    this.#recent = recent;
    this.#retiredIndexBytes = retiredIndexBytes;
    this.#report = report;
  }

  /** Deletes while `goes` says so of the oldest segment and its last position; counts messages at `from` and later. */
  delete(goes: (segment: Segment, last: number) => boolean | Promise<boolean>, from = 0): Promise<Deleted | undefined> {
    const deletion = this.#deleting.then(async () => {
      let sum: Deleted | undefined;
      while (this.#list.length > 1 && (await goes(this.#list.oldest, this.#list.nextFirst(0) - 1))) {
        const { first } = this.#list.oldest;
        const { messages, bytes } = await this.#deleteOldest(from);
        sum = {
          first: sum?.first ?? first,
          last: this.#list.firstPosition - 1,
          messages: (sum?.messages ?? 0) + messages,
          bytes: (sum?.bytes ?? 0) + bytes,
        };
      }
      if (sum !== undefined && this.#retiredIndexBytes > 0) await this.#limitRetired();
      return sum;
    });
    this.#deleting = deletion.catch(() => undefined);
    return deletion;
  }

  async #deleteOldest(from: number): Promise<{ messages: number; bytes: number }> {
    const table = await this.#list.table(0);
    const keepIndex = this.#retiredIndexBytes > 0;
    const segment = this.#list.oldest;
    if (keepIndex && (await readTable(segment.indexPath)) === undefined) await segment.writeIndex(this.#report);
    this.#list.shift();
    this.#recent.dropBefore(this.#list.firstPosition);
    await segment.delete(keepIndex);
    return { messages: table.messages(from, table.next - 1, () => true), bytes: segment.size };
  }

  async #limitRetired(): Promise<void> {
    let bytes = 0;
    for (const path of (await this.#list.retiredIndexes()).reverse()) {
      bytes += (await stat(path)).size;
      if (bytes > this.#retiredIndexBytes) await unlink(path);
    }
  }

  /** Resolves when no deletion is under way. */
  async settled(): Promise<void> {
    await this.#deleting;
  }
}
