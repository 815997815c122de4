/**
 * The lines that the benchmarks send: real access-log lines, each fitted to the same length and made unique by a counter,
 * so that what arrives can be checked line by line and all programs carry the very same bytes.
 */
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";

/** Bytes of every line, its newline among them. */
export const LINE_BYTES = 240;

/** Digits of the counter, which is the last field of every line. */
const COUNTER_DIGITS = 10;

/** Offset of the counter in a line. */
const COUNTER_AT = LINE_BYTES - 1 - COUNTER_DIGITS;

/** How many lines share one second of the log's own time. */
const LINES_A_SECOND = 5000;

const sample = join(import.meta.dirname, "../test/data/access-combined.log");

/**
 * Writes `count` lines, the first with the counter `first`, to a new file at `path`. They repeat after some 10,000 lines, but for counter and
 * time: that is 2.4 MB, further apart than any compressor in these benchmarks looks, so they compress as the real log does.
 */
export function writeLines(path: string, first: number, count: number): void {
  const { block, timeAt } = fittedSample();
  const perBlock = timeAt.length;
  const file = openSync(path, "wx");
  try {
    for (let done = 0; done < count; done += perBlock) {
      const lines = Math.min(perBlock, count - done);
      for (let i = 0; i < lines; i++) {
        const counter = first + done + i;
        writeDigits(block, i * LINE_BYTES + COUNTER_AT, COUNTER_DIGITS, counter);
        writeTime(block, timeAt[i]!, Math.floor(counter / LINES_A_SECOND));
      }
      writeAll(file, block.subarray(0, lines * LINE_BYTES));
    }
  } finally {
    closeSync(file);
  }
}

/** The counter of the line at `at`, or undefined if there is none. */
export function counterAt(bytes: Buffer, at: number): number | undefined {
  let counter = 0;
  for (let i = at + COUNTER_AT; i < at + COUNTER_AT + COUNTER_DIGITS; i++) {
    const digit = bytes[i]! - 48;
    if (!(digit >= 0 && digit <= 9)) return undefined;
    counter = counter * 10 + digit;
  }
  return counter;
}

/** The sample's lines at LINE_BYTES each, and the offset of each line's HH:MM:SS in the whole. */
function fittedSample(): { block: Buffer; timeAt: number[] } {
  const lines = readFileSync(sample, "latin1").split("\n").filter(Boolean);
  const agents = lines.map((line) => /"([^"]*)"$/.exec(line)?.[1] ?? "-");
  const fitted: string[] = [];
  const timeAt: number[] = [];
  for (const [i, line] of lines.entries()) {
    const found = /^([^"]*:)\d\d:\d\d:\d\d .*"(?=[^"]*"$)/.exec(line);
    if (!found) continue;
    const room = COUNTER_AT - found[0].length - 2;
    if (room < 1) continue; // The request alone is too long.
    // A short line gets the agents of the lines behind it, so that the filling is as varied as the rest.
    let agent = agents[i]!;
    for (let next = i + 1; agent.length < room; next++) agent += ` ${agents[next % agents.length]}`;
    timeAt.push(fitted.length * LINE_BYTES + found[1]!.length);
    fitted.push(`${found[0]}${agent.slice(0, room)}" ${"0".repeat(COUNTER_DIGITS)}\n`);
  }
  return { block: Buffer.from(fitted.join(""), "latin1"), timeAt };
}

function writeTime(bytes: Buffer, at: number, second: number): void {
  writeDigits(bytes, at, 2, Math.floor(second / 3600) % 24);
  writeDigits(bytes, at + 3, 2, Math.floor(second / 60) % 60);
  writeDigits(bytes, at + 6, 2, second % 60);
}

function writeDigits(bytes: Buffer, at: number, digits: number, value: number): void {
  for (let i = at + digits - 1, rest = value; i >= at; i--, rest = Math.floor(rest / 10)) bytes[i] = 48 + (rest % 10);
}

function writeAll(file: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}
