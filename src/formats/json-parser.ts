/** Parsers of logs that are a JSON object a line. */
import { LogspreadError } from "../message/error.ts";
import { Filler, type Taken } from "./fill.ts";
import { JsonFields } from "./json-fields.ts";
import { type LineParser, MAX_LINE_BYTES, type Outcome } from "./line-parser.ts";
import { END_TIME, EVENT_TIME, MEANINGS, START_TIME } from "./meanings.ts";
import { type AccessRecord, METHOD, PATH, REQUEST, TARGET } from "./record.ts";
import { Scratch } from "./scratch.ts";
import { fieldsOf } from "./text-parser.ts";
import { AnyTime } from "./time-reader.ts";
import { unescapeJson } from "./unescape.ts";
import type { Zone } from "./zone.ts";

/**
 * What stands where: names as docs/formats.md lists them ("status", "duration_ms", "agent") to paths ("request.uri",
 * "headers.User-Agent[0]"); of several, the first that a line has is taken.
 */
export type JsonMapping = Readonly<Record<string, string | readonly string[]>>;

export interface JsonParserSettings {
  readonly name: string;
  readonly marks: "start" | "end";
  readonly sizeKind: "body" | "wire";
  readonly zone: Zone;
  readonly cookie: string | undefined;
}

export class JsonParser implements LineParser {
  readonly name: string;
  readonly marks: "start" | "end";
  readonly sizeKind: "body" | "wire";
  readonly fields: readonly string[];
  readonly #json: JsonFields;
  readonly #filler: Filler;
  readonly #scratch = new Scratch();

  constructor(mapping: JsonMapping, { name, marks, sizeKind, zone, cookie }: JsonParserSettings) {
    // The same path may serve two names: it has one place in the table.
    const paths: string[] = [];
    const taken: Taken[] = [];
    for (const [key, value] of Object.entries(mapping)) {
      const meaning = MEANINGS.get(key);
      if (meaning === undefined) {
        throw new LogspreadError("BAD_CONFIG", {
          what: `JSON mapping, ${JSON.stringify(key)}`,
          why: "there is no such field",
          fix: `Use one of ${[...MEANINGS.keys()].join(", ")}`,
        });
      }
      for (const path of typeof value === "string" ? [value] : value) {
        if (!paths.includes(path)) paths.push(path);
        const isTime = meaning.kind === EVENT_TIME || meaning.kind === START_TIME || meaning.kind === END_TIME;
        taken.push({ index: paths.indexOf(path), meaning, ...(isTime && { time: new AnyTime(zone) }) });
      }
    }
    if (taken.length === 0) {
      throw new LogspreadError("BAD_CONFIG", {
        what: "JSON mapping",
        why: "it names no field",
        fix: 'Say for example {"status": "response.status", "target": "request.uri", "time": "ts"}',
      });
    }
    this.name = name;
    this.marks = marks;
    this.sizeKind = sizeKind;
    this.fields = fieldsOf(taken.map(({ meaning }) => meaning));
    this.#json = new JsonFields(paths);
    this.#filler = new Filler(taken, { marks, urls: "url" in mapping, cookie, requestSplit: false });
  }

  parse(bytes: Buffer, from: number, to: number, into: AccessRecord): Outcome {
    into.reset(bytes);
    let end = to;
    while (end > from && bytes[end - 1]! <= 32) end--;
    if (end === from) return "empty";
    if (end - from > MAX_LINE_BYTES) return "too-long";
    const json = this.#json;
    const scanned = json.scan(bytes, from, end);
    if (scanned === "bad") return "bad-json";
    if (json.anyEscaped) this.#unescape(bytes, from, end, into);
    const outcome = this.#filler.fill(json.extents, json.cut, into);
    if (outcome !== "ok") return outcome;
    if (scanned === "cut") {
      if (into.timeUs < 0) return "bad-json";
      into.truncated = true;
      return "truncated";
    }
    return isAccess(into) ? "ok" : "no-fields";
  }

  #unescape(line: Buffer, from: number, to: number, into: AccessRecord): void {
    const { extents, escaped } = this.#json;
    const scratch = this.#scratch;
    scratch.take(line, from, to, extents);
    const bytes = scratch.bytes;
    for (let i = 0; i < escaped.length; i++) {
      if (escaped[i] === 0) continue;
      scratch.put(i, unescapeJson(bytes, extents[i * 2]!, extents[i * 2 + 1]!, bytes, scratch.end), extents);
    }
    into.bytes = bytes;
  }
}

/** A server's other messages are JSON too, with a time; only a request has a status or says what was asked for. */
function isAccess(record: AccessRecord): boolean {
  return record.status >= 0 || record.has(METHOD) || record.has(TARGET) || record.has(PATH) || record.has(REQUEST);
}
