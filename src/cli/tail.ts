import { reasonOf } from "../message/error.ts";
import { groupNameFault } from "../message/names.ts";
import { command, usageError } from "./command.ts";
import { EXIT } from "./exit.ts";
import { openNodes } from "./nodes.ts";
import { writerTo } from "./stdout.ts";
import { nodesOf, toOption } from "./to.ts";

export const tail = command({
  name: "tail",
  summary: "show the messages of groups as they come, all servers in one order",
  usage: "[options] GROUP...",
  details: [
    "GROUP is a name or a pattern: coolsite, web-*, or * for all. Messages go to standard output; what is missing, and why, to standard error.",
    "On a terminal, control characters and escape sequences are made visible (\\x1b) instead of sent, and colours are used unless NO_COLOR is set. Into a pipe or a file go the very bytes that were published, unless --safe is given.",
  ],
  options: {
    from: {
      type: "string",
      value: "WHERE",
      help: "first, new, a position, a time (2026-11-24T10:00, @SECONDS), or a time ago (-10m, -2h, -1d); default new, with --no-follow first",
      complete: ["first", "new"],
    },
    limit: { type: "string", short: "n", value: "N", help: "end after N messages" },
    follow: { type: "boolean", short: "f", help: "wait for more at the end (the default)" },
    "no-follow": { type: "boolean", help: "end at the end" },
    grep: {
      type: "string",
      short: "g",
      value: "REGEX",
      help: "only messages that match (a JavaScript regular expression)",
    },
    "ignore-case": { type: "boolean", short: "i", help: "let --grep ignore case" },
    invert: { type: "boolean", short: "v", help: "only messages that --grep does not match" },
    prefix: { type: "boolean", short: "p", help: "before each message the bus's time, the group and the sender" },
    json: { type: "boolean", help: "a JSON object for each message, with its place and all that is known of it" },
    safe: { type: "boolean", help: "make control characters visible also in a pipe or a file" },
    to: toOption,
  },
  examples: [
    { line: "logspread tail coolsite", does: "watch the whole site, whichever server a request went to" },
    {
      line: "logspread tail coolsite --from -10m --grep '\" 50[0-9] '",
      does: "server errors of the last ten minutes and from now on",
    },
    { line: "logspread tail coolsite --from first --no-follow | goaccess -", does: "a report of all that is kept" },
    {
      line: "logspread tail '*' --prefix -n 10 --from first",
      does: "the first ten messages, with time, group and sender",
    },
  ],
  async run({ values, positionals }, io) {
    if (positionals.length === 0) {
      throw usageError(
        "logspread tail",
        "it was not told which group",
        "Say for example `logspread tail coolsite`, or '*' for all",
      );
    }
    if (values.follow && values["no-follow"]) {
      throw usageError("logspread tail", "--follow and --no-follow contradict each other", "Leave one out");
    }
    for (const pattern of positionals) checkPattern(pattern);
    const follow = !values["no-follow"];
    const { parseFrom } = await import("./from.ts");
    const { terminal } = await import("../outputs/terminal.ts");
    const { paintFor, plain } = await import("../outputs/paint.ts");
    const paint = paintFor(io.stdout, io.env);
    const output = terminal(
      {
        groups: positionals,
        from: parseFrom(values.from ?? (follow ? "new" : "first"), Date.now() * 1000),
        follow,
        limit: limitOf(values.limit),
        keep: keepOf(values.grep, values["ignore-case"] ?? false, values.invert ?? false),
        form: values.json ? "json" : "messages",
        prefix: values.prefix ?? false,
        safe: values.safe || io.stdout.isTTY === true,
        paint: paint === plain ? undefined : paint,
      },
      { write: writerTo(io.stdout), tell: (text) => io.stderr.write(`logspread: ${text}\n`) },
    );
    const bus = await openNodes(nodesOf(values.to, io.env), io, { patient: follow });
    try {
      await output(bus, new AbortController().signal); // SIGINT ends the process as it stands: there is nothing to finish.
    } finally {
      await bus.close();
    }
    return EXIT.ok;
  },
});

function checkPattern(pattern: string): void {
  const why = groupNameFault(pattern.replaceAll("*", "x"));
  if (why !== undefined)
    throw usageError(`${JSON.stringify(pattern)} is no group`, why, "Name a group, or a pattern such as 'web-*'");
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  if (/^\d+$/.test(text)) return Number(text);
  throw usageError(`-n ${text}`, "it is not a number of messages", "Say for example -n 100");
}

function keepOf(pattern: string | undefined, ignoreCase: boolean, invert: boolean) {
  if (pattern === undefined) {
    if (!ignoreCase && !invert) return undefined;
    throw usageError(
      "logspread tail",
      "--ignore-case and --invert say how --grep works, which is missing",
      "Add --grep REGEX",
    );
  }
  let regex: RegExp;
  try {
    regex = new RegExp(pattern, ignoreCase ? "i" : "");
  } catch (error) {
    throw usageError(
      `--grep ${pattern}`,
      reasonOf(error),
      "Put a backslash before characters that shall stand for themselves",
    );
  }
  return (message: Buffer) => regex.test(message.toString("utf8")) !== invert;
}
