/** Parsers of text formats: a compiled format finds the fields, a filler takes what the record wants. */
import { Filler, type Taken } from "./fill.ts";
import type { LineFormat } from "./line-format.ts";
import { type LineParser, MAX_LINE_BYTES, type Outcome } from "./line-parser.ts";
import { END_TIME, EVENT_TIME, type Meaning, meaningOfField, START_TIME, WIRE_SIZES } from "./meanings.ts";
import { type AccessRecord, REST, TEXT_FIELDS } from "./record.ts";
import { PatternTime, type TimeReader } from "./time-reader.ts";
import { compileTimestamp } from "./timestamp.ts";

export interface TextParserSettings {
  readonly name: string;
  readonly marks: "start" | "end";
  /** How the field "time" is read; undefined: it cannot be. */
  readonly time: TimeReader | undefined;
  readonly urls: boolean;
  readonly mayEndBefore: string | undefined;
  readonly cookie: string | undefined;
}

const TIME_MEANING: Meaning = { kind: EVENT_TIME, slot: -1, unitUs: 1, field: "time" };

export class TextParser implements LineParser {
  readonly name: string;
  readonly marks: "start" | "end";
  readonly sizeKind: "body" | "wire";
  readonly fields: readonly string[];
  readonly #format: LineFormat;
  readonly #extents: Int32Array;
  readonly #filler: Filler;
  /** Index * 2 of the field "time"; -1 if the format has none. */
  readonly #timeAt: number;
  /** A line may end once this many steps have been read, the last without the literal behind it. */
  readonly #enough: number;

  constructor(format: LineFormat, settings: TextParserSettings) {
    const { cookie, time, mayEndBefore } = settings;
    const taken: (Taken & { readonly rank: number; readonly name: string })[] = [];
    for (const [index, { name, source }] of format.fields.entries()) {
      if (name === "time") {
        if (time !== undefined) taken.push({ index, meaning: TIME_MEANING, time, rank: -1, name });
        continue;
      }
      if (name.startsWith("cookie:") && cookie !== undefined && name.slice(7) !== cookie.toLowerCase()) continue;
      const found = meaningOfField(name, source);
      if (found === undefined) continue;
      const isTime = found.meaning.kind === START_TIME || found.meaning.kind === END_TIME;
      const own = isTime ? new PatternTime(compileTimestamp("iso")) : undefined;
      taken.push({ index, meaning: found.meaning, ...(own && { time: own }), rank: found.rank, name });
    }
    taken.sort((a, b) => a.rank - b.rank);
    this.name = settings.name;
    this.marks = settings.marks;
    const size = taken.find(({ meaning }) => meaning.field === "size");
    this.sizeKind = size !== undefined && WIRE_SIZES.has(size.name) ? "wire" : "body";
    this.fields = fieldsOf(taken.map(({ meaning }) => meaning));
    this.#format = format;
    this.#extents = format.extents();
    this.#filler = new Filler(taken, { marks: settings.marks, urls: settings.urls, cookie, requestSplit: true });
    this.#timeAt = time === undefined ? -1 : format.indexOf("time") * 2;
    this.#enough = mayEndBefore === undefined ? Number.POSITIVE_INFINITY : format.stepOf(mayEndBefore);
  }

  parse(bytes: Buffer, from: number, to: number, into: AccessRecord): Outcome {
    into.reset(bytes);
    if (to > from && bytes[to - 1] === 13) to--;
    if (to <= from) return "empty";
    if (to - from > MAX_LINE_BYTES) return "too-long";
    const format = this.#format;
    const extents = this.#extents;
    if (format.parse(bytes, from, to, extents)) {
      const outcome = this.#filler.fill(extents, -1, into);
      let rest = format.end;
      while (rest < to && bytes[rest] === 32) rest++;
      if (rest < to) {
        into.extents[REST * 2] = rest;
        into.extents[REST * 2 + 1] = to;
      }
      return outcome;
    }
    const ended = format.end >= to;
    if (ended && format.reached + 1 >= this.#enough) return this.#filler.fill(extents, -1, into);
    return this.#partial(ended, into);
  }

  /** A line that was cut, or departs from the format. What comes before that counts, if there is a time. */
  #partial(ended: boolean, into: AccessRecord): Outcome {
    const { reached } = this.#format;
    const extents = this.#extents;
    const cut = this.#format.fieldOf(reached);
    const hasTime = this.#timeAt < 0 ? reached > 0 : extents[this.#timeAt]! >= 0 && this.#timeAt !== cut * 2;
    if (!hasTime) return ended && reached > 0 ? "too-short" : "mismatch";
    const outcome = this.#filler.fill(extents, cut, into);
    if (outcome !== "ok") return outcome;
    into.truncated = true;
    return "truncated";
  }
}

const NUMBERS = ["time", "status", "size", "request_size", "duration", "ttfb", "upstream_time"];
const ORDER: readonly string[] = [...NUMBERS, ...TEXT_FIELDS];

/** Names of what a record can get from values that mean these, in the record's order. */
export function fieldsOf(meanings: readonly Meaning[]): string[] {
  const names = new Set(meanings.map(({ field }) => field));
  if (names.has("request")) for (const part of ["method", "target", "protocol"]) names.add(part);
  if (names.has("target")) for (const part of ["path", "query"]) names.add(part);
  return [...names].sort((a, b) => ORDER.indexOf(a) - ORDER.indexOf(b));
}
