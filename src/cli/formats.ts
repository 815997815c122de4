import type { NamedFormat } from "../formats/parser-for.ts";
import { command, usageError } from "./command.ts";
import { EXIT } from "./exit.ts";
import { writerTo } from "./stdout.ts";

export const formats = command({
  name: "formats",
  summary: "list the access-log formats that have a name, or show one",
  usage: "[options] [NAME]",
  details: [
    "MARKS is the end of the request that the printed time marks, SIZE what the size counts: the body, or all that went over the wire. A format of your own is an Apache LogFormat, an nginx log_format, or a JSON mapping.",
  ],
  options: {
    json: { type: "boolean", help: "the formats as JSON objects, one a line, with an example of each" },
  },
  examples: [
    { line: "logspread formats", does: "what there is" },
    { line: "logspread formats nginx-timed", does: "one of them, with its format string, fields and a line" },
  ],
  async run({ values, positionals }, io) {
    if (positionals.length > 1) {
      throw usageError(
        `logspread formats ${positionals.join(" ")}`,
        "it shows one format",
        "Name one, or none for all",
      );
    }
    const { NAMED_FORMATS } = await import("../formats/parser-for.ts");
    const { paintFor } = await import("../outputs/paint.ts");
    const name = positionals[0];
    const shown = name === undefined ? NAMED_FORMATS : NAMED_FORMATS.filter((format) => format.name === name);
    if (name !== undefined && shown.length === 0) {
      const { nearest } = await import("../node/nearest.ts");
      const near = nearest(
        name,
        NAMED_FORMATS.map((format) => format.name),
      );
      throw usageError(
        `logspread formats ${name}`,
        "there is no such format",
        near === undefined ? "`logspread formats` lists them" : `Did you mean ${near}?`,
      );
    }
    const described = await Promise.all(shown.map(describe));
    const write = writerTo(io.stdout);
    if (values.json) await write(described.map((format) => `${JSON.stringify(format)}\n`).join(""));
    else if (name === undefined) await write(tableOf(described, paintFor(io.stdout, io.env).bold));
    else await write(textOf(described[0]!));
    return EXIT.ok;
  },
});

interface Described extends NamedFormat {
  readonly marks: "start" | "end";
  readonly size: "body" | "wire";
  readonly fields: readonly string[];
}

async function describe(format: NamedFormat): Promise<Described> {
  const { parserFor } = await import("../formats/parser-for.ts");
  const { marks, sizeKind, fields } = parserFor(format.name);
  return { ...format, marks, size: sizeKind, fields };
}

function tableOf(all: readonly Described[], bold: (text: string) => string): string {
  const rows = all.map(({ name, kind, marks, size, fields, of }) => [
    name,
    kind,
    marks,
    size,
    fields.includes("duration") ? "yes" : "no",
    of,
  ]);
  const head = ["FORMAT", "KIND", "MARKS", "SIZE", "DURATION", "WRITTEN BY"];
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (i < cells.length - 1 ? cell.padEnd(widths[i]!) : cell))
      .join("  ")
      .trimEnd();
  return `${[bold(line(head)), ...rows.map(line)].join("\n")}\n`;
}

function textOf({ name, of, says, marks, size, fields, example }: Described): string {
  const format =
    typeof says === "string"
      ? says
      : Object.entries(says)
          .map(([field, paths]) => `${field.padEnd(16)} ${typeof paths === "string" ? paths : paths.join(", ")}`)
          .join("\n  ");
  return `${name}: ${of}

Time marks the request's ${marks}; size is of ${size === "body" ? "the body" : "all that went over the wire"}.

Format
  ${format}

Fields
  ${fields.join(", ")}

Example
  ${example}
`;
}
