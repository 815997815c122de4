/** Did every line arrive exactly once? Asked after every run: a fast wrong result is no result. */
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { counterAt, LINE_BYTES } from "./lines.ts";

const CHUNK_BYTES = LINE_BYTES * 16 * 1024;

export interface Arrived {
  readonly lines: number;
  /** Lines that should be there and are not, lines that came again, and what is none of our lines. */
  readonly missing: number;
  readonly doubled: number;
  readonly damaged: number;
  /** How often a line does not follow the one before it. */
  readonly outOfOrder: number;
  /** SHA-256 of the whole file. */
  readonly hash: string;
}

/** Looks through a file that should hold the lines with the counters 0 to `count - 1` (see lines.ts) and nothing else. */
export function lookThrough(path: string, count: number): Arrived {
  const seen = new Uint8Array(count);
  const hash = createHash("sha256");
  let lines = 0;
  let doubled = 0;
  let damaged = 0;
  let outOfOrder = 0;
  let expected = 0;
  for (const chunk of chunks(path)) {
    hash.update(chunk);
    for (let at = 0; at < chunk.length; at += LINE_BYTES) {
      lines++;
      const counter = at + LINE_BYTES <= chunk.length ? counterAt(chunk, at) : undefined;
      if (counter === undefined || counter >= count) {
        damaged++;
        continue;
      }
      if (counter !== expected) outOfOrder++;
      expected = counter + 1;
      if (seen[counter]) doubled++;
      else seen[counter] = 1;
    }
  }
  const missing = count - seen.reduce((sum, there) => sum + there, 0);
  return { lines, missing, doubled, damaged, outOfOrder, hash: hash.digest("hex") };
}

/** SHA-256 over the content of files, one after another. */
export function hashOf(...paths: string[]): string {
  const hash = createHash("sha256");
  for (const path of paths) for (const chunk of chunks(path)) hash.update(chunk);
  return hash.digest("hex");
}

/** What is wrong with the file at `path`, which should hold `count` lines and be the same as what has `hash`; undefined if nothing. */
export function faultOf(path: string, count: number, hash: string): string | undefined {
  const found = lookThrough(path, count);
  if (found.hash === hash) return undefined;
  const { lines, missing, doubled, damaged, outOfOrder } = found;
  return `${lines} lines of ${count}, ${missing} missing, ${doubled} doubled, ${damaged} damaged, ${outOfOrder} out of order`;
}

function* chunks(path: string): Generator<Buffer> {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  const file = openSync(path, "r");
  try {
    for (let at = 0; ; ) {
      let filled = 0;
      for (let n = -1; n !== 0 && filled < buffer.length; filled += n) {
        n = readSync(file, buffer, filled, buffer.length - filled, at + filled);
      }
      if (filled === 0) return;
      at += filled;
      yield buffer.subarray(0, filled);
    }
  } finally {
    closeSync(file);
  }
}
