/** Reading the whole of a field as a time, in the ways that access logs write it. */
import { compileTimestamp, type TimestampPattern } from "./timestamp.ts";
import { UTC, type Zone } from "./zone.ts";

/** `us` holds what the last successful `read` found, so that a line costs no object. */
export interface TimeReader {
  /** µs since the epoch. */
  readonly us: number;
  /** Whether the bytes from `from` to `to` are a time and nothing else. */
  read(bytes: Uint8Array, from: number, to: number): boolean;
}

/** A time by a pattern. */
export class PatternTime implements TimeReader {
  us = 0;
  readonly #pattern: TimestampPattern;

  constructor(pattern: TimestampPattern) {
    this.#pattern = pattern;
  }

  read(bytes: Uint8Array, from: number, to: number): boolean {
    if (!this.#pattern.parseAt(bytes, from, to) || this.#pattern.end !== to) return false;
    this.us = this.#pattern.us;
    return true;
  }
}

/** `%t` without its brackets. */
export const CLF = "%d/%b/%Y:%H:%M:%S %z";

/**
 * "24/Nov/2026:13:55:36 +0000", at a third of what the general pattern costs: the day is worked out once and known again
 * by its bytes. Whatever is not plainly of this form, the general pattern judges.
 */
export class ClfTime implements TimeReader {
  us = 0;
  readonly #general = new PatternTime(compileTimestamp(CLF));
  #dayKey = -1;
  #yearKey = -1;
  #zoneKey = -1;
  #millennium = -1;
  #sign = -1;
  /** Midnight of that day in that zone. */
  #midnightUs = 0;

  read(bytes: Uint8Array, from: number, to: number): boolean {
    if (to - from === 26) {
      const dayKey =
        ((bytes[from]! << 24) | (bytes[from + 1]! << 16) | (bytes[from + 3]! << 8) | bytes[from + 4]!) >>> 0;
      const yearKey =
        ((bytes[from + 5]! << 24) | (bytes[from + 8]! << 16) | (bytes[from + 9]! << 8) | bytes[from + 10]!) >>> 0;
      const zoneKey =
        ((bytes[from + 22]! << 24) | (bytes[from + 23]! << 16) | (bytes[from + 24]! << 8) | bytes[from + 25]!) >>> 0;
      const hour = two(bytes, from + 12);
      const minute = two(bytes, from + 15);
      const second = two(bytes, from + 18);
      if (
        dayKey === this.#dayKey &&
        yearKey === this.#yearKey &&
        zoneKey === this.#zoneKey &&
        bytes[from + 2] === 47 &&
        bytes[from + 6] === 47 &&
        bytes[from + 7] === this.#millennium &&
        bytes[from + 11] === 58 &&
        bytes[from + 14] === 58 &&
        bytes[from + 17] === 58 &&
        bytes[from + 20] === 32 &&
        bytes[from + 21] === this.#sign &&
        hour >= 0 &&
        hour <= 23 &&
        minute >= 0 &&
        minute <= 59 &&
        second >= 0 &&
        second <= 60
      ) {
        this.us = this.#midnightUs + (hour * 3600 + minute * 60 + second) * 1_000_000;
        return true;
      }
      if (!this.#general.read(bytes, from, to)) return false;
      this.us = this.#general.us;
      this.#dayKey = dayKey;
      this.#yearKey = yearKey;
      this.#zoneKey = zoneKey;
      this.#millennium = bytes[from + 7]!;
      this.#sign = bytes[from + 21]!;
      this.#midnightUs = this.us - (hour * 3600 + minute * 60 + second) * 1_000_000;
      return true;
    }
    if (!this.#general.read(bytes, from, to)) return false;
    this.us = this.#general.us;
    return true;
  }
}

/** Two digits as a number, or less than 0. */
function two(bytes: Uint8Array, at: number): number {
  const high = bytes[at]! - 48;
  const low = bytes[at + 1]! - 48;
  return high >= 0 && high <= 9 && low >= 0 && low <= 9 ? high * 10 + low : -1;
}

/** The reader of a strftime pattern. */
export function timeReader(pattern: string, zone: Zone): TimeReader {
  return pattern === CLF ? new ClfTime() : new PatternTime(compileTimestamp(pattern, zone));
}

/**
 * A time as JSON logs write it: RFC 3339 (also with a blank for the T, and without a zone), CLF, or a number since the
 * epoch in s, ms, µs or ns, told apart by its size.
 */
export class AnyTime implements TimeReader {
  us = 0;
  readonly #clf = new ClfTime();
  readonly #others: readonly TimestampPattern[];

  constructor(zone: Zone = UTC) {
    const iso = ["%Y-%m-%dT%H:%M:%S%.f%:z", "%Y-%m-%d %H:%M:%S%.f%:z", "%Y-%m-%d %H:%M:%S%.f %:z"];
    const bare = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"];
    this.#others = [...iso, ...bare].map((pattern) => compileTimestamp(pattern, zone));
  }

  read(bytes: Uint8Array, from: number, to: number): boolean {
    if (to - from < 8) return false;
    if (bytes[from + 2] === 47) {
      if (!this.#clf.read(bytes, from, to)) return false;
      this.us = this.#clf.us;
      return true;
    }
    if (bytes[from + 4] === 45) {
      for (const pattern of this.#others) {
        if (pattern.parseAt(bytes, from, to) && pattern.end === to) {
          this.us = pattern.us;
          return true;
        }
      }
      return false;
    }
    return this.#epoch(bytes, from, to);
  }

  #epoch(bytes: Uint8Array, from: number, to: number): boolean {
    let whole = 0;
    let p = from;
    for (; p < to && bytes[p]! >= 48 && bytes[p]! <= 57; p++) whole = whole * 10 + bytes[p]! - 48;
    if (p === from || p - from > 19) return false;
    let fraction = 0;
    if (p < to && bytes[p] === 46) {
      let scale = 0.1;
      for (p++; p < to && bytes[p]! >= 48 && bytes[p]! <= 57; p++, scale /= 10) fraction += (bytes[p]! - 48) * scale;
    }
    if (p < to) {
      if ((bytes[p]! | 32) !== 101 || to - from > 40) return false;
      const value = Number(Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString("latin1"));
      if (!Number.isFinite(value) || value < 0) return false;
      whole = Math.floor(value);
      fraction = value - whole;
    }
    // 1e11 s is the year 5138, 1e11 ms is 1973.
    const unit = whole < 1e11 ? 1_000_000 : whole < 1e14 ? 1000 : whole < 1e17 ? 1 : 0.001;
    const us = whole * unit + Math.round(fraction * unit);
    if (us > Number.MAX_SAFE_INTEGER) return false;
    this.us = Math.floor(us);
    return true;
  }
}
