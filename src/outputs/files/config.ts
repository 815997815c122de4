import { isAbsolute } from "node:path";
import { z } from "zod";
import { compileFormat } from "../../formats/line-format.ts";
import { compileTimestamp } from "../../formats/timestamp.ts";
import { zoneOf } from "../../formats/zone.ts";
import { reasonOf } from "../../message/error.ts";
import { duration, size } from "../../message/schema.ts";
import { parseTemplate } from "./template.ts";

/** Accepts what `compile` does not refuse; its reason becomes the error. */
function compiled(compile: (text: string) => unknown) {
  return z.string().superRefine((text, context) => {
    try {
      compile(text);
    } catch (error) {
      context.addIssue({ code: "custom", message: reasonOf(error) });
    }
  });
}

const regularExpression = compiled((text) => new RegExp(text, "u"));
const mode = z.string().regex(/^0?[0-7]{3}$/, 'write a mode such as "0640"');

/** Configuration of a file output (see docs/files.md, which explains each key). */
export const filesConfig = z
  .strictObject({
    groups: z.array(z.string().min(1)).min(1).default(["*"]).describe("names or patterns of groups"),
    from: z
      .enum(["first", "new"])
      .default("first")
      .describe("where to begin when there is no journal yet: all that is kept, or what comes from now on"),
    path: z
      .string()
      .min(1)
      .describe(
        "template of the file's path: {group} {sender} {host} {vhost}, {any field of format}, and %Y %m %d ...",
      ),
    time: z.enum(["bus", "event"]).default("bus").describe("which time the path's date parts show"),
    zone: compiled(zoneOf)
      .default("UTC")
      .describe("zone of dates in paths and of rewritten timestamps: UTC, +02:00 or Europe/Berlin"),
    format: compiled(compileFormat)
      .optional()
      .describe("what stands in a line: common, combined, vhost_combined, nginx, a LogFormat or a log_format"),
    timestamp: compiled(compileTimestamp)
      .optional()
      .describe("how the lines' time is written: clf, iso or a strftime pattern; default: as the format says, or clf"),
    match: z.array(regularExpression).default([]).describe("write only lines that match one of these"),
    exclude: z.array(regularExpression).default([]).describe("do not write lines that match one of these"),
    stripFirstField: z
      .boolean()
      .default(false)
      .describe("cut off each line's first word, which names the virtual host"),
    rewriteTimestamp: compiled(compileTimestamp)
      .optional()
      .describe("replace the line's timestamp by bus time: clf, iso or a strftime pattern"),
    order: z.enum(["bus", "event-time"]).default("bus").describe("order of the lines: the bus's, or their own times'"),
    lateness: duration().prefault("5s").describe("event-time: how long a line is waited for"),
    buffer: size().prefault("64MiB").describe("event-time: most bytes that wait for earlier lines"),
    rotate: z
      .strictObject({
        bytes: size().describe("begin a new file before this one would grow beyond"),
      })
      .optional()
      .describe("rotation by size; for rotation by date put date parts into the path"),
    compress: z.enum(["none", "zstd", "gzip"]).default("none").describe("compression of files that are closed"),
    retain: z
      .strictObject({
        files: z.int().min(1).optional().describe("closed files kept of each log"),
        age: duration().optional().describe("closed files older than this are deleted"),
        bytes: size().optional().describe("most bytes of closed files, all logs together; the oldest go first"),
      })
      .default({})
      .describe("which closed files are kept; default all"),
    currentLink: z
      .string()
      .optional()
      .describe("symbolic link that points to the newest file; may hold fields, no dates"),
    maxOpenFiles: z.int().min(1).default(256).describe("files kept open"),
    maxPathsPerDay: z
      .int()
      .min(1)
      .default(4096)
      .describe("different files a day; lines beyond go to the file whose fields are all called other"),
    fsyncInterval: duration().prefault("5s").describe("longest time that written lines stay only in the page cache"),
    mode: mode.default("0640").describe("permissions of new files"),
    dirMode: mode.default("0750").describe("permissions of new folders"),
  })
  .superRefine((config, context) => {
    const problem = (path: string, message: string): void => {
      context.addIssue({ code: "custom", path: [path], message });
    };
    const check = (key: string, action: () => void): void => {
      try {
        action();
      } catch (error) {
        problem(key, reasonOf(error));
      }
    };
    check("path", () => parseTemplate(config.path, fieldNames(config.format)));
    const link = config.currentLink;
    if (link !== undefined) {
      check("currentLink", () => {
        const template = parseTemplate(link, fieldNames(config.format));
        if (template.dated) problem("currentLink", "it holds date parts; a link of a fixed name is meant");
        const base = parseTemplate(config.path, fieldNames(config.format)).base;
        if (template.base !== base && !template.base.startsWith(base + "/")) {
          problem("currentLink", `it is not below ${base}, the fixed folder of path`);
        }
      });
    }
    if (!isAbsolute(config.path)) problem("path", "it is not absolute: begin with /");
    const wanted = parseNames(config.path).concat(parseNames(config.currentLink ?? ""));
    if (config.stripFirstField && config.format !== undefined && wanted.includes("vhost")) {
      const first = compileFormat(config.format).fields[0]!.name;
      if (first !== "vhost")
        problem("format", "with stripFirstField, {vhost} is the first word, which the format lacks");
    }
    if (config.rotate !== undefined && config.rotate.bytes < 1) problem("rotate", "bytes must be 1 or more");
  });

export type FilesConfig = z.output<typeof filesConfig>;

/** With the output's name, unique in a node: that of its journal and of its cursor. */
export type NamedFilesConfig = FilesConfig & { readonly name: string };

function parseNames(template: string): string[] {
  return [...template.matchAll(/\{([^{}]*)\}/g)].map((found) => found[1]!.toLowerCase());
}

/** What may stand in braces. Of a format that does not compile nothing can be said; that is another error. */
function fieldNames(format: string | undefined): readonly string[] {
  const own = ["group", "sender", "host", "vhost"];
  if (format === undefined) return own;
  try {
    return [...own, ...compileFormat(format).fields.map((field) => field.name)];
  } catch {
    return own;
  }
}
