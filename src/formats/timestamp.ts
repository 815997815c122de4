/**
 * Timestamps in log lines: found, read and written on bytes. A pattern is compiled once into a few numbers that one loop
 * follows; no string, closure or allocation per line. Any input is either a time or not found, never an error.
 */
import { LogspreadError } from "../message/error.ts";
import { type DatePart, type Directive, formatDate, MONTHS, parseDatePattern, WEEKDAYS } from "./strftime.ts";
import { UTC, type Zone } from "./zone.ts";

/** Patterns with a name: Apache's and nginx's, and RFC 3339. */
const NAMED: Readonly<Record<string, string>> = {
  clf: "[%d/%b/%Y:%H:%M:%S %z]",
  iso: "%Y-%m-%dT%H:%M:%S%.f%:z",
};

/** Compiles `clf`, `iso` or a strftime pattern. Throws BAD_CONFIG if it cannot say a full date. */
export function compileTimestamp(pattern: string, defaultZone: Zone = UTC): TimestampPattern {
  return new TimestampPattern(parseDatePattern(NAMED[pattern] ?? pattern), pattern, defaultZone);
}

// Ops: a byte that must stand there, or one of these. Plain numbers, so that the loop below is a jump table.
const YEAR = -1;
const MONTH = -2;
const DAY = -3;
const DAY_BLANK = -4;
const MONTH_NAME = -5;
const HOUR = -6;
const MINUTE = -7;
const SECOND = -8;
const ZONE = -9;
const ZONE_COLON = -10;
const OPTIONAL_FRACTION = -11;
const FRACTION = -12;
const MILLISECONDS = -13;
const SHORT_YEAR = -14;
const FULL_MONTH_NAME = -15;
const HOUR_12 = -16;
const HALF_DAY = -17;
const ZONE_NAME = -18;
const EPOCH_S = -19;
const EPOCH_MS = -20;
const EPOCH_US = -21;
const WEEKDAY = -22;

const OPS: Readonly<Partial<Record<Directive, number>>> = {
  Y: YEAR,
  m: MONTH,
  d: DAY,
  e: DAY_BLANK,
  b: MONTH_NAME,
  H: HOUR,
  M: MINUTE,
  S: SECOND,
  z: ZONE,
  ":z": ZONE_COLON,
  ".f": OPTIONAL_FRACTION,
  f: FRACTION,
  L: MILLISECONDS,
  y: SHORT_YEAR,
  B: FULL_MONTH_NAME,
  I: HOUR_12,
  p: HALF_DAY,
  Z: ZONE_NAME,
  s: EPOCH_S,
  ".m": EPOCH_MS,
  ".u": EPOCH_US,
  a: WEEKDAY,
};
const MONTH_KEYS = MONTHS.map((name) => key3(Buffer.from(name), 0));
const WEEKDAY_KEYS = WEEKDAYS.map((name) => key3(Buffer.from(name), 0));
const MONTH_LENGTHS = [7, 8, 5, 5, 3, 4, 4, 6, 9, 7, 8, 8];

/** Three letters, any case, as one number. */
function key3(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! | 32) << 16) | ((bytes[at + 1]! | 32) << 8) | (bytes[at + 2]! | 32);
}

/**
 * What `find` and `parseAt` return is in the fields `start`, `end`, `us`, `offsetMinutes` and `fractionDigits`, so that a
 * line costs no object; they hold until the next call.
 */
export class TimestampPattern {
  /** Where the last timestamp found starts and ends (exclusive) in the bytes. */
  start = -1;
  end = -1;
  /** The last timestamp found, µs since the epoch. */
  us = 0;
  /** Minutes east of UTC that it named. */
  offsetMinutes = 0;
  /** Digits of its optional fraction (`%.f`): hand them to `write` for the same shape. */
  fractionDigits = 0;

  readonly #parts: readonly DatePart[];
  readonly #ops: Int32Array;
  readonly #first: number;
  readonly #minBytes: number;
  readonly #defaultZone: Zone;
  readonly #fraction: boolean;
  #writtenUs = Number.NaN;
  #writtenZone: Zone = UTC;
  #writtenDigits = -1;
  #written: Buffer = Buffer.alloc(0);

  constructor(parts: readonly DatePart[], pattern: string, defaultZone: Zone) {
    this.#parts = parts;
    this.#defaultZone = defaultZone;
    const ops: number[] = [];
    const has = new Set<Directive>();
    for (const part of parts) {
      if (part.kind === "literal") ops.push(...Buffer.from(part.text));
      else {
        const op = OPS[part.letter];
        if (op === undefined) throw unusable(pattern, `%${part.letter} can be written but not read`);
        has.add(part.letter);
        ops.push(op);
      }
    }
    const any = (...letters: Directive[]): boolean => letters.some((letter) => has.has(letter));
    if (!any("s", ".m", ".u")) {
      if (!any("Y", "y")) throw unusable(pattern, "it names no year (%Y)");
      if (!any("m", "b", "B")) throw unusable(pattern, "it names no month (%m or %b)");
      if (!any("d", "e")) throw unusable(pattern, "it names no day (%d)");
      if (any("I") !== any("p")) throw unusable(pattern, "%I and %p need each other");
    }
    this.#ops = Int32Array.from(ops);
    this.#first = ops[0]!;
    this.#minBytes = ops.filter((op) => op !== OPTIONAL_FRACTION).length;
    this.#fraction = any("f", ".f", "L", ".m", ".u");
  }

