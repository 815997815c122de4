import type { FilesConfig } from "../outputs/files/config.ts";
import { command, type Io, usageError } from "./command.ts";
import { EXIT } from "./exit.ts";
import { nodesOf, toOption } from "./to.ts";

const DEFAULT_WINDOW = 50_000;
const DEFAULT_LIMIT = 20;

const options = {
  group: {
    type: "string",
    short: "g",
    multiple: true,
    value: "PATTERN",
    help: "the files hold the lines of these groups, as they were published",
  },
  output: {
    type: "string",
    short: "o",
    value: "NAME",
    help: "the files were written by this output of the configuration: its match, rewriteTimestamp and paths apply",
  },
  config: {
    type: "string",
    short: "c",
    value: "FILE",
    help: "with --output: the configuration, as of up",
    complete: "file",
  },
  data: {
    type: "string",
    short: "d",
    value: "FOLDER",
    help: "with --output, without a configuration: the data folder, as of up",
    complete: "folder",
  },
  as: {
    type: "string",
    value: "PATH",
    help: "with --output: the path that the files were written as, if they were moved",
  },
  sender: { type: "string", value: "NAME", help: "only the lines of this sender" },
  from: {
    type: "string",
    value: "WHERE",
    help: "where the files begin: first, a position, a time, a time ago (default first)",
    complete: ["first"],
  },
  "to-position": { type: "string", value: "N", help: "the last position that counts (default the bus's last)" },
  cursor: {
    type: "string",
    value: "NAME",
    help: "lines behind this cursor may still be written and are no fault (default with --output: its own)",
  },
  "any-order": { type: "boolean", help: "lines may stand in another order, within the window" },
  window: { type: "string", value: "N", help: `how far, in lines, a line is looked for (default ${DEFAULT_WINDOW})` },
  replica: {
    type: "string",
    multiple: true,
    value: "FILE",
    help: "a file of another writer, which must hold the same; several in order",
    complete: "file",
  },
  limit: { type: "string", short: "n", value: "N", help: `faults of each kind to show (default ${DEFAULT_LIMIT})` },
  json: { type: "boolean", help: "the result as one JSON object" },
  quiet: { type: "boolean", short: "q", help: "no progress on standard error" },
  to: toOption,
} as const;

export const verify = command({
  name: "verify",
  summary: "prove that files hold what was published, or name the lines that are missing, doubled or altered",
  usage: "[options] FILE...",
  details: [
    "Reads the files (plain, .gz or .zst; several of one log in the order in which they were written) and the bus, and compares them line by line, in order, in bounded memory. What publishers report as dropped, and what the ledger misses of their sequences, counts as well.",
    "Exit codes: 0 complete, 1 something is missing, doubled, out of order, altered or foreign, 2 it could not tell, for example because retention has deleted the beginning.",
  ],
  options,
  completePositionals: "file",
  examples: [
    {
      line: "logspread verify --group coolsite /var/log/logspread/coolsite/access.log",
      does: "one file that holds all of a group",
    },
    {
      line: "logspread verify --config logspread.yaml --output site /var/log/logspread/coolsite/access-2026-11-2?.log",
      does: "what an output of this configuration wrote in these days",
    },
    {
      line: "logspread verify --group coolsite --replica b/access.log a/access.log",
      does: "two writers' files, and the bus",
    },
  ],
  async run({ values, positionals }, io) {
    if (positionals.length === 0)
      throw usageError("logspread verify", "it was not told which files", "Name one or more");
    if (values.group === undefined && values.output === undefined) {
      throw usageError(
        "logspread verify",
        "it was not told what the files should hold",
        "Say --group NAME, or --output NAME of the configuration that wrote them",
      );
    }
    const { openNodes } = await import("./nodes.ts");
    const { parseFrom } = await import("./from.ts");
    const { verifyFiles, verifyReplica } = await import("../verify/verify.ts");
    const { ledgerOf } = await import("./ledger-check.ts");
    const { resultOf, textOfResult } = await import("./verify-result.ts");
    const { writerTo } = await import("./stdout.ts");

    const { output, nodes } = await whatWrote(values, io);
    const bus = await openNodes(nodes, io, { patient: false });
    try {
      const cursor = values.cursor ?? values.output;
      const settings = {
        files: positionals,
        output,
        writtenAs: values.as,
        sender: values.sender,
        from: fromStart(parseFrom(values.from ?? "first", Date.now() * 1000)),
        to: numberOf("--to-position", values["to-position"]),
        writtenTo: (cursor === undefined ? undefined : await bus.cursor(cursor).read()) ?? Number.POSITIVE_INFINITY,
        window: numberOf("--window", values.window) ?? DEFAULT_WINDOW,
        anyOrder: values["any-order"] ?? false,
        limit: numberOf("--limit", values.limit) ?? DEFAULT_LIMIT,
      };
      const deps = { random: Math.random, progress: progressOn(io, values.quiet ?? false) };
      const compared = await verifyFiles(bus, settings, deps);
      const replica = values.replica && (await verifyReplica(positionals, values.replica, settings, deps));
      const ledger = await ledgerOf(nodes, compared);
      const result = resultOf(settings, compared, replica, ledger);
      await writerTo(io.stdout)(values.json ? `${JSON.stringify(result)}\n` : textOfResult(result));
      return { complete: EXIT.ok, faulty: EXIT.failed, untold: EXIT.usage }[result.verdict];
    } finally {
      await bus.close();
    }
  },
});

