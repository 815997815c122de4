/** Parsed lines for people and for programs. */
import { isRequest, type Outcome } from "../formats/line-parser.ts";
import { type AccessRecord, REQUEST, TEXT_FIELDS } from "../formats/record.ts";
import { harmless, harmlessJson, harmlessText } from "../outputs/harmless.ts";

/** Of a line without a record, so much is shown. */
const SHOWN_BYTES = 300;

/** A line and how it fared. `line` is counted from 1. */
export interface Parsed {
  readonly line: number;
  readonly outcome: Outcome;
  readonly bytes: Buffer;
}

function valuesOf(record: AccessRecord): [string, string | number][] {
  const values: [string, string | number][] = [];
  const time = (name: string, us: number): void => {
    if (us >= 0) values.push([name, isoOf(us)]);
  };
  const number = (name: string, value: number): void => {
    if (value >= 0) values.push([name, value]);
  };
  time("timeUtc", record.timeUs);
  if (record.durationUs >= 0) {
    time("startUtc", record.startUs);
    time("endUtc", record.endUs);
  }
  number("status", record.status);
  number("sizeBytes", record.size);
  number("requestSizeBytes", record.requestSize);
  number("durationUs", record.durationUs);
  number("ttfbUs", record.ttfbUs);
  number("upstreamUs", record.upstreamUs);
  if (record.upstreamLastUs !== record.upstreamUs) number("upstreamLastUs", record.upstreamLastUs);
  for (const [field, name] of TEXT_FIELDS.entries()) {
    if (field === REQUEST && record.has(REQUEST + 1)) continue; // it is shown in its parts
    const text = record.text(field);
    if (text !== undefined) values.push([name, text]);
  }
  return values;
}

/** "2026-11-24T13:55:36.148649Z"; a time that no Date can hold as its number. */
function isoOf(us: number): string {
  const ms = Math.floor(us / 1000);
  if (ms > 8.64e15) return String(us);
  return `${new Date(ms).toISOString().slice(0, -1)}${String(us - ms * 1000).padStart(3, "0")}Z`;
}

/** A block of `field  value` rows. */
export function textOf({ line, outcome, bytes }: Parsed, record: AccessRecord): string {
  const head = `line ${line}${outcome === "ok" ? "" : `: ${outcome}`}`;
  if (!isRequest(outcome)) return `${head}\n  ${harmless(bytes.subarray(0, SHOWN_BYTES))}\n\n`;
  const rows = valuesOf(record).map(([name, value]) => `  ${name.padEnd(16)} ${harmlessText(String(value))}\n`);
  return `${head}\n${rows.join("")}\n`;
}

/** One JSON object, with a newline. */
export function jsonOf({ line, outcome, bytes }: Parsed, record: AccessRecord): string {
  const fields = isRequest(outcome)
    ? Object.fromEntries(valuesOf(record))
    : { raw: bytes.toString("utf8", 0, SHOWN_BYTES) };
  return `${harmlessJson(JSON.stringify({ line, outcome, ...fields }))}\n`;
}
