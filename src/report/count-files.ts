/** Counts the lines of files: in this thread, or by several when there is much to read. */

import { extname } from "node:path";
import type { Readable } from "node:stream";
import { Worker } from "node:worker_threads";
import { type Format, NAMED_FORMATS, parserFor } from "../formats/parser-for.ts";
import { recognise } from "../formats/recognise.ts";
import { LogspreadError, reasonOf } from "../message/error.ts";
import { countriesOf } from "../metrics/countries.ts";
import { Counter } from "./counter.ts";
import { headOf, LineGatherer, type Part, readPart, wholeFile } from "./input.ts";
import type { FromThread, ThreadSettings, ToThread } from "./thread-messages.ts";

export interface CountSettings extends ThreadSettings {
  /** Paths; "-" is standard input. */
  readonly files: readonly string[];
  readonly format: "auto" | Format;
  /** Threads at most. */
  readonly threads: number;
}

export interface CountDeps {
  readonly stdin: Readable;
  /** So many bytes have been read of so many (undefined: nobody knows) in all. */
  readonly progress: (read: number, of: number | undefined) => void;
}

export interface Counted {
  readonly counter: Counter;
  /** Which format each file was read in. */
  readonly formats: readonly { readonly file: string; readonly format: string }[];
  /** Bytes of the files as they lie on the disk. */
  readonly bytes: number;
}

/** Less than this is counted before a thread has started. */
const MIN_THREAD_BYTES = 32 * 1024 * 1024;
/** Least part of a file that is worth a turn. */
const MIN_PART_BYTES = 8 * 1024 * 1024;

interface Job {
  readonly part: Part;
  readonly format: Format;
}

export async function countFiles(settings: CountSettings, deps: CountDeps): Promise<Counted> {
  const jobs: Job[] = [];
  const formats: { file: string; format: string }[] = [];
  let total: number | undefined = 0;
  for (const path of settings.files) {
    if (path === "-") {
      total = undefined;
      continue;
    }
    const part = wholeFile(path);
    const format = await formatOf(path, () => headOf(part), settings);
    if (format === undefined) continue; // an empty file
    jobs.push({ part, format });
    formats.push({ file: path, format: nameOf(format) });
    if (total !== undefined) total += part.bytes;
  }
  let read = 0;
  const progressed = (bytes: number) => {
    read += bytes;
    deps.progress(read, total);
  };
  const counter = new Counter(settings, await countriesOf(settings.countries), settings.seed);
  const threads = Math.min(settings.threads, Math.floor(sizeOf(jobs) / MIN_THREAD_BYTES) + 1);
  const split = threads === 1 ? jobs : jobs.flatMap((job) => splitJob(job, sizeOf(jobs), threads));
  if (threads === 1 || split.length === 1) await countHere(counter, jobs, settings, progressed);
  else await countInThreads(counter, split, Math.min(threads, split.length), settings, progressed);
  if (settings.files.includes("-")) {
    const format = await countStream(counter, settings, deps.stdin, progressed);
    if (format !== undefined) formats.push({ file: "-", format: nameOf(format) });
  }
  return { counter, formats, bytes: read };
}

function sizeOf(jobs: readonly Job[]): number {
  return jobs.reduce((sum, { part }) => sum + part.bytes, 0);
}

function nameOf(format: Format): string {
  return typeof format === "string" ? format : JSON.stringify(format.json);
}

/** What was asked for, or what the first lines look like; undefined if there are none. */
async function formatOf(
  path: string,
  head: () => Promise<Buffer>,
  { format, parser }: CountSettings,
): Promise<Format | undefined> {
  if (format !== "auto") return format;
  const bytes = await head();
  if (bytes.length === 0) return undefined;
  const found = recognise(bytes, parser);
  if (found !== undefined) return found.name;
  throw new LogspreadError("BAD_ARGUMENT", {
    what: `cannot tell the format of ${path}`,
    why: "no format that has a name reads half of its first lines",
    fix: "Say it with --format; `logspread formats` lists those that have a name",
  });
}

