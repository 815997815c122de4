/**
 * strftime patterns: taken apart once, then written from a time. What `%b` and the like mean is the C locale's business:
 * log files speak English.
 */
import { LogspreadError } from "../message/error.ts";
import type { Zone } from "./zone.ts";

export const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;
const FULL_MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
] as const;
export const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"] as const;

/**
 * One piece of a pattern: literal text, or a directive's letter. Ours beside strftime's: `.f` a fraction with its point,
 * or nothing; `:z` the zone with a colon, or Z; `.m` and `.u` milli- and microseconds since the epoch.
 */
export type DatePart =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "directive"; readonly letter: Directive };

const DIRECTIVES = [
  "Y",
  "y",
  "m",
  "d",
  "e",
  "b",
  "B",
  "H",
  "I",
  "p",
  "M",
  "S",
  "f",
  ".f",
  "L",
  "z",
  ":z",
  "Z",
  "s",
  ".m",
  ".u",
  "a",
  "j",
  "G",
  "V",
] as const;

export type Directive = (typeof DIRECTIVES)[number];

const COMPOSED: Readonly<Record<string, string>> = {
  T: "%H:%M:%S",
  F: "%Y-%m-%d",
  D: "%m/%d/%y",
  R: "%H:%M",
  h: "%b",
  n: "\n",
  t: "\t",
};

/**
 * Takes a pattern apart: %Y %y %m %d %e %b %h %B %H %I %p %M %S %f (fraction, 6 digits) %.f (optional fraction with its
 * point) %L (3 digits) %.m %.u (epoch in ms and µs) %z %:z %Z %s %a %j %G %V %T %F %D %R %n %t %%. Throws BAD_CONFIG for any other.
 */
export function parseDatePattern(pattern: string): DatePart[] {
  const parts: DatePart[] = [];
  const literal = (text: string): void => {
    const last = parts.at(-1);
    if (last?.kind === "literal") parts[parts.length - 1] = { kind: "literal", text: last.text + text };
    else parts.push({ kind: "literal", text });
  };
  for (let at = 0; at < pattern.length; ) {
    if (pattern[at] !== "%") {
      literal(pattern[at++]!);
      continue;
    }
    const two = pattern.slice(at + 1, at + 3);
    const letter = two[0] === "." || two === ":z" ? two : pattern.slice(at + 1, at + 2);
    at += 1 + letter.length;
    const composed = COMPOSED[letter];
    if (letter === "%") literal("%");
    else if (composed !== undefined) {
      for (const part of parseDatePattern(composed)) {
        if (part.kind === "literal") literal(part.text);
        else parts.push(part);
      }
    } else if (letter.length > 0 && (DIRECTIVES as readonly string[]).includes(letter)) {
      parts.push({ kind: "directive", letter: letter as Directive });
    } else {
      throw new LogspreadError("BAD_CONFIG", {
        what: `date pattern ${JSON.stringify(pattern)}`,
        why: letter === "" ? "it ends in a single %" : `%${letter} is not known`,
        fix: "Use %Y %m %d %H %M %S %b %z and the like; %% is a percent sign",
      });
    }
  }
  return parts;
}

/** Writes `us` (µs since the epoch) as `parts` say, in `zone`. `fractionDigits` is for %.f: 0 leaves the point out too. */
export function formatDate(parts: readonly DatePart[], us: number, zone: Zone, fractionDigits = 6): string {
  const offset = zone.offsetMinutesAt(us);
  const second = Math.floor(us / 1_000_000);
  const micros = us - second * 1_000_000;
  const local = new Date((second + offset * 60) * 1000);
  let text = "";
  for (const part of parts) {
    text +=
      part.kind === "literal" ? part.text : directive(part.letter, local, us, second, micros, offset, fractionDigits);
  }
  return text;
}

function directive(
  letter: Directive,
  local: Date,
  us: number,
  second: number,
  micros: number,
  offset: number,
  digits: number,
): string {
  switch (letter) {
    case "Y":
      return pad(local.getUTCFullYear(), 4);
    case "y":
      return pad(local.getUTCFullYear() % 100, 2);
    case "m":
      return pad(local.getUTCMonth() + 1, 2);
    case "d":
      return pad(local.getUTCDate(), 2);
    case "e":
      return String(local.getUTCDate()).padStart(2, " ");
    case "b":
      return MONTHS[local.getUTCMonth()]!;
    case "B":
      return FULL_MONTHS[local.getUTCMonth()]!;
    case "H":
      return pad(local.getUTCHours(), 2);
    case "I":
      return pad(local.getUTCHours() % 12 || 12, 2);
    case "p":
      return local.getUTCHours() < 12 ? "AM" : "PM";
    case "M":
      return pad(local.getUTCMinutes(), 2);
    case "S":
      return pad(local.getUTCSeconds(), 2);
    case "f":
      return pad(micros, 6);
    case ".f":
      return digits === 0 ? "" : "." + pad(micros, 6).padEnd(digits, "0").slice(0, digits);
    case "L":
      return pad(Math.floor(micros / 1000), 3);
    case "z":
      return zoneText(offset, "");
    case ":z":
      return offset === 0 ? "Z" : zoneText(offset, ":");
    case "Z":
      return offset === 0 ? "UTC" : zoneText(offset, "");
    case "s":
      return String(second);
    case ".m":
      return String(Math.floor(us / 1000));
    case ".u":
      return String(us);
    case "a":
      return WEEKDAYS[local.getUTCDay()]!;
    case "j":
      return pad(dayOfYear(local), 3);
    case "G":
      return pad(isoWeek(local).year, 4);
    case "V":
      return pad(isoWeek(local).week, 2);
    default:
      return letter satisfies never;
  }
}

function pad(value: number, digits: number): string {
  return String(value).padStart(digits, "0");
}

function zoneText(offset: number, separator: string): string {
  const minutes = Math.abs(offset);
  return `${offset < 0 ? "-" : "+"}${pad(Math.floor(minutes / 60), 2)}${separator}${pad(minutes % 60, 2)}`;
}

const DAY_MS = 86_400_000;

function dayOfYear(local: Date): number {
  return Math.floor((local.getTime() - Date.UTC(local.getUTCFullYear(), 0, 1)) / DAY_MS) + 1;
}

/** ISO 8601 weeks: they start on Monday and belong to the year of their Thursday. */
function isoWeek(local: Date): { year: number; week: number } {
  const thursday = new Date(local.getTime() + (4 - (local.getUTCDay() || 7)) * DAY_MS);
  return { year: thursday.getUTCFullYear(), week: Math.floor((dayOfYear(thursday) - 1) / 7) + 1 };
}
