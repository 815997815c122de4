/** The lines of files, plain or compressed, one file after the other. */
import { createReadStream, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream";
import zlib from "node:zlib";
import { systemCodeOf } from "../message/error.ts";
import { countLines, endOfLastLine } from "../message/lines.ts";
import type { Piece } from "./line-source.ts";

/** Lines of a file: the first of them is its `firstLine`th, counted from 1. */
export interface FilePlace {
  readonly file: string;
  readonly firstLine: number;
}

/** How a file ended too early. */
export interface Cut {
  readonly file: string;
  readonly line: number;
  readonly why: string;
}

const CHUNK_BYTES = 1024 * 1024;

/** A file as it was when the comparison began; what is appended later does not count. */
export interface FileAtStart {
  readonly file: string;
  readonly bytes: number;
}

/**
 * Reads the files in order. What ends in the middle of a line, or of its compression, is told to `cut`; what is there of
 * the line does not count. Rejects with the system's error for a file that cannot be read.
 */
export async function* linesOfFiles(
  files: readonly FileAtStart[],
  cut: (cut: Cut) => void,
): AsyncGenerator<Piece<FilePlace>> {
  for (const { file, bytes: end } of files) {
    let firstLine = 1;
    let rest: Buffer[] = [];
    try {
      const decoder = await decoderOf(file);
      for await (const chunk of bytesOf(file, end, decoder)) {
        const whole = endOfLastLine(chunk);
        if (whole === 0) {
          rest.push(chunk);
          continue;
        }
        const bytes = Buffer.concat([...rest, chunk.subarray(0, whole)]);
        rest = whole < chunk.length ? [chunk.subarray(whole)] : [];
        yield { kind: "lines", bytes, from: { file, firstLine } };
        firstLine += countLines(bytes);
      }
      // Node's decoder stops after one zstd frame and says nothing. (It reads on through the members of a gzip file.)
      if (decoder?.kind === "zstd" && decoder.stream.bytesWritten < end) {
        cut({ file, line: firstLine, why: "only its first zstd frame was read: decompress it with `zstd -d` first" });
      }
    } catch (error) {
      const code = systemCodeOf(error);
      if (code === undefined || !(code.startsWith("Z_") || code.startsWith("ZSTD_") || code.startsWith("ERR_")))
        throw error;
      cut({ file, line: firstLine, why: "its compressed data is cut or damaged" });
    }
    if (rest.length === 0 || statSync(file).size > end) continue; // or its writer was in the middle of it
    cut({ file, line: firstLine, why: "it ends in the middle of a line" });
  }
}

interface Decoder {
  readonly kind: "gzip" | "zstd";
  readonly stream: zlib.Gunzip | zlib.ZstdDecompress;
}

function bytesOf(file: string, size: number, decoder: Decoder | undefined): AsyncIterable<Buffer> {
  if (size === 0) return (async function* () {})();
  const source = createReadStream(file, { highWaterMark: CHUNK_BYTES, end: size - 1 });
  if (decoder === undefined) return source;
  return pipeline(source, decoder.stream, () => {}); // Its error comes to whoever reads it.
}

/** What decompresses a file, by its first bytes. */
async function decoderOf(file: string): Promise<Decoder | undefined> {
  const start = Buffer.alloc(4);
  const handle = await open(file);
  try {
    await handle.read(start, 0, 4, 0);
  } finally {
    await handle.close();
  }
  const options = { chunkSize: CHUNK_BYTES };
  if (start.readUInt16BE(0) === 0x1f8b) return { kind: "gzip", stream: zlib.createGunzip(options) };
  if (start.readUInt32BE(0) === 0x28b52ffd) return { kind: "zstd", stream: zlib.createZstdDecompress(options) };
  return undefined;
}
