/** From what a user says about a format to its parser; and the list of what has a name. */
import { LogspreadError } from "../message/error.ts";
import { readFormat } from "./directives.ts";
import { type JsonMapping, JsonParser } from "./json-parser.ts";
import { JSON_PRESETS } from "./json-presets.ts";
import { LineFormat } from "./line-format.ts";
import type { LineParser, ParserOptions } from "./line-parser.ts";
import { nginxJsonMapping } from "./nginx-json.ts";
import { TEXT_PRESETS, type TextPreset } from "./presets.ts";
import { TextParser } from "./text-parser.ts";
import { CLF, ClfTime, PatternTime } from "./time-reader.ts";
import { W3C_PRESETS, W3cParser } from "./w3c-parser.ts";
import { UTC, type Zone, zoneOf } from "./zone.ts";

/** A JSON format of the user's own. */
export interface JsonFormat {
  readonly json: JsonMapping;
  /** Which end of the request `time` is; the end unless given, for most write it when they log. */
  readonly marks?: "start" | "end";
  /** What `size` counts; the body unless given. */
  readonly size?: "body" | "wire";
}

/** A preset's name, an Apache LogFormat or nginx log_format string, or a JSON mapping. */
export type Format = string | JsonFormat;

/** A format that has a name. */
export interface NamedFormat {
  readonly name: string;
  /** Who writes it. */
  readonly of: string;
  readonly kind: "text" | "json" | "w3c";
  /** The format string; for JSON the mapping; for W3C the fields. */
  readonly says: string | JsonMapping;
  readonly example: string;
}

/** All formats that have a name. */
export const NAMED_FORMATS: readonly NamedFormat[] = [
  ...TEXT_PRESETS.map(
    ({ name, of, format, example }): NamedFormat => ({ name, of, kind: "text", says: format, example }),
  ),
  ...JSON_PRESETS.map(
    ({ name, of, fields, example }): NamedFormat => ({ name, of, kind: "json", says: fields, example }),
  ),
  ...W3C_PRESETS.map(
    ({ name, of, fields, example }): NamedFormat => ({ name, of, kind: "w3c", says: fields, example }),
  ),
];

/** The parser of `format`. Throws BAD_CONFIG that says what is wrong with it. */
export function parserFor(format: Format, options: ParserOptions = {}): LineParser {
  const zone = options.zone === undefined ? UTC : zoneOf(options.zone);
  const { cookie } = options;
  if (typeof format !== "string") {
    const { json, marks = "end", size = "body" } = format;
    return new JsonParser(json, { name: "json", marks, sizeKind: size, zone, cookie });
  }
  const json = JSON_PRESETS.find(({ name }) => name === format);
  if (json !== undefined) return new JsonParser(json.fields, { ...json, zone, cookie });
  const w3c = W3C_PRESETS.find(({ name }) => name === format);
  if (w3c !== undefined) return new W3cParser(w3c, { cookie });
  const mapping = nginxJsonMapping(format);
  if (mapping !== undefined) {
    const sizeKind = /\$\{?body_bytes_sent/.test(format) || !/\$\{?bytes_sent/.test(format) ? "body" : "wire";
    return new JsonParser(mapping, { name: format, marks: "end", sizeKind, zone, cookie });
  }
  const text = TEXT_PRESETS.find(({ name }) => name === format);
  if (text === undefined && /^[\w.-]*$/.test(format)) {
    throw new LogspreadError("BAD_CONFIG", {
      what: `format ${JSON.stringify(format)}`,
      why: "no format has this name, and it is no format string",
      fix: `Use one of ${NAMED_FORMATS.map(({ name }) => name).join(", ")}; an Apache LogFormat; or an nginx log_format`,
    });
  }
  return textParser(format, text, zone, cookie);
}

function textParser(name: string, preset: TextPreset | undefined, zone: Zone, cookie: string | undefined): LineParser {
  const parts = readFormat(preset?.format ?? name);
  const format = new LineFormat(parts, { zone, syslog: preset?.syslog ?? false });
  const time = parts.find((part) => part.kind === "field" && part.time !== undefined);
  const source = time?.kind === "field" ? time.source : "";
  const pattern = time?.kind === "field" ? time.time : undefined;
  return new TextParser(format, {
    name,
    // nginx writes the time of writing; Apache that of the request, unless told otherwise.
    marks: preset?.marks ?? (source.startsWith("$") || source.startsWith("%{end") ? "end" : "start"),
    time: pattern === CLF ? new ClfTime() : format.timestamp && new PatternTime(format.timestamp),
    urls: preset?.urls ?? false,
    mayEndBefore: preset?.mayEndBefore,
    cookie,
  });
}
