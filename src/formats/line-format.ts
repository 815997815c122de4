/**
 * A compiled access-log format: says where in a line's bytes each field lies. No string, no regular expression and no
 * allocation per line: the caller brings the table that the places are written to.
 */
import { type LinePart, readFormat } from "./directives.ts";
import { PRESETS } from "./presets.ts";
import { compileTimestamp, type TimestampPattern } from "./timestamp.ts";

export interface Field {
  /** "remote", "vhost", "time", "status", "agent", "x-forwarded-for", ...; lower case; unique in a format. */
  readonly name: string;
  /** The directive that it comes from: `%>s`, `$status`; for the parts of a request line, that of the line. */
  readonly source: string;
}

/** Compiles a preset's name, an Apache LogFormat or an nginx log_format string. Throws BAD_CONFIG. */
export function compileFormat(format: string): LineFormat {
  return new LineFormat(readFormat(PRESETS[format] ?? format));
}

const QUOTE = 34;
const SPACE = 32;
const BACKSLASH = 92;
const BRACKET = 91;

/** One step of reading a line: a field, and the literal that ends it (empty: the end of the line). */
interface Step {
  readonly index: number;
  readonly end: Uint8Array;
  /** The field stands between quotes: a backslash takes the next byte's meaning. */
  readonly quoted: boolean;
  /** An address in brackets may hold the literal that ends the field: "[::1]:80". */
  readonly bracketed: boolean;
  /** Index of the field for the method, followed by path and protocol, if this is a request line; or -1. */
  readonly request: number;
}

export class LineFormat {
  /** In the order of their indices. */
  readonly fields: readonly Field[];
  /** How the field "time" is to be read, if the format has one that says a full date. */
  readonly timestamp: TimestampPattern | undefined;
  readonly #lead: Uint8Array;
  readonly #steps: readonly Step[];

  constructor(parts: readonly LinePart[]) {
    const fields: Field[] = [];
    const steps: Step[] = [];
    let lead = "";
    let timestamp: TimestampPattern | undefined;
    const add = (name: string, source: string): number => {
      // The second of a name goes by its directive, so that both can be asked for.
      fields.push({ name: fields.some((f) => f.name === name) ? source.toLowerCase() : name.toLowerCase(), source });
      return fields.length - 1;
    };
    for (const [i, part] of parts.entries()) {
      if (part.kind === "literal") {
        if (i === 0) lead = part.text;
        continue;
      }
      const next = parts[i + 1];
      const before = parts[i - 1];
      const end = next?.kind === "literal" ? next.text : "";
      const quoted = before?.kind === "literal" && before.text.endsWith('"') && end.startsWith('"');
      const index = add(part.name, part.source);
      if (part.time !== undefined && timestamp === undefined) timestamp = readable(part.time);
      let request = -1;
      if (part.name === "request") {
        request = add("method", part.source);
        add("path", part.source);
        add("protocol", part.source);
      }
      steps.push({ index, end: Buffer.from(end), quoted, bracketed: end.startsWith(":"), request });
    }
    this.fields = fields;
    this.timestamp = timestamp;
    this.#lead = Buffer.from(lead);
    this.#steps = steps;
  }

  /** The index of the field with this name (in any case), or -1. */
  indexOf(name: string): number {
    const wanted = name.toLowerCase();
    return this.fields.findIndex((field) => field.name === wanted);
  }

  /** A table for `parse`: start and end (exclusive) of field i at 2i and 2i + 1; both -1 if the field is absent. */
  extents(): Int32Array {
    return new Int32Array(this.fields.length * 2);
  }

  /**
   * Finds the fields of the line from `from` to `to` (without its newline). True if the line has the whole format; what
   * follows it is ignored. Of a line that was cut or departs from the format, the fields up to there are given, the last
   * of them perhaps cut short.
   */
  parse(bytes: Uint8Array, from: number, to: number, extents: Int32Array): boolean {
    extents.fill(-1);
    if (to > from && bytes[to - 1] === 13) to--;
    const lead = this.#lead;
    let at = from;
    for (let i = 0; i < lead.length; i++, at++) if (at >= to || bytes[at] !== lead[i]) return false;
    const steps = this.#steps;
    for (let s = 0; s < steps.length; s++) {
      const step = steps[s]!;
      const end = fieldEnd(bytes, at, to, step);
      extents[step.index * 2] = at;
      extents[step.index * 2 + 1] = end;
      if (step.request >= 0) request(bytes, at, end, extents, step.request * 2);
      at = end + step.end.length;
      if (at > to) return false;
      // A field at the end of the line that its literal does not follow: the line departs from the format.
      if (step.end.length > 0 && !literalAt(bytes, end, to, step.end)) return false;
    }
    return true;
  }
}

/** A time that stands in pieces all over the line cannot be read as one; its field is still found. */
function readable(pattern: string): TimestampPattern | undefined {
  try {
    return compileTimestamp(pattern);
  } catch {
    return undefined;
  }
}

/** Where the field at `at` ends: before the literal that ends it, or at `to` if that does not come. */
function fieldEnd(bytes: Uint8Array, at: number, to: number, step: Step): number {
  const end = step.end;
  if (end.length === 0) {
    for (let p = at; p < to; p++) if (bytes[p] === SPACE) return p;
    return to;
  }
  let p = at;
  if (step.quoted) {
    let first = -1;
    for (; p < to; p++) {
      const byte = bytes[p];
      if (byte === BACKSLASH) p++;
      else if (byte === QUOTE) {
        if (literalAt(bytes, p, to, end)) return p;
        if (first < 0) first = p; // a quote that was not escaped, or the line departs from the format here
      }
    }
    return first < 0 ? to : first;
  }
  if (step.bracketed && p < to && bytes[p] === BRACKET) while (p < to && bytes[p] !== BRACKET + 2) p++;
  const byte = end[0];
  for (; p < to; p++) if (bytes[p] === byte && literalAt(bytes, p, to, end)) return p;
  return to;
}

/** Whether `literal` stands at `at`, or as much of it as the line still has room for. */
function literalAt(bytes: Uint8Array, at: number, to: number, literal: Uint8Array): boolean {
  const length = Math.min(literal.length, to - at);
  for (let i = 0; i < length; i++) if (bytes[at + i] !== literal[i]) return false;
  return length > 0;
}

/** The parts of "GET /path HTTP/1.1"; of anything that is no request line ("-", TLS bytes) nothing. */
function request(bytes: Uint8Array, from: number, to: number, extents: Int32Array, slot: number): void {
  let method = from;
  while (method < to && bytes[method] !== SPACE) method++;
  const first = bytes[from]! | 32;
  if (method === to || first < 97 || first > 122) return;
  let path = to;
  for (let p = to - 1; p > method; p--) {
    if (bytes[p] !== SPACE) continue;
    // "HTTP/"; a path may hold blanks, and HTTP/0.9 has no protocol
    if (bytes[p + 1] === 72 && bytes[p + 2] === 84 && bytes[p + 5] === 47) path = p;
    break;
  }
  extents[slot] = from;
  extents[slot + 1] = method;
  extents[slot + 2] = method + 1;
  extents[slot + 3] = path;
  if (path < to) {
    extents[slot + 4] = path + 1;
    extents[slot + 5] = to;
  }
}
