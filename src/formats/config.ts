/** Formats as configurations and command lines write them. */
import { z } from "zod";
import { LogspreadError, reasonOf } from "../message/error.ts";
import { type Format, parserFor } from "./parser-for.ts";

const jsonFormat = z.strictObject({
  json: z
    .record(z.string(), z.union([z.string(), z.array(z.string()).min(1)]))
    .describe("where each field stands: its name to a path such as request.headers.User-Agent[0], or several in turn"),
  marks: z.enum(["start", "end"]).default("end").describe("which end of the request `time` is"),
  size: z.enum(["body", "wire"]).default("body").describe("what `size` counts: the body, or all with headers"),
});

/** `format:` of whatever parses lines: `auto`, a name, a format string, or a JSON mapping. */
export const formatConfig = z
  .union([z.string().min(1), jsonFormat])
  .superRefine((format, context) => {
    if (format === "auto") return;
    try {
      parserFor(format);
    } catch (error) {
      context.addIssue({ code: "custom", message: reasonOf(error) });
    }
  })
  .describe("auto, a name that `logspread formats` lists, an Apache LogFormat, an nginx log_format, or a JSON mapping");

/** A format as it is written on a command line: a name, a format string, or the JSON of a mapping. Throws BAD_CONFIG. */
export function readFormatText(text: string): Format {
  if (!text.trimStart().startsWith("{") || text.includes("$")) return text;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw badMapping(text, reasonOf(cause), cause);
  }
  const format = typeof value === "object" && value !== null && "json" in value ? value : { json: value };
  const checked = jsonFormat.safeParse(format);
  if (checked.success) return checked.data;
  throw badMapping(text, z.prettifyError(checked.error).replaceAll("\n", " "));
}

function badMapping(text: string, why: string, cause?: unknown): LogspreadError {
  return new LogspreadError(
    "BAD_CONFIG",
    {
      what: `JSON mapping ${text}`,
      why,
      fix: 'Say for example {"status": "response.status", "target": "request.uri", "time": "ts"}',
    },
    { cause },
  );
}
