/** The parser of one format, and how a line may fare with it. */
import type { AccessRecord } from "./record.ts";

/** Why a line gave no record; docs/formats.md explains each. */
export const REASONS = [
  "empty",
  "too-long",
  "too-short",
  "mismatch",
  "bad-time",
  "bad-status",
  "bad-json",
  "no-fields",
] as const;

export type Reason = (typeof REASONS)[number];

/**
 * `ok`; `truncated`: the record is filled as far as the line goes and counts as a request; `header`: the line is no
 * request but belongs to the format (`#Fields: ...`), and is to be counted nowhere; or why there is no record.
 */
export type Outcome = "ok" | "truncated" | "header" | Reason;

/** Whether the record was filled and counts as a request. */
export function isRequest(outcome: Outcome): outcome is "ok" | "truncated" {
  return outcome === "ok" || outcome === "truncated";
}

export interface LineParser {
  /** The preset's name, or the format string. */
  readonly name: string;
  /** Which end of the request the printed time marks. */
  readonly marks: "start" | "end";
  /** What `size` counts: the body, or all that went over the wire. */
  readonly sizeKind: "body" | "wire";
  /** What the format can say: names of text fields, and "status", "size", "duration" and the like. */
  readonly fields: readonly string[];
  /**
   * Reads the line from `from` to `to` (exclusive; without its newline) into `into`. Never throws, whatever the bytes.
   * A parser may remember header lines, so each stream of lines has one of its own.
   */
  parse(bytes: Buffer, from: number, to: number, into: AccessRecord): Outcome;
}

export interface ParserOptions {
  /** The zone of times that name none: "UTC" (the default), "+02:00", "Europe/Berlin". */
  readonly zone?: string;
  /** Which cookie is the field `cookie`; by default the first that the format names. */
  readonly cookie?: string;
}

/** Lines longer than this are not looked at: no server writes them. */
export const MAX_LINE_BYTES = 1024 * 1024;
