/**
 * Writes parcels to files, exactly once. One caller at a time: every method is awaited before the next is called. Any
 * failure of the disk is thrown; the writer is then of no more use, and a new one recovers as after a crash.
 */
import fs from "node:fs";
import fsp, { type FileHandle } from "node:fs/promises";
import { dirname, relative } from "node:path";
import { LogspreadError, reasonOf } from "../../message/error.ts";
import type { Report } from "../../message/report.ts";
import { Compressor, SUFFIXES } from "./compressor.ts";
import type { NamedFilesConfig } from "./config.ts";
import type { FilesCounters } from "./counters.ts";
import { locate, type Modes, makeFolders, namesIn, openBelow } from "./folder.ts";
import { type Checkpoint, type Journal, type Renaming, syncFolder } from "./journal.ts";
import type { Parcel, Place } from "./parcel.ts";
import type { Portion } from "./portion.ts";
import { type Recovered, recover } from "./recover.ts";
import { retire } from "./retention.ts";
import type { Sorter } from "./sorter.ts";
import { rotatedName } from "./template.ts";

/** Bytes gathered before a chunk is written: enough that the journal's two records cost nothing beside it. */
const CHUNK_BYTES = 4 * 1024 * 1024;
/** Files written, synced or opened at once: the thread pool has four threads, and batches are opened on it, too. */
const PARALLEL = 2;
const DAY_US = 86_400_000_000;
/** How long after midnight a line of yesterday may still come, by its own time, before its file is closed. */
const LATE_US = 3_600_000_000;
const RETIRE_EVERY_MS = 60_000;

interface LogFile {
  readonly path: string;
  readonly id: string;
  readonly dateUs: number;
  length: number;
  handle: FileHandle | undefined;
  /** Written to since the last fsync. */
  dirty: boolean;
  /** The journal on disk knows of it: after a power cut it will be found and cut. */
  durable: boolean;
  /** It gets no more lines: the next checkpoint closes it. */
  closing: boolean;
}

interface Addition {
  readonly file: LogFile;
  readonly buffers: Buffer[];
  bytes: number;
  lines: number;
}

/** A checkpoint whose files are being synced while writing goes on. */
interface Syncing {
  readonly content: Checkpoint;
  readonly synced: Promise<void>;
  finished: boolean;
  readonly files: readonly LogFile[];
  readonly closing: readonly LogFile[];
}

export class FileWriter {
  readonly #config: NamedFilesConfig;
  readonly #sorter: Sorter;
  readonly #journal: Journal;
  readonly #bootId: string;
  readonly #counters: FilesCounters;
  readonly #report: Report;
  readonly #wake: () => void;
  readonly #compressor: Compressor;
  readonly #modes: Modes;
  /** By path, the least recently used first. */
  readonly #files = new Map<string, LogFile>();
  readonly #links = new Map<string, { target: string; dateUs: number }>();
  /** Folders whose names must be made durable with the next checkpoint. */
  readonly #folders = new Set<string>();
  readonly #graceUs: number;
  #place: Place;
  #day: number;
  #paths: Set<string>;
  #newPaths: string[] = [];
  #busTimeUs = 0;
  #dateKey: string | undefined;
  #changed = false;
  #urgent = false;
  #syncing: Syncing | undefined;
  #retiredMs = 0;
  readonly #reported = new Map<string, number>();
  readonly #chunk = new Map<LogFile, Addition>();
  #chunkBytes = 0;
  #chunkPlace: Place | undefined;

  /** Recovers and makes a first checkpoint. `wake` is called when a checkpoint or a compression is ready to be finished. */
  static async open(
    config: NamedFilesConfig,
    sorter: Sorter,
    journal: Journal,
    bootId: string,
    start: Place,
    counters: FilesCounters,
    report: Report,
    wake: () => void,
  ): Promise<FileWriter> {
    await fsp.mkdir(dirname(journal.path), { recursive: true, mode: 0o750 });
    const recovered = recover(journal, bootId, report);
    const place = recovered.fresh ? start : recovered.place;
    const writer = new FileWriter(config, sorter, journal, bootId, { ...recovered, place }, counters, report, wake);
    await writer.checkpoint();
    return writer;
  }

