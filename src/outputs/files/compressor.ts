import fs from "node:fs";
import fsp from "node:fs/promises";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import zlib from "node:zlib";
import { reasonOf } from "../../message/error.ts";
import type { Report } from "../../message/report.ts";
import type { FilesCounters } from "./counters.ts";
import { idOf } from "./folder.ts";
import { type Compression, syncFolder } from "./journal.ts";

export const SUFFIXES = { gzip: ".gz", zstd: ".zst" } as const;

/** Compresses closed files one after another beside the writing. What is pending stands in the journal. */
export class Compressor {
  readonly #report: Report;
  readonly #counters: FilesCounters;
  readonly #mode: number;
  readonly #stop = new AbortController();
  readonly #done: () => void;
  /** By source: resolves when the file is dealt with. */
  readonly #pending = new Map<string, { job: Compression; promise: Promise<void> | undefined }>();
  #chain: Promise<void> = Promise.resolve();

  /** `done` is called after each file. */
  constructor(mode: number, counters: FilesCounters, report: Report, done: () => void) {
    this.#mode = mode;
    this.#counters = counters;
    this.#report = report;
    this.#done = done;
  }

  /** To be done, but not before `start`: the journal must know of it first. */
  plan(job: Compression): void {
    this.#pending.set(job.source, { job, promise: undefined });
    this.#counters.filesToCompress = this.#pending.size;
  }

  get pending(): Compression[] {
    return [...this.#pending.values()].map((entry) => entry.job);
  }

  has(source: string): boolean {
    return this.#pending.has(source);
  }

  /** Begins what is planned and named in `known`: the journal knows of it. */
  start(known: readonly Compression[]): void {
    for (const job of known) {
      const entry = this.#pending.get(job.source);
      if (entry?.job !== job || entry.promise !== undefined) continue;
      entry.promise = this.#chain.then(() => this.#compress(job));
      this.#chain = entry.promise.then(() => {
        // After a failure the job stays planned: the next checkpoint's `start` tries again.
        if (this.#pending.get(job.source)?.job === job && this.#finished.delete(job)) this.#pending.delete(job.source);
        else entry.promise = undefined;
        this.#counters.filesToCompress = this.#pending.size;
        this.#done();
      });
    }
  }

  readonly #failed = new WeakSet<Compression>();
  readonly #finished = new Set<Compression>();

  /** Resolves when nothing is being compressed any more. */
  idle(): Promise<void> {
    return this.#chain;
  }

  /** Ends at once; what is not finished is begun anew after a restart. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#chain;
  }

  async #compress(job: Compression): Promise<void> {
    if (this.#stop.signal.aborted) return;
    try {
      if (await compressFile(job, this.#mode, this.#stop.signal)) this.#counters.filesCompressed++;
      this.#finished.add(job);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#counters.errors++;
      if (this.#failed.has(job)) return;
      this.#failed.add(job);
      this.#report("error", "cannot compress a closed file; it stays as it is until the next try", {
        file: job.source,
        why: reasonOf(error),
      });
    }
  }
}

/**
 * Compresses one file: a temporary name, fsync, rename, and only then is the source deleted. So whenever the target is
 * there it is whole. False if there was nothing to do.
 */
async function compressFile(job: Compression, mode: number, signal: AbortSignal): Promise<boolean> {
  const stats = await fsp.lstat(job.source, { bigint: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (stats === undefined || idOf(stats) !== job.id) return false;
  if (!fs.existsSync(job.target)) {
    const temporary = `${job.target}.tmp`;
    await fsp.rm(temporary, { force: true });
    const level = { [zlib.constants.ZSTD_c_compressionLevel]: 3 };
    const gzip = job.target.endsWith(SUFFIXES.gzip);
    const packer = gzip ? zlib.createGzip() : zlib.createZstdCompress({ params: level });
    const from = fs.createReadStream(job.source, { highWaterMark: 256 * 1024 });
    // `flush`: fsync before the file is closed.
    const to = fs.createWriteStream(temporary, { flags: "wx", mode, highWaterMark: 256 * 1024, flush: true });
    try {
      await pipeline(from, packer, to, { signal });
    } catch (error) {
      await fsp.rm(temporary, { force: true });
      throw error;
    }
    await fsp.chmod(temporary, mode);
    await fsp.utimes(temporary, Number(stats.atimeMs) / 1000, Number(stats.mtimeMs) / 1000);
    await fsp.rename(temporary, job.target);
    await syncFolder(dirname(job.target));
  }
  await fsp.unlink(job.source);
  return true;
}
