import { command, type Io, usageError } from "./command.ts";
import { EXIT } from "./exit.ts";
import { writerTo } from "./stdout.ts";

export const report = command({
  name: "report",
  summary: "count what stands in access-log files: traffic, pages, visitors, errors, times",
  usage: "[options] FILE...",
  details: [
    "Reads FILEs, which may be compressed (.gz, .zst), or standard input (-), and prints a report of 80 columns; with --html or --json it makes a page or JSON. A rotated set is given as its files: access.log*. Several files, and parts of a large one, are read at once by several threads.",
    "A request belongs to the time that its line says. Without --format each file's format is recognised from its first lines. Lines that cannot be read are counted by reason and never end the report.",
    "Exit codes: 0 if at least one line could be read as a request, else 1.",
  ],
  options: {
    format: {
      type: "string",
      short: "F",
      value: "FORMAT",
      help: "auto (the default), a name that `logspread formats` lists, an Apache LogFormat, an nginx log_format, or a JSON mapping",
    },
    from: {
      type: "string",
      value: "TIME",
      help: "only requests from then on: 2026-11-24, 2026-11-24T10:00, -2h, @SECONDS",
    },
    to: { type: "string", value: "TIME", help: "only requests before then" },
    html: { type: "string", value: "FILE", help: "write a page to FILE (- for standard output)", complete: "file" },
    json: { type: "boolean", help: "print JSON: the shape of the node's metrics, and how the lines fared" },
    top: { type: "string", short: "n", value: "N", help: "rows of each list (default 10)" },
    address: {
      type: "string",
      value: "HOW",
      help: "keep (the default), truncate or hash the addresses of clients",
      complete: ["keep", "truncate", "hash"],
    },
    query: {
      type: "string",
      value: "HOW",
      help: "keep (the default) or drop what follows ? in pages and referrers, or a list of parameters to drop: token,session",
      complete: ["keep", "drop"],
    },
    countries: {
      type: "string",
      value: "FILE",
      help: "tell countries by this file in MaxMind's format",
      complete: "file",
    },
    zone: { type: "string", value: "ZONE", help: "zone of times that name none: +02:00, Europe/Berlin (default UTC)" },
    threads: { type: "string", value: "N", help: "threads at most (default: one a core)" },
    quiet: { type: "boolean", short: "q", help: "show no progress" },
  },
  completePositionals: "file",
  examples: [
    { line: "logspread report access.log", does: "a report in the terminal" },
    { line: "logspread report --html report.html access.log*", does: "a page of a rotated set of files" },
    { line: "logspread report --json --top 100 access.log", does: "JSON for other programs" },
    {
      line: "logspread tail coolsite --from -1h --no-follow | logspread report -",
      does: "the last hour of all servers",
    },
  ],
  async run({ values, positionals }, io) {
    if (positionals.length === 0) {
      throw usageError("logspread report", "it was not told what to read", "Name files, or - for standard input");
    }
    if (values.json && values.html !== undefined) {
      throw usageError("logspread report", "--json and --html contradict each other", "Leave one out");
    }
    const { availableParallelism } = await import("node:os");
    const { randomBytes } = await import("node:crypto");
    const { countFiles } = await import("../report/count-files.ts");
    const { reportOf } = await import("../report/report.ts");
    const nowUs = Date.now() * 1000;
    const started = performance.now();
    const progress = await progressOn(values.quiet ?? false, io);
    const counted = await countFiles(
      {
        files: positionals,
        format: await formatOf(values.format),
        parser: { zone: values.zone },
        privacy: { address: addressOf(values.address), query: queryOf(values.query) },
        countries: values.countries,
        fromUs: (await timeOf("--from", values.from, nowUs)) ?? Number.NEGATIVE_INFINITY,
        toUs: (await timeOf("--to", values.to, nowUs)) ?? Number.POSITIVE_INFINITY,
        threads: numberOf("--threads", values.threads) ?? availableParallelism(),
        seed: randomBytes(4).readInt32LE(),
      },
      { stdin: io.stdin, progress: progress.show },
    );
    progress.clear();
    const made = reportOf(counted, numberOf("--top", values.top) ?? 10, (performance.now() - started) / 1000);
    const write = writerTo(io.stdout);
    if (values.html !== undefined) {
      const { htmlReport } = await import("../report/html.ts");
      const page = htmlReport(made);
      if (values.html === "-") await write(page);
      else {
        const { writeFile } = await import("node:fs/promises");
        await writeFile(values.html, page);
      }
    } else if (values.json) {
      const { harmlessJson } = await import("../outputs/harmless.ts");
      await write(`${harmlessJson(JSON.stringify(made))}\n`);
    } else {
      const { textReport } = await import("../report/text.ts");
      const { paintFor } = await import("../outputs/paint.ts");
      await write(textReport(made, paintFor(io.stdout, io.env)));
    }
    return made.totals.requests > 0 ? EXIT.ok : EXIT.failed;
  },
});

async function progressOn(quiet: boolean, io: Io) {
  const { Progress } = await import("../report/progress.ts");
  const shown = !quiet && io.stderr.isTTY === true;
  const progress = new Progress(shown ? (text) => void io.stderr.write(text) : () => {}, () => performance.now());
  return {
    show: (read: number, of: number | undefined) => progress.show(read, of),
    clear: () => progress.clear(),
  };
}

/** The schema of mappings, which takes memory, is loaded for a mapping only. */
async function formatOf(text: string | undefined) {
  if (text === undefined || text === "auto") return "auto";
  return text.trimStart().startsWith("{") ? (await import("../formats/config.ts")).readFormatText(text) : text;
}

async function timeOf(option: string, text: string | undefined, nowUs: number): Promise<number | undefined> {
  if (text === undefined) return undefined;
  const { parseTimeUs } = await import("../node/api/from.ts");
  const us = parseTimeUs(text, nowUs);
  if (us !== undefined) return us;
  throw usageError(
    `${option} ${text}`,
    "it is not a time",
    `Say for example ${option} 2026-11-24T10:00 or ${option} -2h`,
  );
}

function numberOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw usageError(`${option} ${text}`, "it is not a number from 1 to 999999", `Say for example ${option} 20`);
}

function addressOf(text: string | undefined): "keep" | "truncate" | "hash" {
  if (text === undefined) return "keep";
  if (text === "keep" || text === "truncate" || text === "hash") return text;
  throw usageError(`--address ${text}`, "it is neither keep, truncate nor hash", "Say for example --address truncate");
}

function queryOf(text: string | undefined): "keep" | "drop" | string[] {
  if (text === undefined || text === "keep") return "keep";
  return text === "drop" ? "drop" : text.split(",").filter((name) => name !== "");
}