async function countHere(
  counter: Counter,
  jobs: readonly Job[],
  settings: CountSettings,
  progressed: (bytes: number) => void,
): Promise<void> {
  for (const { part, format } of jobs) {
    const file = counter.file(part.path, parserFor(format, settings.parser));
    await readPart(part, file.take, progressed).catch((error: unknown) => {
      throw cannotRead(part.path, reasonOf(error));
    });
    file.end();
  }
}

/** A plain file in several parts. What a header line says holds for all of a W3C file, so that is one. */
function splitJob({ part, format }: Job, total: number, threads: number): Job[] {
  const headed = NAMED_FORMATS.some(({ name, kind }) => name === format && kind === "w3c");
  const size = Math.max(MIN_PART_BYTES, Math.ceil(total / (threads * 4)));
  if (headed || part.compression !== "none" || part.bytes < size * 2) return [{ part, format }];
  const parts: Job[] = [];
  for (let from = 0; from < part.bytes; from += size) {
    const to = from + size >= part.bytes ? Number.POSITIVE_INFINITY : from + size;
    parts.push({ part: { ...part, from, to, bytes: Math.min(size, part.bytes - from) }, format });
  }
  return parts;
}

async function countInThreads(
  counter: Counter,
  jobs: readonly Job[],
  threads: number,
  settings: CountSettings,
  progressed: (bytes: number) => void,
): Promise<void> {
  // Largest first, so that none is left alone with a large one at the end.
  const waiting = [...jobs].sort((a, b) => a.part.bytes - b.part.bytes);
  const { privacy, fromUs, toUs, parser, countries, seed } = settings;
  const workerData: ThreadSettings = { privacy, fromUs, toUs, parser, countries, seed };
  const workers: Worker[] = [];
  try {
    await Promise.all(
      Array.from({ length: threads }, () => {
        const worker = new Worker(new URL(`./thread${extname(import.meta.url)}`, import.meta.url), { workerData });
        workers.push(worker);
        return work(worker, waiting, counter, progressed);
      }),
    );
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

/** Gives a worker jobs until there are none, then takes what it counted. */
function work(worker: Worker, waiting: Job[], counter: Counter, progressed: (bytes: number) => void): Promise<void> {
  const give = () => {
    const job = waiting.pop();
    const message: ToThread = job === undefined ? { kind: "end" } : { kind: "part", ...job };
    worker.postMessage(message);
  };
  return new Promise((resolve, reject) => {
    worker.on("error", reject);
    worker.on("exit", (code) => reject(new Error(`a counting thread ended with code ${code}`)));
    worker.on("message", (message: FromThread) => {
      switch (message.kind) {
        case "read":
          progressed(message.bytes);
          break;
        case "done":
          give();
          break;
        case "failed":
          reject(cannotRead(message.path, message.why));
          break;
        case "result":
          counter.merge(message.result);
          resolve();
          break;
        default:
          message satisfies never;
      }
    });
    give();
  });
}

function cannotRead(path: string, why: string): LogspreadError {
  return new LogspreadError("DISK_FAILED", {
    what: `cannot read ${path}`,
    why,
    fix: "Check that it is there, that it may be read, and that a compressed file is whole",
  });
}

/** Standard input can be read once: its first piece tells the format and is then counted. */
async function countStream(
  counter: Counter,
  settings: CountSettings,
  stdin: Readable,
  progressed: (bytes: number) => void,
): Promise<Format | undefined> {
  let format: Format | undefined;
  let file: ReturnType<Counter["file"]> | undefined;
  const first: Buffer[] = [];
  let firstBytes = 0;
  const gatherer = new LineGatherer((bytes, to) => file!.take(bytes, to));
  const begin = async () => {
    const head = Buffer.concat(first);
    format = await formatOf("standard input", async () => head, settings);
    if (format === undefined) return;
    file = counter.file("-", parserFor(format, settings.parser));
    gatherer.push(head);
  };
  for await (const chunk of stdin as AsyncIterable<Buffer>) {
    progressed(chunk.length);
    if (file !== undefined) gatherer.push(chunk);
    else {
      first.push(chunk);
      firstBytes += chunk.length;
      if (firstBytes >= HEAD_BYTES) await begin();
    }
  }
  if (file === undefined) await begin();
  gatherer.end();
  file?.end();
  return format;
}

/** So much of standard input is waited for before its format is told. */
const HEAD_BYTES = 64 * 1024;
