import type { Readable } from "node:stream";
import type { LineParser, Outcome } from "../formats/line-parser.ts";
import { command, type Io, usageError } from "./command.ts";
import { EXIT } from "./exit.ts";
import { writerTo } from "./stdout.ts";

/** Output is gathered up to this. */
const WRITE_BYTES = 64 * 1024;

export const parse = command({
  name: "parse",
  summary: "show what the fields of access-log lines are read as",
  usage: "[options] [FILE]",
  details: [
    "Reads FILE, which may be compressed (.gz, .zst), or standard input (-). At the end standard error says how many lines were read and why others were not. Without --format the format is recognised from the first lines, and said.",
    "Exit codes: 0 if at least one line could be read as a request, else 1.",
  ],
  options: {
    format: {
      type: "string",
      short: "F",
      value: "FORMAT",
      help: "auto (the default), a name that `logspread formats` lists, an Apache LogFormat, an nginx log_format, or a JSON mapping",
    },
    json: { type: "boolean", help: "a JSON object for each line" },
    limit: { type: "string", short: "n", value: "N", help: "end after N lines" },
    failed: { type: "boolean", help: "show only the lines that could not be read whole" },
    zone: { type: "string", value: "ZONE", help: "zone of times that name none: +02:00, Europe/Berlin (default UTC)" },
    cookie: { type: "string", value: "NAME", help: "which cookie is the field cookie" },
  },
  completePositionals: "file",
  examples: [
    { line: "logspread parse -n 3 access.log", does: "recognise the format and show three lines" },
    {
      line: `logspread parse --format '%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" %D' access.log --failed`,
      does: "try a format of your own: which lines does it not read?",
    },
    {
      line: `echo '{"t":"2026-11-24T13:55:36Z","code":200,"ms":12}' | logspread parse --json --format '{"time":"t","status":"code","duration_ms":"ms"}' -`,
      does: "a JSON log of your own",
    },
  ],
  async run({ values, positionals }, io) {
    if (positionals.length > 1) {
      throw usageError(`logspread parse ${positionals.join(" ")}`, "it reads one file", "Or pipe several into it");
    }
    const limit = limitOf(values.limit);
    const { readFormatText } = await import("../formats/config.ts");
    const { parserFor } = await import("../formats/parser-for.ts");
    const { AccessRecord } = await import("../formats/record.ts");
    const { isRequest } = await import("../formats/line-parser.ts");
    const { jsonOf, textOf } = await import("./parse-show.ts");
    const options = { zone: values.zone, cookie: values.cookie };
    const format = values.format ?? "auto";
    let parser: LineParser | undefined = format === "auto" ? undefined : parserFor(readFormatText(format), options);
    const input = await inputOf(positionals[0] ?? "-", io);
    const write = writerTo(io.stdout);
    const record = new AccessRecord();
    const counts = new Map<Outcome, number>();
    const shown = values.json ? jsonOf : textOf;
    let line = 0;
    let text = "";
    for await (const lines of wholeLines(input)) {
      parser ??= await recognised(lines, options, io);
      if (parser === undefined) return EXIT.failed;
      for (let from = 0; from < lines.length && line < limit; ) {
        const newline = lines.indexOf(10, from);
        const to = newline < 0 ? lines.length : newline;
        line++;
        const outcome = parser.parse(lines, from, to, record);
        counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
        if (!values.failed || (outcome !== "ok" && outcome !== "header")) {
          text += shown({ line, outcome, bytes: lines.subarray(from, to) }, record);
          if (text.length >= WRITE_BYTES) {
            await write(text);
            text = "";
          }
        }
        from = to + 1;
      }
      if (line >= limit) break;
    }
    await write(text);
    input.destroy();
    io.stderr.write(`logspread: ${summaryOf(line, counts)}\n`);
    return [...counts.keys()].some(isRequest) ? EXIT.ok : EXIT.failed;
  },
});

function limitOf(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  if (/^\d+$/.test(text)) return Number(text);
  throw usageError(`-n ${text}`, "it is not a number of lines", "Say for example -n 10");
}

async function inputOf(file: string, io: Io): Promise<Readable> {
  if (file === "-") return io.stdin;
  const { open } = await import("node:fs/promises");
  const { pipeline } = await import("node:stream");
  const zlib = await import("node:zlib");
  const bytes = (await open(file)).createReadStream({ highWaterMark: 256 * 1024 });
  const decoder = file.endsWith(".gz")
    ? zlib.createGunzip()
    : file.endsWith(".zst")
      ? zlib.createZstdDecompress()
      : undefined;
  // Whoever reads the decoder sees either's error; pipeline carries the first stream's over.
  return decoder === undefined ? bytes : pipeline(bytes, decoder, () => {});
}

/** The input in pieces of whole lines, each but perhaps the last ending in a newline. */
async function* wholeLines(input: Readable): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  for await (const chunk of input as AsyncIterable<Buffer>) {
    const end = chunk.lastIndexOf(10) + 1;
    if (end === 0) {
      rest.push(chunk);
      continue;
    }
    yield Buffer.concat([...rest, chunk.subarray(0, end)]);
    rest = [chunk.subarray(end)];
  }
  const last = Buffer.concat(rest);
  if (last.length > 0) yield last;
}

/** The parser of the format that the lines are in; undefined, and said so, if it is none that has a name. */
async function recognised(
  lines: Buffer,
  options: { readonly zone: string | undefined; readonly cookie: string | undefined },
  io: Io,
): Promise<LineParser | undefined> {
  const { recognise } = await import("../formats/recognise.ts");
  const found = recognise(lines, options);
  io.stderr.write(
    found === undefined
      ? "logspread: no format that has a name reads half of the first lines: say --format with the LogFormat or log_format of the server that wrote them\n"
      : `logspread: the format is ${found.name}: it reads ${found.matched} of the first ${found.of} ${found.of === 1 ? "line" : "lines"}\n`,
  );
  return found?.parser;
}

function summaryOf(lines: number, counts: ReadonlyMap<Outcome, number>): string {
  const sorted = [...counts].toSorted((a, b) => b[1] - a[1]);
  const parts = sorted.map(([outcome, count]) => `${count.toLocaleString("en")} ${outcome}`);
  const total = `${lines.toLocaleString("en")} ${lines === 1 ? "line" : "lines"}`;
  return parts.length === 0 ? "there was no line" : `${total}: ${parts.join(", ")}`;
}