  /** Finds the first timestamp that lies wholly in bytes `from` to `to`. */
  find(bytes: Uint8Array, from: number, to: number): boolean {
    const first = this.#first;
    const end = to - this.#minBytes;
    if (first >= 0) {
      for (let at = from; at <= end; at++) if (bytes[at] === first && this.parseAt(bytes, at, to)) return true;
      return false;
    }
    for (let at = from; at <= end; at++) {
      // The middle of a longer number or word is no start: "12026-11-24" holds no date.
      if ((at === from || !isWord(bytes[at - 1]!) || !isWord(bytes[at]!)) && this.parseAt(bytes, at, to)) return true;
    }
    return false;
  }

  /** Reads the timestamp that starts at `at` and ends before or at `to`. */
  parseAt(bytes: Uint8Array, at: number, to: number): boolean {
    const ops = this.#ops;
    let p = at;
    let year = 1970;
    let month = 1;
    let day = 1;
    let hour = 0;
    let minute = 0;
    let second = 0;
    let micros = 0;
    let offset = Number.NaN;
    let epochUs = Number.NaN;
    let afternoon = -1;
    let digits = 0;
    for (let i = 0; i < ops.length; i++) {
      const op = ops[i]!;
      if (op >= 0) {
        if (p >= to || bytes[p] !== op) return false;
        p++;
        continue;
      }
      switch (op) {
        case YEAR: {
          if (p + 4 > to) return false;
          const high = two(bytes, p);
          const low = two(bytes, p + 2);
          if (high < 0 || low < 0) return false;
          year = high * 100 + low;
          p += 4;
          break;
        }
        case SHORT_YEAR: {
          const short = p + 2 > to ? -1 : two(bytes, p);
          if (short < 0) return false;
          year = short + (short < 69 ? 2000 : 1900); // as POSIX has it
          p += 2;
          break;
        }
        case MONTH:
          month = p + 2 > to ? -1 : two(bytes, p);
          if (month < 1 || month > 12) return false;
          p += 2;
          break;
        case DAY:
          day = p + 2 > to ? -1 : two(bytes, p);
          if (day < 1) return false;
          p += 2;
          break;
        case DAY_BLANK: // blank-padded, zero-padded or bare
          if (p < to && bytes[p] === 32) p++;
          if (p >= to || !isDigit(bytes[p]!)) return false;
          day = bytes[p++]! - 48;
          if (p < to && isDigit(bytes[p]!)) day = day * 10 + bytes[p++]! - 48;
          if (day < 1) return false;
          break;
        case MONTH_NAME:
          if (p + 3 > to) return false;
          month = MONTH_KEYS.indexOf(key3(bytes, p)) + 1;
          if (month === 0) return false;
          p += 3;
          break;
        case FULL_MONTH_NAME:
          if (p + 3 > to) return false;
          month = MONTH_KEYS.indexOf(key3(bytes, p)) + 1;
          if (month === 0) return false;
          p += MONTH_LENGTHS[month - 1]!;
          if (p > to) return false;
          break;
        case HOUR:
          hour = p + 2 > to ? -1 : two(bytes, p);
          if (hour < 0 || hour > 23) return false;
          p += 2;
          break;
        case HOUR_12:
          hour = p + 2 > to ? -1 : two(bytes, p);
          if (hour < 1 || hour > 12) return false;
          p += 2;
          break;
        case HALF_DAY:
          if (p + 2 > to || (bytes[p + 1]! | 32) !== 0x6d) return false;
          afternoon = (bytes[p]! | 32) === 0x70 ? 12 : (bytes[p]! | 32) === 0x61 ? 0 : -1;
          if (afternoon < 0) return false;
          p += 2;
          break;
        case MINUTE:
          minute = p + 2 > to ? -1 : two(bytes, p);
          if (minute < 0 || minute > 59) return false;
          p += 2;
          break;
        case SECOND:
          second = p + 2 > to ? -1 : two(bytes, p);
          if (second < 0 || second > 60) return false; // 60 is a leap second: the next minute's 00
          p += 2;
          break;
        case OPTIONAL_FRACTION:
        case FRACTION: {
          if (op === OPTIONAL_FRACTION) {
            if (p >= to || bytes[p] !== 46) break;
            p++;
          }
          const from = p;
          let scale = 100_000;
          for (; p < to && p - from < 9 && isDigit(bytes[p]!); p++) {
            if (scale >= 1) micros += (bytes[p]! - 48) * scale;
            scale /= 10;
          }
          if (p === from) return false;
          if (op === OPTIONAL_FRACTION) digits = p - from;
          break;
        }
        case MILLISECONDS: {
          if (p + 3 > to) return false;
          const high = two(bytes, p);
          if (high < 0 || !isDigit(bytes[p + 2]!)) return false;
          micros = (high * 10 + bytes[p + 2]! - 48) * 1000;
          p += 3;
          break;
        }
        case ZONE:
        case ZONE_COLON: {
          if (p >= to) return false;
          const sign = bytes[p]!;
          if ((sign | 32) === 0x7a) {
            offset = 0;
            p++;
            break;
          }
          if (sign !== 43 && sign !== 45) return false;
          const hours = p + 3 > to ? -1 : two(bytes, p + 1);
          if (hours < 0 || hours > 23) return false;
          p += 3;
          const colon = p < to && bytes[p] === 58 ? 1 : 0;
          const minutes = p + colon + 2 > to ? -1 : two(bytes, p + colon);
          if (minutes > 59 || (minutes < 0 && colon === 1)) return false;
          if (minutes >= 0) p += colon + 2;
          offset = (hours * 60 + Math.max(minutes, 0)) * (sign === 45 ? -1 : 1);
          break;
        }
        case ZONE_NAME: {
          const from = p;
          while (p < to && isLetter(bytes[p]!)) p++;
          if (p === from) return false;
          // Only the names of UTC are sure; any other is ambiguous (CST) and left to the default zone.
          const name = p - from === 3 ? key3(bytes, from) : 0;
          if (name === 0x757463 || name === 0x676d74) offset = 0;
          break;
        }
        case EPOCH_S:
        case EPOCH_MS:
        case EPOCH_US: {
          const from = p;
          let value = 0;
          for (; p < to && p - from < 16 && isDigit(bytes[p]!); p++) value = value * 10 + bytes[p]! - 48;
          if (p === from) return false;
          epochUs = value * (op === EPOCH_S ? 1_000_000 : op === EPOCH_MS ? 1000 : 1);
          if (epochUs > Number.MAX_SAFE_INTEGER) return false;
          break;
        }
        case WEEKDAY:
          if (p + 3 > to || !WEEKDAY_KEYS.includes(key3(bytes, p))) return false;
          p += 3;
          break;
      }
    }
    if (!Number.isNaN(epochUs)) {
      this.us = epochUs + micros;
      this.offsetMinutes = Number.isNaN(offset) ? 0 : offset;
    } else {
      if (day > daysIn(year, month)) return false;
      if (afternoon >= 0) hour = (hour % 12) + afternoon;
      const local = (((daysSinceEpoch(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000 + micros;
      if (Number.isNaN(offset)) offset = this.#defaultZone.offsetMinutesAt(local);
      this.us = local - offset * 60_000_000;
      this.offsetMinutes = offset;
    }
    if (!Number.isSafeInteger(this.us)) return false; // before 1684 or after 2255: no server writes it, no µs fits
    this.start = at;
    this.end = p;
    this.fractionDigits = digits;
    return true;
  }

  /**
   * `us` as this pattern writes it, in `zone`. The same buffer is handed out for the same second (for patterns with a
   * fraction: the same time), so do not change it.
   */
  write(us: number, zone: Zone = UTC, fractionDigits = 6): Buffer {
    const moment = this.#fraction ? us : Math.floor(us / 1_000_000);
    if (moment !== this.#writtenUs || zone !== this.#writtenZone || fractionDigits !== this.#writtenDigits) {
      this.#written = Buffer.from(formatDate(this.#parts, us, zone, fractionDigits));
      this.#writtenUs = moment;
      this.#writtenZone = zone;
      this.#writtenDigits = fractionDigits;
    }
    return this.#written;
  }
}

function unusable(pattern: string, why: string): LogspreadError {
  return new LogspreadError("BAD_CONFIG", {
    what: `timestamp pattern ${JSON.stringify(pattern)}`,
    why,
    fix: "Use clf, iso, or a full date such as %Y-%m-%d %H:%M:%S %z",
  });
}

/** Two digits as a number, or -1. The caller sees to it that both bytes are there. */
function two(bytes: Uint8Array, at: number): number {
  const high = bytes[at]! - 48;
  const low = bytes[at + 1]! - 48;
  return high >= 0 && high <= 9 && low >= 0 && low <= 9 ? high * 10 + low : -1;
}

function isDigit(byte: number): boolean {
  return byte >= 48 && byte <= 57;
}

function isLetter(byte: number): boolean {
  const lower = byte | 32;
  return lower >= 97 && lower <= 122;
}

function isWord(byte: number): boolean {
  return isDigit(byte) || isLetter(byte);
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days from 1970-01-01 in the Gregorian calendar: years are counted from March so that the leap day comes last. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const m = month <= 2 ? month + 9 : month - 3;
  return (
    365 * y +
    Math.floor(y / 4) -
    Math.floor(y / 100) +
    Math.floor(y / 400) +
    Math.floor((153 * m + 2) / 5) +
    day -
    719_469
  );
}
