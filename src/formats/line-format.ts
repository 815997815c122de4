/**
 * A compiled access-log format: says where in a line's bytes each field lies. No string, no regular expression and no
 * allocation per line: the caller brings the table that the places are written to.
 */
import { type LinePart, readFormat } from "./directives.ts";
import { TEXT_PRESETS } from "./presets.ts";
import { closingQuote } from "./quoted.ts";
import { splitRequest } from "./request-line.ts";
import { SyslogHeader } from "./syslog-header.ts";
import { compileTimestamp, type TimestampPattern } from "./timestamp.ts";
import { UTC, type Zone } from "./zone.ts";

export interface Field {
  /** "remote", "vhost", "time", "status", "agent", "x-forwarded-for", ...; lower case; unique in a format. */
  readonly name: string;
  /** The directive that it comes from: `%>s`, `$status`; for the parts of a request line, that of the line. */
  readonly source: string;
}

export interface LineFormatOptions {
  /** The zone of times that name none; UTC unless given. */
  readonly zone?: Zone;
  /** A syslog header may stand before the line. */
  readonly syslog?: boolean;
}

/** Compiles a preset's name, an Apache LogFormat or an nginx log_format string. Throws BAD_CONFIG. */
export function compileFormat(format: string): LineFormat {
  const preset = TEXT_PRESETS.find((each) => each.name === format);
  return new LineFormat(readFormat(preset?.format ?? format), { syslog: preset?.syslog ?? false });
}

const SPACE = 32;
const BRACKET = 91;
const COMMA = 44;
const COLON = 58;

/** What every server writes between the brackets of `%t` and `$time_local`. */
const CLF = "%d/%b/%Y:%H:%M:%S %z";
const CLF_LENGTH = 26;

/** One step of reading a line: a field, and the literal that ends it (empty: the end of the line). */
interface Step {
  readonly index: number;
  readonly end: Uint8Array;
  /** The literal's length and first bytes, for the many lines where a look at these is enough. */
  readonly length: number;
  readonly byte0: number;
  readonly byte1: number;
  readonly byte2: number;
  /** nginx's list of what several upstreams did: "0.005, 0.120 : -" is one field. */
  readonly list: boolean;
  /** The field is a time that may hold the literal that ends it: "2026-11-24 13:55:36". */
  readonly stamp: TimestampPattern | undefined;
  /** The field is a time whose length is known, so that its literal need not be looked for. */
  readonly clf: boolean;
  /** The field stands between quotes: a backslash takes the next byte's meaning. */
  readonly quoted: boolean;
  /** An address in brackets may hold the literal that ends the field: "[::1]:80". */
  readonly bracketed: boolean;
  /** The field is a request line: three fields behind it are its method, path and protocol. */
  readonly request: boolean;
}

export class LineFormat {
  /** In the order of their indices. */
  readonly fields: readonly Field[];
  /** How the field "time" is to be read, if the format has one that says a full date. */
  readonly timestamp: TimestampPattern | undefined;
  /** Steps of the last line that were read whole, each with the literal behind it; a step is a field of the format string. */
  reached = 0;
  /** Where the reading of the last line ended: behind the format, or behind the field that departs from it. */
  end = 0;
  readonly #lead: Uint8Array;
  readonly #steps: readonly Step[];
  readonly #syslog: SyslogHeader | undefined;
  readonly #hostSlot: number = -1;

