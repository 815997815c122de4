/** Numbers for people: three significant digits, a thin space, a unit. Every function tells value and unit apart. */

export interface Figure {
  readonly value: string;
  readonly unit: string;
}

/** What stands where a figure cannot be known. */
const UNKNOWN: Figure = { value: "–", unit: "" };

const THIN_SPACE = "\u202f";

/** "1.2 k", "34 M": a count. */
export function count(n: number | null | undefined): Figure {
  return scaled(n, 1000, ["", "k", "M", "G", "T"]);
}

/** "1.2 k/s". */
export function perSecond(n: number | null | undefined): Figure {
  const { value, unit } = count(n);
  return value === UNKNOWN.value ? UNKNOWN : { value, unit: `${unit}/s` };
}

/** "34 MB". */
export function bytes(n: number | null | undefined): Figure {
  return scaled(n, 1000, ["B", "kB", "MB", "GB", "TB", "PB"]);
}

/** "34 MB/s". */
export function bytesPerSecond(n: number | null | undefined): Figure {
  const { value, unit } = bytes(n);
  return value === UNKNOWN.value ? UNKNOWN : { value, unit: `${unit}/s` };
}

/** "0.4 %" of a share from 0 to 1. What is above 0 never shows as 0. */
export function percent(share: number | null | undefined): Figure {
  if (!known(share)) return UNKNOWN;
  const n = share * 100;
  if (n === 0) return { value: "0", unit: "%" };
  if (n > 0 && n < 0.1) return { value: "<0.1", unit: "%" };
  return { value: n >= 99.95 ? "100" : n.toFixed(n < 10 ? 1 : 0), unit: "%" };
}

/** "120 ms", "1.4 s": a duration of a request. */
export function seconds(s: number | null | undefined): Figure {
  if (!known(s)) return UNKNOWN;
  if (s === 0) return { value: "0", unit: "ms" };
  if (s < 0.000_999_5) return { value: digits(s * 1e6), unit: "µs" };
  if (s < 0.9995) return { value: digits(s * 1e3), unit: "ms" };
  return s < 120 ? { value: digits(s), unit: "s" } : span(s);
}

/** "3 m 12 s": a length of time that people feel. */
export function span(s: number | null | undefined): Figure {
  if (!known(s)) return UNKNOWN;
  const whole = Math.round(s);
  if (whole < 60) return { value: String(whole), unit: "s" };
  if (whole < 3600) return { value: `${Math.floor(whole / 60)}:${two(whole % 60)}`, unit: "min" };
  if (whole < 86_400)
    return { value: `${Math.floor(whole / 3600)}:${two(Math.floor((whole % 3600) / 60))}`, unit: "h" };
  return { value: (whole / 86_400).toFixed(1), unit: "d" };
}

/** "+1.9 s": by how much a clock is off. */
export function offset(s: number | null | undefined): Figure {
  if (!known(s)) return UNKNOWN;
  if (Math.abs(s) < 0.0005) return { value: "0", unit: "ms" };
  const { value, unit } = seconds(Math.abs(s));
  return { value: (s < 0 ? "−" : "+") + value, unit };
}

/** "1.8×". */
export function times(n: number | null | undefined): Figure {
  return known(n) ? { value: `${n < 10 ? n.toFixed(1) : n.toFixed(0)}×`, unit: "" } : UNKNOWN;
}

/** The figure in one string. */
export function text({ value, unit }: Figure): string {
  return unit === "" ? value : `${value}${THIN_SPACE}${unit}`;
}

/** Every digit, in groups of three: for titles and screen readers. */
export function exact(n: number): string {
  return Math.round(n).toLocaleString("en-GB").replaceAll(",", THIN_SPACE);
}

function known(n: number | null | undefined): n is number {
  return n !== null && n !== undefined && Number.isFinite(n);
}

function scaled(n: number | null | undefined, base: number, units: readonly string[]): Figure {
  if (!known(n)) return UNKNOWN;
  let at = 0;
  let rest = n;
  // What would be rounded up to a thousand is one of the next unit.
  while (Math.abs(rest) >= 999.5 && at < units.length - 1) {
    rest /= base;
    at++;
  }
  return { value: at === 0 && Number.isInteger(n) ? String(n) : digits(rest), unit: units[at]! };
}

/** One decimal below ten, none from there on: fewer would mislead, more would flicker. */
function digits(n: number): string {
  const size = Math.abs(n);
  if (size === 0) return "0";
  if (size < 0.005) return "<0.01";
  if (size < 0.095) return n.toFixed(2);
  return size < 9.95 ? n.toFixed(1) : n.toFixed(0);
}

function two(n: number): string {
  return String(n).padStart(2, "0");
}
