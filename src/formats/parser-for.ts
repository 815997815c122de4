/** From what a user says about a format to its parser. */
import { readFormat } from "./directives.ts";
import { LineFormat } from "./line-format.ts";
import type { LineParser, ParserOptions } from "./line-parser.ts";
import { TEXT_PRESETS, type TextPreset } from "./presets.ts";
import { TextParser } from "./text-parser.ts";
import { CLF, ClfTime, PatternTime } from "./time-reader.ts";
import { UTC, zoneOf } from "./zone.ts";

/** The parser of a preset, of an Apache LogFormat or of an nginx log_format string. Throws BAD_CONFIG. */
export function parserFor(format: string, options: ParserOptions = {}): LineParser {
  const preset = TEXT_PRESETS.find(({ name }) => name === format);
  return textParser(format, preset, options);
}

function textParser(
  name: string,
  preset: TextPreset | undefined,
  { zone: zoneName, cookie }: ParserOptions,
): LineParser {
  const zone = zoneName === undefined ? UTC : zoneOf(zoneName);
  const parts = readFormat(preset?.format ?? name);
  const format = new LineFormat(parts, { zone, syslog: preset?.syslog ?? false });
  const time = parts.find((part) => part.kind === "field" && part.time !== undefined);
  const source = time?.kind === "field" ? time.source : "";
  return new TextParser(format, {
    name,
    // nginx writes the time of writing; Apache that of the request, unless told otherwise.
    marks: preset?.marks ?? (source.startsWith("$") || source.startsWith("%{end") ? "end" : "start"),
    time:
      time?.kind === "field" && time.time === CLF
        ? new ClfTime()
        : format.timestamp && new PatternTime(format.timestamp),
    urls: preset?.urls ?? false,
    mayEndBefore: preset?.mayEndBefore,
    cookie,
  });
}