  constructor(parts: readonly LinePart[], { zone = UTC, syslog = false }: LineFormatOptions = {}) {
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
      const own = part.time === undefined ? undefined : readable(part.time, zone);
      timestamp ??= own;
      const request = part.name === "request";
      if (request) {
        add("method", part.source);
        add("path", part.source);
        add("protocol", part.source);
      }
      const literal = Buffer.from(end);
      const [byte0 = -1, byte1 = -1, byte2 = -1] = literal;
      const clf = part.time === CLF && end.startsWith("]");
      const bracketed = end.startsWith(":");
      const length = literal.length;
      const stamp = part.time?.includes(end === "" ? " " : end[0]!) ? own : undefined;
      const list = part.source.startsWith("$upstream_") && !quoted && (end === "" || end.startsWith(" "));
      steps.push({ index, end: literal, length, byte0, byte1, byte2, list, stamp, clf, quoted, bracketed, request });
    }
    if (syslog) {
      this.#syslog = new SyslogHeader();
      this.#hostSlot = add("syslog_host", "syslog header") * 2;
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

  /** The number of the step that finds the field with this name: compare with `reached`. -1 if there is none. */
  stepOf(name: string): number {
    const index = this.indexOf(name);
    return this.#steps.findIndex((step) => step.index === index);
  }

  /** The index of the field that a step finds. */
  fieldOf(step: number): number {
    return this.#steps[step]!.index;
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
    if (to > from && bytes[to - 1] === 13) to--;
    let at = from;
    if (this.#syslog !== undefined) {
      this.#syslog.skip(bytes, from, to);
      at = this.#syslog.message;
      extents[this.#hostSlot] = this.#syslog.hostFrom;
      extents[this.#hostSlot + 1] = this.#syslog.hostTo;
    }
    const lead = this.#lead;
    for (let i = 0; i < lead.length; i++, at++) {
      if (at >= to || bytes[at] !== lead[i]) return this.#stop(0, at, extents, 0);
    }
    const steps = this.#steps;
    for (let s = 0; s < steps.length; s++) {
      const step = steps[s]!;
      const found = fieldEnd(bytes, at, to, step);
      const end = found < 0 ? ~found : found;
      const index = step.index * 2;
      extents[index] = at;
      extents[index + 1] = end;
      if (step.request) {
        extents[index + 2] = extents[index + 3] = extents[index + 4] = extents[index + 5] = -1;
        extents[index + 6] = extents[index + 7] = -1;
        splitRequest(bytes, at, end, extents, index + 2);
      }
      at = end + step.length;
      // The line ends here, or the literal does not follow the field: the line departs from the format.
      if (found < 0 || at > to) return this.#stop(s, end, extents, index + (step.request ? 8 : 2));
    }
    this.reached = steps.length;
    this.end = at;
    return true;
  }

  /** The fields from `rest` on are absent; the table is not cleared before every line, for most need it not. */
  #stop(reached: number, end: number, extents: Int32Array, rest: number): false {
    this.reached = reached;
    this.end = end;
    extents.fill(-1, rest, this.#hostSlot < 0 ? extents.length : this.#hostSlot);
    return false;
  }
}

/** A time that stands in pieces all over the line cannot be read as one; its field is still found. */
function readable(pattern: string, zone: Zone): TimestampPattern | undefined {
  try {
    return compileTimestamp(pattern, zone);
  } catch {
    return undefined;
  }
}

/** Where the field at `at` ends, before its literal; `~end` if it ends there without it: at `to`, or at a quote too early. */
function fieldEnd(bytes: Uint8Array, at: number, to: number, step: Step): number {
  const length = step.length;
  let p = at;
  if (step.quoted) {
    let first = -1;
    for (;;) {
      p = closingQuote(bytes, p, to);
      if (p >= to) return first < 0 ? ~to : ~first;
      if (follows(bytes, p, to, step)) return p;
      if (first < 0) first = p; // a quote that was not escaped, or the line departs from the format here
      p++;
    }
  }
  if (step.list) p = lastOfList(bytes, p, to);
  else if (step.stamp?.parseAt(bytes, p, to)) p = step.stamp.end;
  if (length === 0) {
    while (p < to && bytes[p] !== SPACE) p++;
    return p;
  }
  const byte = step.byte0;
  if (step.clf && bytes[at + CLF_LENGTH] === byte && at + CLF_LENGTH < to && isClf(bytes, at)) p = at + CLF_LENGTH;
  else if (step.bracketed && p < to && bytes[p] === BRACKET) while (p < to && bytes[p] !== BRACKET + 2) p++;
  if (length === 1) {
    while (p < to && bytes[p] !== byte) p++;
    return p < to ? p : ~to;
  }
  for (; p < to; p++) if (bytes[p] === byte && follows(bytes, p, to, step)) return p;
  return ~to;
}

/** Whether "24/Nov/2026:13:55:36 +0000" may well be what stands at `at`. */
function isClf(bytes: Uint8Array, at: number): boolean {
  return bytes[at + 2] === 47 && bytes[at + 6] === 47 && bytes[at + 11] === 58 && bytes[at + 20] === SPACE;
}

/** Where the last item of a list begins: a comma or a colon between blanks is followed by another. */
function lastOfList(bytes: Uint8Array, at: number, to: number): number {
  let last = at;
  for (let p = at; p < to; p++) {
    if (bytes[p] !== SPACE) continue;
    if (p > at && bytes[p - 1] === COMMA) last = p + 1;
    else if (p + 2 < to && bytes[p + 1] === COLON && bytes[p + 2] === SPACE) last = (p += 2) + 1;
    else break;
  }
  return last;
}

/** Whether the literal of `step` stands at `at`, whose first byte does; or as much of it as the line still has room for. */
function follows(bytes: Uint8Array, at: number, to: number, step: Step): boolean {
  const length = step.length;
  if (length === 1) return true;
  if (length > 3 || at + length > to) return literalAt(bytes, at, to, step.end);
  return bytes[at + 1] === step.byte1 && (length === 2 || bytes[at + 2] === step.byte2);
}

/** Whether `literal` stands at `at`, or as much of it as the line still has room for. */
function literalAt(bytes: Uint8Array, at: number, to: number, literal: Uint8Array): boolean {
  const length = Math.min(literal.length, to - at);
  for (let i = 0; i < length; i++) if (bytes[at + i] !== literal[i]) return false;
  return length > 0;
}
