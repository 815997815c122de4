import { type FileHandle, open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Report } from "../message/report.ts";
import { syncFolder } from "./folder.ts";
import { IndexTable } from "./index-table.ts";
import { scanSegment } from "./scan.ts";
import { readTable, reportDamage, Segment, unlinkIfThere } from "./segment.ts";

/** Tables of sealed segments that stay in memory. */
const MAX_TABLES = 16;

/** The segments of a log, oldest first. The last one is active; its table is always loaded and holds what is durable. */
export class SegmentList {
  readonly folder: string;
  readonly #report: Report;
  readonly #segments: Segment[];
  #sealedBytes: number;

  private constructor(folder: string, segments: Segment[], report: Report) {
    this.folder = folder;
    this.#segments = segments;
    this.#report = report;
    this.#sealedBytes = segments.slice(0, -1).reduce((sum, s) => sum + s.size, 0);
  }

  /** Finds the segments in `folder`, or makes the first one. Cuts a torn tail; reports damage and goes on. */
  static async open(folder: string, report: Report): Promise<{ list: SegmentList; active: FileHandle }> {
    const names = (await readdir(folder)).filter((name) => /^\d{20}\.log$/.test(name)).sort();
    const segments = names.map((name) => new Segment(folder, Number(name.slice(0, 20))));
    for (const segment of segments) segment.size = (await stat(segment.path)).size;
    const last = segments.at(-1);
    if (last === undefined) {
      const { segment, file } = await createSegment(folder, 1 + (await lastRetired(folder)));
      return { list: new SegmentList(folder, [segment], report), active: file };
    }
    const active = await open(last.path, "r+");
    const scan = await scanSegment(active, last.first);
    reportDamage(report, last.path, scan);
    if (scan.tornBytes > 0) {
      report("warn", `cut ${scan.tornBytes} bytes of an unfinished write from the end of ${last.path}`);
      await active.truncate(scan.wholeBytes);
      await active.datasync();
    }
    last.useTable(scan.table);
    last.size = scan.wholeBytes;
    return { list: new SegmentList(folder, segments, report), active };
  }

  get length(): number {
    return this.#segments.length;
  }

  get oldest(): Segment {
    return this.#segments[0]!;
  }

  get active(): Segment {
    return this.#segments.at(-1)!;
  }

  get activeTable(): IndexTable {
    return this.active.loadedTable!;
  }

  /** The first position that is kept; the one after the last if none is. */
  get firstPosition(): number {
    return this.oldest.first;
  }

  /** The last durable position, 0 before the first. */
  get lastPosition(): number {
    return this.activeTable.next - 1;
  }

  /** Bytes of the records on disk. */
  get bytes(): number {
    return this.#sealedBytes + this.active.size;
  }

  at(i: number): Segment {
    return this.#segments[i]!;
  }

  /** The first position of the segment after the i-th. */
  nextFirst(i: number): number {
    return this.#segments[i + 1]?.first ?? Number.POSITIVE_INFINITY;
  }

  table(i: number): Promise<IndexTable> {
    return this.at(i).table(this.nextFirst(i), this.#report);
  }

  /** The number of the segment that holds `position`, which is not before the first. */
  find(position: number): number {
    return this.#segments.findLastIndex((s) => s.first <= position);
  }

  /** Bus time of the last record, 0 if there is none. */
  async lastTimeUs(): Promise<number> {
    for (let i = this.length - 1; i >= 0; i--) {
      const table = await this.table(i);
      if (table.length > 0) return table.timeOf(table.next - 1);
    }
    return 0;
  }

  /** Adds a new active segment: the one before is sealed. */
  push(segment: Segment): void {
    this.#sealedBytes += this.active.size;
    this.#segments.push(segment);
    const loaded = this.#segments.slice(0, -1).filter((s) => s.loadedTable !== undefined);
    for (const old of loaded.slice(0, -MAX_TABLES)) old.forgetTable();
  }

  /** Takes the oldest segment off the list; there is another. */
  shift(): Segment {
    const segment = this.#segments.shift()!;
    this.#sealedBytes -= segment.size;
    return segment;
  }

  /** Index files whose segment is gone, oldest first. */
  retiredIndexes(): Promise<string[]> {
    return retiredIndexes(this.folder, this.firstPosition);
  }
}

export async function createSegment(folder: string, first: number): Promise<{ segment: Segment; file: FileHandle }> {
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
