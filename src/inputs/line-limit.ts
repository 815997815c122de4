/** Lines that are too long are cut, so that one runaway line cannot fill the memory. Pure: works in place on bytes. */
import { NEWLINE } from "../message/lines.ts";

/** Longest line that is ever taken whole, bytes. */
export const MAX_LINE_BYTES = 1024 * 1024;

/** What is known after some bytes were taken in. */
export interface Limited {
  /** End of what is kept. */
  readonly end: number;
  /** The rest of the line that was cut is still to come, and is to be thrown away. */
  readonly discarding: boolean;
  /** Lines that were cut. */
  readonly cut: number;
}

/**
 * Limits the lines of `memory` to `maxBytes` each. The open line begins at `lineStart`, new bytes stand from `start` to
 * `end`; what is kept of them is moved together. `discarding`: the open line was cut before, so that everything up to the
 * next newline goes.
 */
export function limitLines(
  memory: Buffer,
  lineStart: number,
  start: number,
  end: number,
  maxBytes: number,
  discarding: boolean,
): Limited {
  let from = start; // next byte to look at
  let to = start; // where the next kept byte goes
  let line = lineStart; // where the open line begins, among the kept
  let cut = 0;
  let skip = discarding;
  while (from < end) {
    const newline = memory.subarray(from, end).indexOf(NEWLINE);
    const stop = newline === -1 ? end : from + newline;
    if (!skip) {
      const keep = Math.min(stop - from, maxBytes - (to - line));
      memory.copyWithin(to, from, from + keep);
      to += keep;
      if (keep < stop - from) {
        cut++;
        skip = true;
        memory[to++] = NEWLINE;
        line = to;
      }
    }
    if (newline === -1) break;
    if (skip) skip = false;
    else {
      memory[to++] = NEWLINE;
      line = to;
    }
    from = stop + 1;
  }
  return { end: to, discarding: skip, cut };
}
