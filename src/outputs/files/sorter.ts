/**
 * Which lines of a batch go to which file, and in what shape. Decided by the configuration and the bus alone, so that
 * every writer, and every try after a crash, makes the same bytes.
 */
import { compileFormat, type LineFormat } from "../../formats/line-format.ts";
import { compileTimestamp, type TimestampPattern } from "../../formats/timestamp.ts";
import { type Zone, zoneOf } from "../../formats/zone.ts";
import type { Batch } from "../../message/batch.ts";
import { messagesOf } from "../../message/body.ts";
import type { PlacedBatch } from "../../message/delivery.ts";
import { NEWLINE } from "../../message/lines.ts";
import type { FilesConfig } from "./config.ts";
import type { FilesCounters } from "./counters.ts";
import { type Portion, PortionBuilder } from "./portion.ts";
import { type PathTemplate, parseTemplate } from "./template.ts";

const SPACE = 32;
const COLON = 58;

/** A placeholder's value: of the batch (group, sender, host), of the line's first word, or of a field of the format. */
type Source = "group" | "sender" | "host" | "first" | { readonly field: number };

export class Sorter {
  readonly template: PathTemplate;
  readonly zone: Zone;
  readonly #link: PathTemplate | undefined;
  readonly #counters: FilesCounters;
  readonly #sources: readonly Source[];
  readonly #linkSources: readonly Source[];
  /** Placeholders of path and link whose values differ from line to line. */
  readonly #lineSources: readonly Source[];
  readonly #format: LineFormat | undefined;
  readonly #extents: Int32Array;
  readonly #match: readonly RegExp[];
  readonly #exclude: readonly RegExp[];
  readonly #strip: boolean;
  readonly #rewrite: TimestampPattern | undefined;
  readonly #timestamp: TimestampPattern | undefined;
  readonly #timeField: number;
  readonly #datedByEvent: boolean;
  readonly #ordered: boolean;
  readonly #firstWord: boolean;
  readonly #filtered: boolean;
  readonly #whole: boolean;

