/**
 * What lasts of the metrics: finished minutes in an SQLite file, hours and days made of them. With each minute, in the same
 * transaction, goes the position up to which the bus is counted in it, so that nothing is counted twice or left out after
 * a restart, however the process ended.
 */
import { closeSync, openSync, renameSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { reasonOf } from "../../message/error.ts";
import type { Report } from "../../message/report.ts";
import type { Rollup } from "../../metrics/kept-minutes.ts";
import type { HistoryConfig } from "./config.ts";

/** Lengths of what is kept, s. */
export const STEPS = [60, 3600, 86_400] as const;
export type Step = (typeof STEPS)[number];

/** Grows with every change that an older program could not read. */
const VERSION = 1;

/** Up to where history goes. */
export interface Mark {
  /** Everything up to this position is in the minutes stored, and nothing behind it. */
  readonly position: number;
  /** End of the last minute stored, s since the epoch. */
  readonly endS: number;
}

/** Makes one rollup of several of the same server and group. */
export type Merge = (parts: readonly Uint8Array[]) => Buffer;

export class History {
  readonly #db: DatabaseSync;
  readonly #config: HistoryConfig;
  readonly #insert: StatementSync;
  readonly #between: StatementSync;
  readonly #remember: StatementSync;

  private constructor(db: DatabaseSync, config: HistoryConfig) {
    this.#db = db;
    this.#config = config;
    this.#insert = db.prepare("INSERT OR REPLACE INTO rollups VALUES (?, ?, ?, ?, ?)");
    this.#between = db.prepare(
      "SELECT start, name, server, bytes FROM rollups WHERE step = ? AND start >= ? AND start < ? ORDER BY start, name, server",
    );
    this.#remember = db.prepare("INSERT OR REPLACE INTO marks VALUES (?, ?)");
  }

  /** Opens the file, or makes it. One that is damaged is set aside, and told. */
  static open(path: string, config: HistoryConfig, report: Report): History {
    try {
      return new History(openFile(path), config);
    } catch (error) {
      if (!/malformed|not a database|version/.test(reasonOf(error))) throw error;
      const aside = `${path}.damaged-${Date.now()}`;
      for (const suffix of ["", "-wal", "-shm"]) moveIfThere(path + suffix, aside + suffix);
      report("error", `the history of the metrics cannot be read; it is set aside and begins anew`, {
        why: reasonOf(error),
        aside,
      });
      return new History(openFile(path), config);
    }
  }

  /** Undefined as long as no minute is stored. */
  get mark(): Mark | undefined {
    const position = this.#markOf("position");
    const endS = this.#markOf("endS");
    return position === undefined || endS === undefined ? undefined : { position, endS };
  }

  /** Stores finished minutes with the position that they reach; all or nothing. Throws what SQLite throws, as for a full disk. */
  store(rollups: readonly Rollup[], { position, endS }: Mark, merge: Merge): void {
    this.#transaction(() => {
      for (const { startS, group, server, bytes } of rollups) this.#insert.run(60, startS, group, server, bytes);
      this.#remember.run("position", position);
      this.#remember.run("endS", endS);
      this.#derive(endS, 3600, 60, merge);
      this.#derive(endS, 86_400, 3600, merge);
      this.#forget(endS);
    });
  }

  /** The bus has begun anew: its positions say nothing any more. */
  restartPositions(): void {
    this.#transaction(() => this.#remember.run("position", 0));
  }

  /** Rollups of one length that start from `fromS` on and before `toS`. */
  rollups(step: Step, fromS: number, toS: number): Rollup[] {
    return this.#between.all(step, fromS, toS).map((row) => {
      const { start, name, server, bytes } = row as {
        start: number;
        name: string;
        server: string;
        bytes: Uint8Array;
      };
      return {
        group: name,
        server,
        startS: start,
        bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      };
    });
  }

  /** Start of the oldest rollup of a length; undefined without one. */
  oldest(step: Step): number | undefined {
    const row = this.#db.prepare("SELECT min(start) AS start FROM rollups WHERE step = ?").get(step);
    return (row as { start: number | null }).start ?? undefined;
  }

  /** Up to where rollups of a length are complete, s since the epoch. */
  completeTo(step: Step): number {
    return this.#markOf(step === 60 ? "endS" : `to${step}`) ?? 0;
  }

  /**
   * What there is of a span, of the longest pieces not above `longest` that lie wholly in it: days, and hours and minutes
   * at the ends.
   */
  span(fromS: number, toS: number, longest: Step): Rollup[] {
    if (toS <= fromS) return [];
    const finer = longest === 86_400 ? 3600 : longest === 3600 ? 60 : undefined;
    if (finer === undefined) return this.rollups(60, fromS, toS);
    const lowS = Math.ceil(fromS / longest) * longest;
    const highS = Math.floor(Math.min(toS, this.completeTo(longest)) / longest) * longest;
    if (lowS >= highS) return this.span(fromS, toS, finer);
    return [...this.span(fromS, lowS, finer), ...this.rollups(longest, lowS, highS), ...this.span(highS, toS, finer)];
  }

  close(): void {
    this.#db.close();
  }

  #markOf(name: string): number | undefined {
    const row = this.#db.prepare("SELECT value FROM marks WHERE name = ?").get(name);
    return (row as { value: number } | undefined)?.value;
  }

  /** Makes the rollups of `step` that are complete by `endS` of those of `from`, each once. */
  #derive(endS: number, step: 3600 | 86_400, from: 60 | 3600, merge: Merge): void {
    const toS = endS - (endS % step);
    const doneS = this.completeTo(step);
    if (toS <= doneS) return;
    const starts = this.#db
      .prepare(
        "SELECT DISTINCT start - start % ? AS start FROM rollups WHERE step = ? AND start >= ? AND start < ? ORDER BY 1",
      )
      .all(step, from, doneS, toS) as { start: number }[];
    for (const { start } of starts) {
      const parts = Map.groupBy(this.rollups(from, start, start + step), (each) => `${each.group}\0${each.server}`);
      for (const rollups of parts.values()) {
        const { group, server } = rollups[0]!;
        this.#insert.run(step, start, group, server, merge(rollups.map(({ bytes }) => bytes)));
      }
    }
    this.#remember.run(`to${step}`, toS);
  }

  #forget(endS: number): void {
    const { minutes, hours, days } = this.#config;
    const kept = { 60: minutes, 3600: hours, 86400: days } as const;
    for (const step of STEPS) {
      this.#db.prepare("DELETE FROM rollups WHERE step = ? AND start < ?").run(step, endS - kept[step] / 1000);
    }
  }

  #transaction(work: () => void): void {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      work();
      this.#db.exec("COMMIT");
    } catch (error) {
      // A full disk has rolled it back already.
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    }
  }
}

function openFile(path: string): DatabaseSync {
  // SQLite gives the files beside it the same mode.
  closeSync(openSync(path, "a", 0o640));
  const db = new DatabaseSync(path);
  try {
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 2000");
    const { user_version: version } = db.prepare("PRAGMA user_version").get() as { user_version: number };
    if (version > VERSION) throw new Error(`it is of version ${version}, which a newer program wrote`);
    db.exec(`
      CREATE TABLE IF NOT EXISTS rollups (
        step INTEGER NOT NULL, start INTEGER NOT NULL, name TEXT NOT NULL, server TEXT NOT NULL, bytes BLOB NOT NULL,
        PRIMARY KEY (step, start, name, server)
      ) WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
      PRAGMA user_version = ${VERSION};`);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function moveIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
