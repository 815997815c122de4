/** Numbers in a line's bytes. What is no number (`-`, `-1`, text) is ABSENT; nothing throws, nothing is allocated. */
import { ABSENT } from "./record.ts";

const MINUS = 45;
const PLUS = 43;
const POINT = 46;

/** More digits than these are no count of anything, and would not fit a double. */
const MAX_DIGITS = 15;

/** A whole number. A leading plus (HAProxy's "so far") is allowed. */
export function wholeAt(bytes: Uint8Array, from: number, to: number): number {
  let p = bytes[from] === PLUS ? from + 1 : from;
  if (p >= to || to - p > MAX_DIGITS) return ABSENT;
  let value = 0;
  for (; p < to; p++) {
    const digit = bytes[p]! - 48;
    if (digit < 0 || digit > 9) return ABSENT;
    value = value * 10 + digit;
  }
  return value;
}

/** A decimal number of units of `unitUs`, as whole µs: "0.148" with 1,000,000 is 148,000. */
export function durationAt(bytes: Uint8Array, from: number, to: number, unitUs: number): number {
  let p = bytes[from] === PLUS ? from + 1 : from;
  if (p >= to || to - p > 40 || bytes[p] === MINUS) return ABSENT;
  let value = 0;
  const start = p;
  for (; p < to; p++) {
    const digit = bytes[p]! - 48;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
  }
  let digits = p - start;
  if (p < to && bytes[p] === POINT) {
    p++;
    let scale = 1;
    let fraction = 0;
    for (; p < to; p++) {
      const digit = bytes[p]! - 48;
      if (digit < 0 || digit > 9) break;
      digits++;
      if (scale < 1e9) {
        scale *= 10;
        fraction = fraction * 10 + digit;
      }
    }
    value += fraction / scale;
  }
  if (digits === 0) return ABSENT;
  if (p < to) {
    // 1.2e-05: encoders of JSON may write it.
    if ((bytes[p]! | 32) !== 101) return ABSENT;
    value = Number(Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString("latin1"));
    if (!(value >= 0)) return ABSENT;
  }
  const us = Math.round(value * unitUs);
  return us <= Number.MAX_SAFE_INTEGER ? us : ABSENT;
}

/** What `addUp` found; it holds until the next call. */
export class UpstreamTimes {
  sumUs: number = ABSENT;
  lastUs: number = ABSENT;

  /**
   * nginx's list of times, in seconds: "0.005, 0.120 : -". A comma stands between servers, a colon between groups of
   * them; `-` is one that was not reached.
   */
  addUp(bytes: Uint8Array, from: number, to: number): void {
    this.sumUs = ABSENT;
    this.lastUs = ABSENT;
    for (let at = from; at < to; ) {
      let end = at;
      while (end < to && bytes[end] !== 44 && bytes[end] !== 58 && bytes[end] !== 32) end++;
      if (end > at) {
        const us = durationAt(bytes, at, end, 1_000_000);
        this.lastUs = us;
        if (us >= 0) this.sumUs = Math.max(this.sumUs, 0) + us;
      }
      at = end + 1;
    }
  }
}
