/**
 * The journal of a file output: what makes it exactly-once. It stands in the node's state folder and begins with a
 * checkpoint: a place on the bus and the lengths that the files have there, all of it fsynced. Then, for every chunk that
 * is written to the files, an intent before and a mark `done` after it. Both outlive the process at once and the machine
 * with the next checkpoint, which begins a new journal.
 *
 * A record is a line: eight hexadecimal digits of CRC-32, a blank, JSON. A torn last line is no record.
 */
import fs from "node:fs";
import fsp from "node:fs/promises";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";
import { LogspreadError } from "../../message/error.ts";
import type { Place } from "./parcel.ts";

/** A file as it is at some moment. */
export interface FileMark {
  readonly path: string;
  /** Device and inode: the file itself, whatever its name. */
  readonly id: string;
  readonly length: number;
  /** The time that its path's date parts come from, µs. */
  readonly dateUs: number;
}

/** A closed file that is to be compressed. */
export interface Compression {
  readonly source: string;
  readonly id: string;
  readonly target: string;
}

/** A file that is to get another name. */
export interface Renaming {
  readonly path: string;
  readonly id: string;
  readonly target: string;
}

/** The paths that were written to on a day of bus time: how maxPathsPerDay is kept. */
export interface DayPaths {
  readonly day: number;
  readonly paths: readonly string[];
}

export interface Checkpoint {
  readonly kind: "checkpoint";
  readonly version: 1;
  /** The machine's boot: what was not fsynced lives no longer than it. */
  readonly boot: string;
  readonly place: Place;
  readonly day: DayPaths;
  readonly files: readonly FileMark[];
  readonly renamings: readonly Renaming[];
  readonly compressions: readonly Compression[];
}

/** A chunk that is about to be written: the files with their lengths before it and what is added to each. */
export interface Intent {
  readonly kind: "intent";
  readonly place: Place;
  /** The paths that are new on this day. */
  readonly day: DayPaths;
  readonly files: readonly (FileMark & { readonly grow: number })[];
}

/** `done`: the intent before it is written. `distrust`: an fsync failed; only the checkpoint counts, as after a power cut. */
export type JournalRecord = Checkpoint | Intent | { readonly kind: "done" } | { readonly kind: "distrust" };

export class Journal {
  readonly path: string;
  #fd = -1;
  #tail: Buffer[] | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /** The records that are whole, or undefined if there is no journal. Throws if it does not begin with a checkpoint. */
  read(): [Checkpoint, ...JournalRecord[]] | undefined {
    let bytes: Buffer;
    try {
      bytes = fs.readFileSync(this.path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
    const records: JournalRecord[] = [];
    for (let at = 0; at < bytes.length; ) {
      const end = bytes.indexOf(10, at);
      if (end === -1) break;
      const sum = bytes.toString("latin1", at, at + 8);
      if (sum !== checksum(bytes.subarray(at + 9, end))) break;
      records.push(JSON.parse(bytes.toString("utf8", at + 9, end)) as JournalRecord);
      at = end + 1;
    }
    const [first, ...rest] = records;
    if (first?.kind === "checkpoint" && first.version === 1) return [first, ...rest];
    throw new LogspreadError("BAD_FRAME", {
      what: `cannot read the journal ${this.path}`,
      why: first?.kind === "checkpoint" ? `its version is ${first.version}` : "its first record is damaged",
      fix: "Move it away together with the files it wrote, or restore it; without it the output begins anew",
    });
  }

  /** Appends a record: it outlives this process. Throws what the disk says; the journal is then good up to before it. */
  append(record: JournalRecord): void {
    const line = encode(record);
    for (let at = 0; at < line.length; ) at += fs.writeSync(this.#fd, line, at);
    this.#tail?.push(line);
  }

  /** What was appended outlives the machine, too. */
  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.#fd, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** From now on records are remembered: `replace` puts them behind its checkpoint. */
  keepTail(): void {
    this.#tail = [];
  }

  /** Begins a new journal with a checkpoint and what was appended since `keepTail`. On failure the old one stays. */
  async replace(checkpoint: Checkpoint): Promise<void> {
    const temporary = `${this.path}.tmp`;
    const file = await fsp.open(temporary, "w", 0o640);
    try {
      await file.writeFile(Buffer.concat([encode(checkpoint), ...(this.#tail ?? [])]));
      await file.datasync();
    } finally {
      await file.close();
    }
    await fsp.rename(temporary, this.path);
    await syncFolder(dirname(this.path));
    this.close();
    this.#fd = fs.openSync(this.path, fs.constants.O_WRONLY | fs.constants.O_APPEND);
    this.#tail = undefined;
  }

  close(): void {
    if (this.#fd !== -1) fs.closeSync(this.#fd);
    this.#fd = -1;
  }
}

function encode(record: JournalRecord): Buffer {
  const json = Buffer.from(JSON.stringify(record));
  return Buffer.concat([Buffer.from(`${checksum(json)} `), json, Buffer.from("\n")]);
}

function checksum(json: Buffer): string {
  return crc32(json).toString(16).padStart(8, "0");
}

/** Makes names in a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await fsp.open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