  constructor(config: FilesConfig, counters: FilesCounters) {
    this.#counters = counters;
    this.zone = zoneOf(config.zone);
    const format = config.format === undefined ? undefined : compileFormat(config.format);
    const names = ["group", "sender", "host", "vhost", ...(format?.fields.map((field) => field.name) ?? [])];
    this.template = parseTemplate(config.path, names, this.zone);
    this.#link = config.currentLink === undefined ? undefined : parseTemplate(config.currentLink, names, this.zone);
    const source = (name: string): Source => {
      if (name === "group" || name === "sender" || name === "host") return name;
      const field = format?.indexOf(name) ?? -1;
      return field === -1 || (name === "vhost" && config.stripFirstField) ? "first" : { field };
    };
    this.#sources = this.template.fields.map(source);
    this.#linkSources = this.#link?.fields.map(source) ?? [];
    const both = [...this.#sources, ...this.#linkSources];
    this.#lineSources = both.filter((s) => s === "first" || typeof s === "object");
    this.#match = config.match.map((text) => new RegExp(text, "u"));
    this.#exclude = config.exclude.map((text) => new RegExp(text, "u"));
    this.#strip = config.stripFirstField;
    this.#rewrite =
      config.rewriteTimestamp === undefined ? undefined : compileTimestamp(config.rewriteTimestamp, this.zone);
    this.#datedByEvent = config.time === "event" && this.template.dated;
    this.#ordered = config.order === "event-time";
    const timed = this.#datedByEvent || this.#ordered;
    this.#timestamp = !timed
      ? undefined
      : config.timestamp !== undefined
        ? compileTimestamp(config.timestamp, this.zone)
        : (format?.timestamp ?? compileTimestamp("clf"));
    this.#timeField = timed || this.#rewrite ? (format?.indexOf("time") ?? -1) : -1;
    const fields = this.#lineSources.some((s) => typeof s === "object") || this.#timeField >= 0;
    this.#format = fields ? format : undefined;
    this.#extents = format?.extents() ?? new Int32Array(0);
    this.#firstWord = this.#lineSources.includes("first");
    this.#filtered = config.match.length + config.exclude.length > 0;
    this.#whole =
      this.#lineSources.length === 0 && !timed && !this.#strip && this.#rewrite === undefined && !this.#filtered;
  }

  /** The portions of a batch, `raw` being its opened body; in the order of their first lines. */
  sort(placed: PlacedBatch, raw: Buffer): Portion[] {
    if (raw.length === 0) return [];
    const { batch, busTimeUs } = placed;
    const body = batch.kind === "frames" ? linesOfFrames(batch, raw) : endedLines(raw);
    if (!this.#whole) return this.#sortLines(placed, body, body !== raw || batch.compression !== "none");
    const values = this.#batchValues(batch, this.#sources);
    return [
      {
        path: this.template.render(values, busTimeUs),
        dateUs: busTimeUs,
        eventUs: busTimeUs,
        link: this.#link?.render(this.#batchValues(batch, this.#linkSources), busTimeUs),
        bytes: body,
        lines: batch.count,
      },
    ];
  }

  #batchValues(batch: Batch, sources: readonly Source[]): string[] {
    return sources.map((source) => {
      if (source === "group") return batch.group;
      if (source === "sender") return batch.sender;
      return source === "host" ? batch.sender.slice(batch.sender.indexOf("@") + 1) : "";
    });
  }

  /** A hot path. `owned`: nobody else reads `body`, so that timestamps of equal length are replaced where they stand. */
  #sortLines(placed: PlacedBatch, body: Buffer, owned: boolean): Portion[] {
    const { batch, busTimeUs } = placed;
    const stamp = this.#rewrite;
    // Of a pattern with an optional fraction, each line may need its own shape; any other is written once a batch.
    const bytes = stamp === undefined || owned ? body : Buffer.from(body);
    const builders = new Map<string, { builder: PortionBuilder; values: string[]; dateUs: number; eventUs: number }>();
    const sources = this.#lineSources;
    /** Where the values of the line before stand. */
    const places = new Int32Array(2 * sources.length);
    let lastUs = Number.NaN;
    let timeKey = "";
    let builder: PortionBuilder | undefined;
    let previousUs = busTimeUs;
    for (let from = 0; from < bytes.length; ) {
      const to = bytes.indexOf(NEWLINE, from);
      const next = to + 1;
      if (this.#filtered && !this.#wanted(bytes.toString("utf8", from, to))) {
        this.#counters.linesExcluded++;
        from = next;
        continue;
      }
      let parsed = true;
      if (this.#format !== undefined) this.#format.parse(bytes, from, to, this.#extents);
      let word = from;
      if (this.#strip || this.#firstWord) while (word < to && bytes[word] !== SPACE) word++;
      // The window in which the time stands, with the brackets that a pattern may name.
      let timeFrom = from;
      let timeTo = to;
      if (this.#timeField >= 0) {
        const start = this.#extents[2 * this.#timeField]!;
        timeFrom = start < 0 ? to : Math.max(from, start - 1);
        timeTo = Math.min(to, this.#extents[2 * this.#timeField + 1]! + 1);
      }
      let eventUs = busTimeUs;
      if (this.#timestamp !== undefined) {
        if (this.#timestamp.find(bytes, timeFrom, timeTo)) eventUs = this.#timestamp.us;
        else {
          // It stays behind the line it came with: the rest of a stack trace, say.
          eventUs = previousUs;
          parsed = false;
        }
        previousUs = eventUs;
      }
      const dateUs = this.#datedByEvent ? eventUs : busTimeUs;
      // Most lines go where the one before went: the key is made of strings only when something differs.
      let same = builder !== undefined && eventUs === lastUs;
      for (let i = 0; i < sources.length; i++) {
        const source = sources[i]!;
        let start = from;
        let end = word;
        if (source === "first") end = firstWordEnd(bytes, from, word);
        else if (typeof source === "object") {
          start = this.#extents[2 * source.field]!;
          end = this.#extents[2 * source.field + 1]!;
          if (start < 0) parsed = false;
        }
        same &&= sameBytes(bytes, start, end, places[2 * i]!, places[2 * i + 1]!);
        places[2 * i] = start;
        places[2 * i + 1] = end;
      }
      if (!same) {
        if (eventUs !== lastUs) {
          timeKey = this.#ordered ? String(eventUs) : this.#datedByEvent ? this.template.dateKey(dateUs) : "";
          lastUs = eventUs;
        }
        let key = timeKey;
        for (let i = 0; i < sources.length; i++) {
          key += "\n" + (places[2 * i]! < 0 ? "" : bytes.toString("latin1", places[2 * i], places[2 * i + 1]));
        }
        let found = builders.get(key);
        if (found === undefined) {
          const values = this.#lineValues(batch, bytes, from, word);
          found = { builder: new PortionBuilder(bytes), values, dateUs, eventUs };
          builders.set(key, found);
        }
        builder = found.builder;
      }
      const start = this.#strip ? Math.min(word + 1, to) : from;
      if (stamp?.find(bytes, Math.max(start, timeFrom), timeTo)) {
        const text = stamp.write(busTimeUs, this.zone, stamp.fractionDigits);
        if (text.length === stamp.end - stamp.start) {
          bytes.set(text, stamp.start);
          builder!.add(start, next);
        } else {
          if (stamp.start > start) builder!.add(start, stamp.start);
          builder!.addBytes(text);
          builder!.add(stamp.end, next);
        }
      } else {
        if (stamp !== undefined) parsed = false;
        builder!.add(start, next);
      }
      builder!.lines++;
      if (!parsed) this.#counters.linesUnparsed++;
      from = next;
    }
    return [...builders.values()].map(({ builder: { lines }, builder, values, dateUs, eventUs }) => ({
      path: this.template.render(values.slice(0, this.#sources.length), dateUs),
      dateUs,
      eventUs,
      link: this.#link?.render(values.slice(this.#sources.length), dateUs),
      bytes: builder.take(),
      lines,
    }));
  }

  #wanted(line: string): boolean {
    if (this.#match.length > 0 && !this.#match.some((pattern) => pattern.test(line))) return false;
    return !this.#exclude.some((pattern) => pattern.test(line));
  }

  /** The values of the path's and then the link's placeholders. */
  #lineValues(batch: Batch, bytes: Buffer, from: number, word: number): string[] {
    const sources = [...this.#sources, ...this.#linkSources];
    const values = this.#batchValues(batch, sources);
    for (const [i, source] of sources.entries()) {
      if (source === "first") values[i] = text(bytes, from, firstWordEnd(bytes, from, word));
      else if (typeof source === "object") {
        const start = this.#extents[2 * source.field]!;
        values[i] = start < 0 ? "" : text(bytes, start, this.#extents[2 * source.field + 1]!);
      }
    }
    return values;
  }
}

function sameBytes(bytes: Uint8Array, start: number, end: number, otherStart: number, otherEnd: number): boolean {
  if (end - start !== otherEnd - otherStart || start < 0 !== otherStart < 0) return false;
  for (let i = 0; i < end - start; i++) if (bytes[start + i] !== bytes[otherStart + i]) return false;
  return true;
}

/** As text of which no two differ only in bytes that are no UTF-8: those stand as the Latin-1 characters they would be. */
function text(bytes: Buffer, from: number, to: number): string {
  const utf8 = bytes.toString("utf8", from, to);
  return utf8.includes("\ufffd") ? bytes.toString("latin1", from, to) : utf8;
}

/** Where the virtual host in the first word ends: a port is no part of its name. */
function firstWordEnd(bytes: Uint8Array, from: number, word: number): number {
  let p = word;
  while (p > from && bytes[p - 1]! >= 48 && bytes[p - 1]! <= 57) p--;
  return p < word && p - 1 > from && bytes[p - 1] === COLON ? p - 1 : word;
}

const NEWLINE_BYTES = Buffer.from("\n");

/** A faulty publisher may leave out the last newline; the next batch's line shall not be glued to this one's. */
function endedLines(raw: Buffer): Buffer {
  return raw[raw.length - 1] === NEWLINE ? raw : Buffer.concat([raw, NEWLINE_BYTES]);
}

const ESCAPED_NEWLINE = Buffer.from("\\n");

/** Messages that may hold newlines, a line each: a newline within becomes the two characters \n. */
function linesOfFrames(batch: Batch, raw: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (const message of messagesOf(batch, raw)) {
    let at = 0;
    for (let newline = message.indexOf(NEWLINE); newline !== -1; newline = message.indexOf(NEWLINE, at)) {
      parts.push(message.subarray(at, newline), ESCAPED_NEWLINE);
      at = newline + 1;
    }
    parts.push(message.subarray(at), NEWLINE_BYTES);
  }
  return Buffer.concat(parts);
}