  private constructor(
    config: NamedFilesConfig,
    sorter: Sorter,
    journal: Journal,
    bootId: string,
    state: Recovered,
    counters: FilesCounters,
    report: Report,
    wake: () => void,
  ) {
    this.#config = config;
    this.#sorter = sorter;
    this.#journal = journal;
    this.#bootId = bootId;
    this.#counters = counters;
    this.#report = report;
    this.#wake = wake;
    this.#modes = { file: Number.parseInt(config.mode, 8), folder: Number.parseInt(config.dirMode, 8) };
    this.#compressor = new Compressor(this.#modes.file, counters, report, () => {
      this.#changed = true;
      wake();
    });
    this.#graceUs =
      (config.time === "event" ? LATE_US : 0) + (config.order === "event-time" ? config.lateness * 1000 : 0);
    this.#place = state.place;
    this.#day = state.day;
    this.#paths = state.paths;
    for (const mark of state.files.values()) {
      // What was written before a crash may be only in the page cache: the first checkpoint syncs it.
      this.#files.set(mark.path, { ...mark, handle: undefined, dirty: true, durable: true, closing: false });
    }
    for (const job of state.compressions) this.#compressor.plan(job);
    this.#changed = true;
    counters.position = state.place.position;
    this.#count();
  }

  get place(): Place {
    return this.#place;
  }

  /** There is something that a checkpoint would make durable. */
  get changed(): boolean {
    return this.#changed;
  }

  /** A checkpoint that was begun can be finished without waiting. */
  get syncFinished(): boolean {
    return this.#syncing?.finished === true;
  }

  /** A checkpoint should not wait for its time. */
  get urgent(): boolean {
    return this.#urgent;
  }

  get syncing(): boolean {
    return this.#syncing !== undefined;
  }

  /** Writes parcels in order. */
  async write(parcels: readonly Parcel[]): Promise<void> {
    for (const parcel of parcels) {
      if (parcel.busTimeUs > 0) {
        const day = Math.floor(parcel.busTimeUs / DAY_US);
        if (day !== this.#day) {
          await this.#flush();
          this.#day = day;
          this.#paths = new Set();
          this.#newPaths = [];
        }
        this.#busTimeUs = parcel.busTimeUs;
      }
      const files: LogFile[] = [];
      for (const portion of parcel.portions) files.push(await this.#fileOf(portion));
      await this.#rotateFull(parcel, files);
      for (const [i, portion] of parcel.portions.entries()) this.#add(files[i]!, portion);
      this.#chunkPlace = parcel.place;
      if (this.#chunkBytes >= CHUNK_BYTES || this.#chunk.size >= this.#config.maxOpenFiles) await this.#flush();
      await this.#closePast();
    }
    await this.#flush();
    await this.#evict();
  }

  /** Closes all files and opens them by their paths, as after a rename by logrotate; all that was written is durable. */
  async reopen(): Promise<void> {
    await this.checkpoint();
    const again = [...this.#files.values()].filter((file) => file.handle !== undefined);
    for (const file of this.#files.values()) await this.#close(file);
    for (const file of again) await this.#open(file.path, file.dateUs);
    await this.checkpoint();
  }

  /** Makes all that was written durable and says so in a new journal. */
  async checkpoint(): Promise<void> {
    await this.finishCheckpoint();
    this.beginCheckpoint();
    await this.finishCheckpoint();
  }

  /** Begins to sync what was written; writing may go on. */
  beginCheckpoint(renamings: readonly Renaming[] = []): void {
    if (this.#syncing) return;
    const dirty = [...this.#files.values()].filter((file) => file.dirty);
    const closing = [...this.#files.values()].filter((file) => file.closing);
    const renamed = new Set(renamings.map((renaming) => renaming.path));
    const content: Checkpoint = {
      kind: "checkpoint",
      version: 1,
      boot: this.#bootId,
      place: this.#place,
      day: { day: this.#day, paths: [...this.#paths] },
      files: [...this.#files.values()]
        .filter((file) => !renamed.has(file.path) && !file.closing)
        .map(({ path, id, length, dateUs }) => ({ path, id, length, dateUs })),
      renamings,
      compressions: this.#compressor.pending,
    };
    for (const file of dirty) file.dirty = false;
    const folders = [...this.#folders];
    this.#folders.clear();
    this.#changed = false;
    this.#urgent = false;
    this.#journal.keepTail();
    const synced = this.#sync(dirty, folders);
    const syncing: Syncing = { content, synced, finished: false, files: [...this.#files.values()], closing };
    const settled = (): void => {
      syncing.finished = true;
      this.#wake();
    };
    synced.then(settled, settled);
    this.#syncing = syncing;
  }

  /** Waits for a checkpoint that was begun and makes it the journal's beginning. */
  async finishCheckpoint(): Promise<void> {
    const syncing = this.#syncing;
    if (syncing === undefined) return;
    try {
      await syncing.synced;
    } catch (cause) {
      // The kernel forgets what it could not write: only what the last checkpoint says is sure to be on the disk.
      this.#journal.append({ kind: "distrust" });
      throw new LogspreadError(
        "DISK_FAILED",
        {
          what: `cannot make the files of output ${this.#config.name} durable`,
          why: reasonOf(cause),
          fix: "See to the disk; what was not durable is written again from the bus",
        },
        { cause },
      );
    }
    await this.#journal.replace(syncing.content);
    this.#syncing = undefined;
    for (const file of syncing.files) file.durable = true;
    for (const file of syncing.closing) {
      await this.#close(file);
      if (this.#files.get(file.path) === file) this.#files.delete(file.path);
    }
    if (syncing.content.renamings.length === 0) this.#compressor.start(syncing.content.compressions);
    this.#counters.checkpoints++;
    this.#counters.durablePosition = syncing.content.place.position;
    this.#count();
    const nowMs = Date.now();
    if (nowMs - this.#retiredMs >= RETIRE_EVERY_MS) {
      this.#retiredMs = nowMs;
      await this.#retire(nowMs);
    }
  }

  /** Closes everything; `durable`: with a last checkpoint. */
  async close(durable: boolean): Promise<void> {
    try {
      if (durable) await this.checkpoint();
    } finally {
      await this.#syncing?.synced.catch(() => {}); // it was reported, or is void after another failure
      await this.#compressor.close();
      for (const file of this.#files.values()) await this.#close(file).catch(() => {});
      this.#journal.close();
      this.#counters.filesOpen = 0;
    }
  }

  async #fileOf(portion: Portion): Promise<LogFile> {
    let path = portion.path;
    if (!this.#paths.has(path)) {
      if (this.#paths.size >= this.#config.maxPathsPerDay) {
        path = this.#overflow(portion, "there are more different files a day than maxPathsPerDay allows");
      } else {
        this.#paths.add(path);
        this.#newPaths.push(path);
      }
    }
    let opened = await this.#open(path, portion.dateUs);
    if (typeof opened === "string") {
      opened = await this.#open(this.#overflow(portion, opened), portion.dateUs);
      if (typeof opened === "string") {
        throw new LogspreadError("DISK_FAILED", {
          what: `cannot write to ${portion.path}`,
          why: opened,
          fix: "Remove the link, or change the output's path",
        });
      }
    }
    if (portion.link !== undefined) await this.#linkTo(portion.link, opened, portion.dateUs);
    return opened;
  }

  #overflow(portion: Portion, why: string): string {
    this.#counters.linesOverflowed += portion.lines;
    const path = this.#sorter.template.renderOverflow(portion.dateUs);
    this.#rarely(why, "warn", "lines go to the file called other", { file: path, why });
    return path;
  }

  /** The open file at `path`; or why it is refused. */
  async #open(path: string, dateUs: number): Promise<LogFile | string> {
    const known = this.#files.get(path);
    if (known?.handle !== undefined && !known.closing) {
      this.#files.delete(path);
      this.#files.set(path, known);
      return known;
    }
    if (known?.closing || this.#compressor.has(path)) {
      // A late line for a file that is closed, perhaps being compressed: a new file begins when that is done.
      await this.#flush();
      await this.checkpoint();
      await this.#compressor.idle();
      await this.checkpoint();
    }
    const opening = await openBelow(this.#sorter.template.base, path, this.#modes);
    if (opening.kind === "refused") return opening.why;
    for (const folder of opening.fresh) this.#folders.add(folder);
    const before = this.#files.get(path);
    const { handle, id, length } = opening;
    let file: LogFile;
    if (before?.id === id) file = Object.assign(before, { handle, length });
    else {
      if (before !== undefined) await this.#replaced(before);
      file = { path, id, dateUs, length, handle, dirty: false, durable: false, closing: false };
    }
    this.#files.delete(path);
    this.#files.set(path, file);
    this.#changed = true;
    this.#count();
    return file;
  }

  /** A file that is no longer at its path, though nobody told us to reopen: what we wrote to it must still be durable. */
  async #replaced(file: LogFile): Promise<void> {
    const found = file.dirty ? locate(file.path, file.id, true) : undefined;
    if (found !== undefined) await syncPath(found.path);
  }

  #add(file: LogFile, portion: Portion): void {
    const addition = this.#chunk.get(file);
    if (addition === undefined) {
      this.#chunk.set(file, { file, buffers: [portion.bytes], bytes: portion.bytes.length, lines: portion.lines });
    } else {
      addition.buffers.push(portion.bytes);
      addition.bytes += portion.bytes.length;
      addition.lines += portion.lines;
    }
    this.#chunkBytes += portion.bytes.length;
  }

  /** Writes the chunk: intent, data, done. */
  async #flush(): Promise<void> {
    const place = this.#chunkPlace;
    if (place === undefined) return;
    const additions = [...this.#chunk.values()];
    if (additions.length > 0) {
      const unknown = additions.some(({ file }) => !file.durable);
      for (const { file } of additions) {
        const { size } = fs.fstatSync(file.handle!.fd);
        if (size < file.length) {
          // Emptied under us (copytruncate): a checkpoint soon, so that little would be written twice after a power cut.
          this.#counters.truncations++;
          this.#urgent = true;
        }
        file.length = size;
      }
      this.#journal.append({
        kind: "intent",
        place,
        day: { day: this.#day, paths: this.#newPaths },
        files: additions.map(({ file: { path, id, length, dateUs }, bytes }) => ({
          path,
          id,
          length,
          dateUs,
          grow: bytes,
        })),
      });
      // Bytes of a file that a journal on disk does not know could not be cut off after a power cut.
      if (unknown) await this.#journal.sync();
      await inParallel(additions, ({ file, buffers }) => {
        file.dirty = true;
        return writeAll(file.handle!, buffers);
      });
      this.#journal.append({ kind: "done" });
      for (const { file, bytes, lines } of additions) {
        file.durable = true;
        file.length += bytes;
        this.#counters.bytesWritten += bytes;
        this.#counters.linesWritten += lines;
      }
      this.#newPaths = [];
      this.#chunk.clear();
      this.#chunkBytes = 0;
    }
    this.#place = place;
    this.#chunkPlace = undefined;
    this.#changed = true;
    this.#counters.position = place.position;
  }

  /** Rotates files that this parcel would make too long, and puts their successors in their place. */
  async #rotateFull(parcel: Parcel, files: LogFile[]): Promise<void> {
    const limit = this.#config.rotate?.bytes;
    if (limit === undefined) return;
    const grow = new Map<LogFile, number>();
    for (const [i, file] of files.entries()) {
      const planned = grow.get(file) ?? this.#chunk.get(file)?.bytes ?? 0;
      grow.set(file, planned + parcel.portions[i]!.bytes.length);
    }
    const full: LogFile[] = [];
    for (const [file, bytes] of grow) {
      const waiting = this.#chunk.get(file)?.bytes ?? 0;
      if (file.length + waiting > 0 && file.length + bytes > limit) full.push(file);
    }
    if (full.length === 0) return;
    await this.#flush();
    await this.finishCheckpoint();
    const renamings: Renaming[] = full.map(({ path, id }) => ({
      path,
      id,
      target: rotatedName(path, parcel.busTimeUs, this.#sorter.zone, namesIn(dirname(path))),
    }));
    for (const { target, id } of renamings) this.#planCompression(target, id);
    this.beginCheckpoint(renamings);
    await this.finishCheckpoint();
    for (const [i, file] of full.entries()) {
      await fsp.rename(file.path, renamings[i]!.target);
      this.#folders.add(dirname(file.path));
      await this.#close(file);
      this.#files.delete(file.path);
      this.#counters.filesRotated++;
    }
    await this.checkpoint();
    for (const [i, file] of files.entries()) {
      if (!full.includes(file)) continue;
      const opened = await this.#open(file.path, parcel.portions[i]!.dateUs);
      if (typeof opened === "string") throw new Error(opened);
      files[i] = opened;
      const { link, dateUs } = parcel.portions[i]!;
      if (link !== undefined) await this.#linkTo(link, opened, dateUs);
    }
    this.#retiredMs = 0;
  }

  #planCompression(source: string, id: string): void {
    if (this.#config.compress === "none") return;
    let target = `${source}${SUFFIXES[this.#config.compress]}`;
    if (fs.existsSync(target)) {
      const names = namesIn(dirname(source));
      target = `${rotatedName(source, this.#busTimeUs, this.#sorter.zone, names)}${SUFFIXES[this.#config.compress]}`;
    }
    this.#compressor.plan({ source, id, target });
  }

  /** Closes the files of dates that are past. */
  async #closePast(): Promise<void> {
    const { template } = this.#sorter;
    if (!template.dated || this.#busTimeUs === 0) return;
    const nowUs = this.#busTimeUs - this.#graceUs;
    const key = template.dateKey(nowUs);
    if (key === this.#dateKey) return;
    this.#dateKey = key;
    const past = [...this.#files.values()].filter(
      (file) => !file.closing && file.dateUs <= nowUs && template.dateKey(file.dateUs) !== key,
    );
    if (past.length === 0) return;
    await this.#flush();
    for (const file of past) {
      file.closing = true;
      this.#planCompression(file.path, file.id);
    }
    this.#changed = true;
    this.#retiredMs = 0;
  }

  async #evict(): Promise<void> {
    let open = 0;
    for (const file of this.#files.values()) if (file.handle !== undefined) open++;
    this.#counters.filesOpen = open;
    if (open <= this.#config.maxOpenFiles) return;
    // The files of a checkpoint under way are being synced through their handles.
    await this.finishCheckpoint();
    for (const file of this.#files.values()) {
      if (open <= this.#config.maxOpenFiles) break;
      if (file.handle === undefined) continue;
      await this.#close(file);
      open--;
    }
    this.#count();
  }

  async #close(file: LogFile): Promise<void> {
    const { handle } = file;
    file.handle = undefined;
    await handle?.close();
  }

  async #sync(files: readonly LogFile[], folders: readonly string[]): Promise<void> {
    await inParallel(files, async (file) => {
      if (file.handle !== undefined) return file.handle.datasync();
      const found = locate(file.path, file.id, true);
      if (found !== undefined) await syncPath(found.path); // else deleted: nothing is left to make durable
    });
    for (const folder of folders) {
      await syncFolder(folder).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "ENOENT") throw error; // deleted meanwhile, with all that was in it
      });
    }
  }

  async #linkTo(link: string, file: LogFile, dateUs: number): Promise<void> {
    const target = relative(dirname(link), file.path);
    const known = this.#links.get(link);
    if (known !== undefined && (known.target === target || known.dateUs > dateUs)) return;
    this.#links.set(link, { target, dateUs });
    const why = await makeFolders(this.#sorter.template.base, dirname(link), this.#modes.folder, []);
    const stats = await fsp.lstat(link).catch(() => undefined);
    if (why !== undefined || (stats !== undefined && !stats.isSymbolicLink())) {
      this.#rarely(link, "warn", "cannot make the current link", { link, why: why ?? "something else has its name" });
      return;
    }
    if (stats !== undefined && (await fsp.readlink(link)) === target) return;
    await fsp.rm(`${link}.tmp`, { force: true });
    await fsp.symlink(target, `${link}.tmp`);
    await fsp.rename(`${link}.tmp`, link);
  }

  async #retire(nowMs: number): Promise<void> {
    const { retain } = this.#config;
    if (retain.files === undefined && retain.age === undefined && retain.bytes === undefined) return;
    const kept = (path: string): boolean => this.#files.has(path) || this.#compressor.has(path);
    const dateKey = this.#sorter.template.dateKey(this.#busTimeUs || nowMs * 1000);
    try {
      this.#counters.filesDeleted += await retire(this.#sorter.template, retain, kept, dateKey, nowMs);
    } catch (error) {
      this.#counters.errors++;
      this.#rarely("retire", "error", "cannot delete old files", { why: reasonOf(error) });
    }
  }

  #count(): void {
    this.#counters.filesTracked = this.#files.size;
    this.#counters.filesOpen = 0;
    for (const file of this.#files.values()) if (file.handle !== undefined) this.#counters.filesOpen++;
  }

  /** At most once a minute for each `key`. */
  #rarely(key: string, level: "warn" | "error", text: string, fields: Record<string, unknown>): void {
    const nowMs = Date.now();
    if (nowMs - (this.#reported.get(key) ?? 0) < 60_000) return;
    if (this.#reported.size > 100) this.#reported.clear();
    this.#reported.set(key, nowMs);
    this.#report(level, text, { output: this.#config.name, ...fields });
  }
}

/** Writes all of the buffers: a disk that fills up takes a part and says no the next time. */
async function writeAll(handle: FileHandle, buffers: readonly Buffer[]): Promise<void> {
  let rest = buffers;
  for (;;) {
    let { bytesWritten } = await handle.writev(rest);
    let i = 0;
    while (i < rest.length && bytesWritten >= rest[i]!.length) bytesWritten -= rest[i++]!.length;
    if (i === rest.length) return;
    rest = [rest[i]!.subarray(bytesWritten), ...rest.slice(i + 1)];
  }
}

async function syncPath(path: string): Promise<void> {
  const handle = await fsp.open(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW);
  try {
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

/** Calls `work` for each item, a few at once; rejects with the first failure after those under way are settled. */
async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  if (items.length === 1) return work(items[0]!);
  let next = 0;
  const failures: unknown[] = [];
  const worker = async (): Promise<void> => {
    while (next < items.length && failures.length === 0) {
      try {
        await work(items[next++]!);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  if (failures.length > 0) throw failures[0];
}
