import { type FileHandle, open, readFile, rename, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { reasonOf, systemCodeOf } from "../message/error.ts";
import type { Report } from "../message/report.ts";
import { IndexTable } from "./index-table.ts";
import { type Scan, scanSegment } from "./scan.ts";

/** One file of records, named after its first position. The last one of a log is active, the others are sealed. */
export class Segment {
  readonly first: number;
  readonly path: string;
  /** Durable bytes: where the next record goes, and where readers stop. */
  size = 0;
  #table: IndexTable | undefined;
  #reader: Promise<FileHandle> | undefined;
  #users = 0;
  #deleted = false;

  constructor(folder: string, first: number) {
    this.first = first;
    this.path = join(folder, `${String(first).padStart(20, "0")}.log`);
  }

  get indexPath(): string {
    return this.path.replace(/\.log$/, ".index");
  }

  useTable(table: IndexTable): void {
    this.#table = table;
  }

  /** Gives the memory of a sealed segment's table back; it is read again when needed. */
  forgetTable(): void {
    this.#table = undefined;
  }

  get loadedTable(): IndexTable | undefined {
    return this.#table;
  }

  /** The segment's index: from memory, from its file, or by reading the segment through up to position `before`. */
  async table(before: number, report: Report): Promise<IndexTable> {
    if (this.#table !== undefined) return this.#table;
    const stored = await readTable(this.indexPath);
    if (stored !== undefined && stored.first === this.first) return (this.#table = stored);
    const file = await open(this.path, "r");
    try {
      const scan = await scanSegment(file, this.first, before);
      reportDamage(report, this.path, scan);
      return (this.#table = scan.table);
    } finally {
      await file.close();
    }
  }

  /** Writes the index beside the segment. It is not fsynced: if it is lost, the segment is read through instead. */
  async writeIndex(report: Report): Promise<void> {
    const temporary = `${this.indexPath}.tmp`;
    try {
      await writeFile(temporary, this.#table!.encode(), { mode: 0o640 });
      await rename(temporary, this.indexPath);
    } catch (thrown) {
      report("warn", `cannot write ${this.indexPath}: ${reasonOf(thrown)}; the next start reads the segment through`);
      await unlink(temporary).catch(() => undefined);
    }
  }

  /** A handle for reading that stays valid until `release`, even when the segment is deleted meanwhile. */
  async acquire(): Promise<FileHandle> {
    this.#users++;
    try {
      return await (this.#reader ??= open(this.path, "r"));
    } catch (thrown) {
      this.#reader = undefined;
      this.#users--;
      throw thrown;
    }
  }

  async release(): Promise<void> {
    if (--this.#users > 0) return;
    const reader = this.#reader;
    this.#reader = undefined;
    await (await reader)?.close();
  }

  get deleted(): boolean {
    return this.#deleted;
  }

  /** Deletes the segment; its index stays when `keepIndex`, so that what is gone can still be counted. */
  async delete(keepIndex: boolean): Promise<void> {
    this.#deleted = true;
    await unlinkIfThere(this.path);
    if (!keepIndex) await unlinkIfThere(this.indexPath);
  }
}

export function reportDamage(report: Report, path: string, scan: Scan): void {
  for (const { at, bytes, positions } of scan.damage) {
    report("error", `${path} is damaged at byte ${at}: ${bytes} bytes with ${positions} batches are skipped`);
  }
}

/** The table in an index file, or undefined if the file is missing or damaged. */
export async function readTable(path: string): Promise<IndexTable | undefined> {
  try {
    return IndexTable.decode(await readFile(path));
  } catch (thrown) {
    if (systemCodeOf(thrown) === "ENOENT") return undefined;
    throw thrown;
  }
}

export async function unlinkIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (thrown) {
    if (systemCodeOf(thrown) !== "ENOENT") throw thrown;
  }
}
