/** Lines as records, and records as plain objects to compare. */
import type { LineParser, Outcome, ParserOptions } from "../../src/formats/line-parser.ts";
import { type Format, parserFor } from "../../src/formats/parser-for.ts";
import { AccessRecord, TEXT_FIELDS, type TextField } from "../../src/formats/record.ts";

export type Plain = { outcome: Outcome } & Partial<Record<TextField, string>> & {
    at?: string;
    start?: string;
    end?: string;
    status?: number;
    size?: number;
    requestSize?: number;
    durationUs?: number;
    ttfbUs?: number;
    upstreamUs?: number;
    upstreamLastUs?: number;
  };

/** What is in the record; what is absent is not there. `at`, `start` and `end` are ISO times in ms. */
export function plain(record: AccessRecord, outcome: Outcome): Plain {
  const all: Record<string, unknown> = { outcome };
  for (const [field, name] of TEXT_FIELDS.entries()) if (record.has(field)) all[name] = record.text(field);
  const { timeUs, startUs, endUs, ...rest } = record;
  for (const [name, us] of Object.entries({ at: timeUs, start: startUs, end: endUs })) {
    if (us >= 0) all[name] = new Date(us / 1000).toISOString();
  }
  for (const [name, value] of Object.entries(rest)) if (typeof value === "number" && value >= 0) all[name] = value;
  return all as Plain;
}

export function parsed(format: Format, line: string | Buffer, options?: ParserOptions): Plain {
  return parsedBy(parserFor(format, options), line);
}

/** The line lies in the middle of others, as it does in a batch. */
export function parsedBy(parser: LineParser, line: string | Buffer): Plain {
  const bytes = Buffer.isBuffer(line) ? line : Buffer.from(line);
  const around = Buffer.concat([Buffer.from('"before"\n'), bytes, Buffer.from('\n"after" 1 2 3\n')]);
  const record = new AccessRecord();
  const outcome = parser.parse(around, 9, 9 + bytes.length, record);
  return plain(record, outcome);
}