/** The output that wrote the files, and the nodes to ask. */
async function whatWrote(
  values: { readonly [K in "output" | "config" | "data"]: string | undefined } & {
    readonly group: readonly string[] | undefined;
    readonly to: readonly string[] | undefined;
  },
  io: Io,
): Promise<{ output: FilesConfig; nodes: string[] }> {
  if (values.output === undefined) {
    if (values.config !== undefined || values.data !== undefined) {
      throw usageError("logspread verify", "--config and --data say what an output does", "Add --output NAME");
    }
    const { filesConfig } = await import("../outputs/files/config.ts");
    // The path is not used: without fields and dates, all lines are meant for the files.
    return {
      output: filesConfig.parse({ groups: values.group, path: "/verify/all" }),
      nodes: nodesOf(values.to, io.env),
    };
  }
  const { serviceConfig } = await import("./service.ts");
  const { config } = await serviceConfig({ config: values.config, data: values.data }, io);
  const output = config.outputs[values.output]?.files;
  if (output === undefined) {
    const names = Object.keys(config.outputs);
    const { nearest } = await import("../node/nearest.ts");
    const near = nearest(values.output, names);
    throw usageError(
      `--output ${values.output}`,
      "the configuration has no such output",
      near === undefined ? `It has ${names.join(", ") || "none"}` : `Did you mean ${near}?`,
    );
  }
  if (values.group !== undefined) throw usageError("--group", "the output says which groups", "Leave it out");
  const { urlOf } = await import("./service.ts");
  const asked = values.to !== undefined || io.env.LOGSPREAD_TO;
  const listen = config.listen.map(urlOf).find((url) => url !== undefined);
  return { output, nodes: asked || listen === undefined ? nodesOf(values.to, io.env) : [listen] };
}

/** "first" is the first that is kept; position 1 is the first that there ever was, and a hole tells of what is gone. */
function fromStart(from: ReturnType<typeof import("./from.ts").parseFrom>) {
  if (from === "new") throw usageError("--from new", "files hold what was", "Say first, a position or a time");
  return from === "first" ? { position: 1 } : from;
}

function numberOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= 1) return value;
  throw usageError(`${option} ${text}`, "it is no whole number from 1 on", "See `logspread verify --help`");
}

const PROGRESS_MS = 2_000;

function progressOn(io: Io, quiet: boolean) {
  let nextMs = performance.now() + PROGRESS_MS;
  return (lines: number, position: number, last: number): void => {
    if (quiet || performance.now() < nextMs) return;
    nextMs = performance.now() + PROGRESS_MS;
    io.stderr.write(`logspread: ${lines.toLocaleString("en")} lines, position ${position} of ${last}\n`);
  };
}
