/** Files as pieces of whole lines, read into one buffer that is used again: nothing is allocated for a line or a piece. */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline, type Readable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { NEWLINE } from "../message/lines.ts";

/** A longer line is cut into lines of this length: no server writes one. */
const BUFFER_BYTES = 2 * 1024 * 1024;
const READ_BYTES = 1024 * 1024;

/** A part of a file: all of it, or the lines that begin within a range of a plain one. */
export interface Part {
  readonly path: string;
  readonly compression: "none" | "gzip" | "zstd";
  /** The lines that begin from here... */
  readonly from: number;
  /** ...up to here, exclusive; Infinity for the end, wherever that is. */
  readonly to: number;
  /** Bytes of the file that this part is. */
  readonly bytes: number;
}

/** Takes whole lines: `bytes` from 0 to `to`, each ending in a newline but perhaps the last. They are overwritten afterwards. */
export type TakeLines = (bytes: Buffer, to: number) => void;

/** How far reading has come: so many bytes of the file more. */
export type Progressed = (bytes: number) => void;

export function compressionOf(path: string): Part["compression"] {
  return /\.t?gz$/.test(path) ? "gzip" : path.endsWith(".zst") ? "zstd" : "none";
}

/** The whole of a file. Throws what the system says of a file that is not there. */
export function wholeFile(path: string): Part {
  const { size } = statSync(path);
  return { path, compression: compressionOf(path), from: 0, to: Number.POSITIVE_INFINITY, bytes: size };
}

/** Gathers bytes to whole lines. */
export class LineGatherer {
  readonly bytes: Buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  /** Bytes in it that are not taken yet. */
  held = 0;
  readonly #take: TakeLines;

  constructor(take: TakeLines) {
    this.#take = take;
  }

  /** `count` bytes have been written to `bytes` behind `held`: hands on the lines that are whole. */
  grown(count: number): void {
    const { bytes } = this;
    this.held += count;
    let end = bytes.lastIndexOf(NEWLINE, this.held - 1) + 1;
    if (end === 0 && bytes.length - this.held < READ_BYTES) end = this.held; // a line without end
    if (end === 0) return;
    this.#take(bytes, end);
    bytes.copyWithin(0, end, this.held);
    this.held -= end;
  }

  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      const count = Math.min(chunk.length - at, this.bytes.length - this.held, READ_BYTES);
      chunk.copy(this.bytes, this.held, at, at + count);
      at += count;
      this.grown(count);
    }
  }

  /** The end: hands on what is left. */
  end(): void {
    if (this.held > 0) this.#take(this.bytes, this.held);
    this.held = 0;
  }
}

/** Reads a part to its end. */
export async function readPart(part: Part, take: TakeLines, progressed: Progressed): Promise<void> {
  if (part.compression === "none" && statSync(part.path).isFile()) {
    readPlain(part, take, progressed);
    return;
  }
  await readStream(await openStream(part, progressed), take);
}

async function openStream({ path, compression }: Part, progressed: Progressed): Promise<Readable> {
  const file = (await open(path)).createReadStream({ highWaterMark: 256 * 1024 });
  file.on("data", (chunk) => progressed(chunk.length));
  if (compression === "none") return file;
  const decoder = compression === "gzip" ? createGunzip() : createZstdDecompress();
  // Whoever reads the decoder sees either's error; pipeline carries the first stream's over.
  return pipeline(file, decoder, () => {});
}

/** Reads a stream to its end. */
export async function readStream(stream: Readable, take: TakeLines): Promise<void> {
  const gatherer = new LineGatherer(take);
  for await (const chunk of stream as AsyncIterable<Buffer>) gatherer.push(chunk);
  gatherer.end();
}

/** Synchronous: this is all that its thread does, and a promise for each piece would only cost. */
function readPlain({ path, from, to }: Part, take: TakeLines, progressed: Progressed): void {
  const file = openSync(path, "r");
  try {
    // A range begins with the first line that starts in it: the one that is cut by its beginning belongs to the range before.
    let at = from === 0 ? 0 : afterNewline(file, from - 1);
    if (at >= to) return;
    const gatherer = new LineGatherer(take);
    const end = to === Number.POSITIVE_INFINITY ? to : afterNewline(file, to - 1);
    while (at < end) {
      const wanted = Math.min(READ_BYTES, gatherer.bytes.length - gatherer.held, end - at);
      const count = readSync(file, gatherer.bytes, gatherer.held, wanted, at);
      if (count === 0) break;
      at += count;
      gatherer.grown(count);
      progressed(count);
    }
    gatherer.end();
  } finally {
    closeSync(file);
  }
}

/** Where the line after the first newline at or behind `at` begins; Infinity if there is none. */
function afterNewline(file: number, at: number): number {
  const bytes = Buffer.allocUnsafe(64 * 1024);
  for (;;) {
    const count = readSync(file, bytes, 0, bytes.length, at);
    if (count === 0) return Number.POSITIVE_INFINITY;
    const found = bytes.subarray(0, count).indexOf(NEWLINE);
    if (found !== -1) return at + found + 1;
    at += count;
  }
}

/** The first bytes of what a part holds, decompressed, to tell its format by. */
export async function headOf(part: Part): Promise<Buffer> {
  const wanted = 256 * 1024;
  const chunks: Buffer[] = [];
  let bytes = 0;
  const stream = await openStream(part, () => {});
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= wanted) break;
  }
  stream.destroy();
  return Buffer.concat(chunks).subarray(0, wanted);
}
