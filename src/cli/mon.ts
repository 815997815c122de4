import { groupNameFault } from "../message/names.ts";
import { command, type Io, usageError } from "./command.ts";
import { EXIT } from "./exit.ts";
import { writerTo } from "./stdout.ts";
import { nodesOf, toOption } from "./to.ts";

export const mon = command({
  name: "mon",
  summary: "watch the traffic of all servers in the terminal: rates, codes, pages, sessions, anomalies",
  usage: "[options] [GROUP...]",
  details: [
    "GROUP is a name or a pattern, web-*; without any it shows all groups. It needs a terminal of 80x24 for all it has, and shows what fits into a smaller one. Press ? for the keys, q to quit.",
    "When standard output is no terminal, or one that cannot be drawn on (TERM=dumb), it does as with --once. It connects again by itself when a node goes away, and shows how old its figures are.",
    "Exit codes: 69 if no node answers.",
  ],
  options: {
    once: { type: "boolean", help: "print one report and end" },
    json: { type: "boolean", help: "print an overview a line as JSON (docs/metrics.md), with --once a single one" },
    span: { type: "string", short: "s", value: "DURATION", help: "of the last 5m (the default), 1h, 1d" },
    interval: { type: "string", short: "i", value: "SECONDS", help: "between two updates (default 1)" },
    server: { type: "string", multiple: true, value: "NAME", help: "only requests to this server" },
    sort: {
      type: "string",
      value: "BY",
      help: "servers of --once by requests (the default), bytes, errors, time or name",
      complete: ["requests", "bytes", "errors", "time", "name"],
    },
    ascii: { type: "boolean", help: "draw with ASCII only; the default where the locale is not UTF-8" },
    to: toOption,
  },
  examples: [
    { line: "logspread mon", does: "all that goes on, of this machine's node" },
    {
      line: "logspread mon coolsite --span 1h --to http://log1:4804,http://log2:4804",
      does: "one site, the last hour, from whichever node answers",
    },
    { line: "logspread mon --once", does: "a report for a mail or a script" },
    { line: "logspread mon --json --once", does: "the same for a program" },
  ],
  async run({ values, positionals }, io) {
    for (const pattern of positionals) checkPattern(pattern);
    const intervalS = intervalOf(values.interval);
    const wish = { groups: positionals, servers: values.server ?? [], spanS: await spanOf(values.span) };
    const { askOverview, Nodes } = await import("../mon/nodes.ts");
    const sort = await sortOf(values.sort);
    const nodes = new Nodes(nodesOf(values.to, io.env));
    try {
      if (values.json && !values.once) return await stream(nodes, wish, intervalS * 1000, io);
      const first = await askOverview(nodes, wish, new AbortController().signal);
      if (values.json) {
        const { harmlessJson } = await import("../outputs/harmless.ts");
        await writerTo(io.stdout)(`${harmlessJson(JSON.stringify(first))}\n`);
        return EXIT.ok;
      }
      const { ASCII, UNICODE } = await import("../mon/line.ts");
      const look = values.ascii || !isUtf8(io.env) ? ASCII : UNICODE;
      if (values.once || io.stdout.isTTY !== true || io.env.TERM === "dumb") {
        const { onceText } = await import("../mon/once.ts");
        await writerTo(io.stdout)(
          onceText(first, nodes.current.name, sort, Math.max(60, io.stdout.columns || 80), look),
        );
        return EXIT.ok;
      }
      const { monitor } = await import("../mon/monitor.ts");
      const colour = !io.env.NO_COLOR;
      const end = await monitor(nodes, { wish, intervalMs: intervalS * 1000, colour, look, first, sort }, io);
      // The terminal is as it was: now it ends by the signal, as whoever sent it expects.
      if (end.kind === "signal") process.kill(process.pid, end.signal);
      return EXIT.ok;
    } finally {
      nodes.close();
    }
  },
});

/** Overviews as they come, one a line, until the reader goes or a signal comes. */
async function stream(
  nodes: import("../mon/nodes.ts").Nodes,
  wish: import("../mon/nodes.ts").Wish,
  intervalMs: number,
  io: Io,
): Promise<never> {
  const { harmlessJson, harmlessText } = await import("../outputs/harmless.ts");
  const { askOverview } = await import("../mon/nodes.ts");
  const { follow } = await import("../mon/follow.ts");
  const { signal } = new AbortController();
  const write = writerTo(io.stdout);
  await askOverview(nodes, wish, signal); // Who starts it is told at once that there is no node.
  let writtenMs = Number.NEGATIVE_INFINITY;
  let told = "";
  const tell = (text: string) => {
    if (text !== told && text !== "") io.stderr.write(`logspread: ${harmlessText(text)}\n`);
    told = text;
  };
  return await follow(
    nodes,
    wish,
    {
      link: (link) => {
        if (link.kind === "lost") tell(`no figures from ${link.node}: ${link.why}`);
        else if (link.kind === "live") tell("");
      },
      overview: async (overview) => {
        const nowMs = performance.now();
        if (nowMs - writtenMs < intervalMs - 300) return;
        writtenMs = nowMs;
        await write(`${harmlessJson(JSON.stringify(overview))}\n`);
      },
    },
    () => performance.now(),
    signal,
  );
}

function checkPattern(pattern: string): void {
  const why = groupNameFault(pattern.replaceAll("*", "x"));
  if (why !== undefined) {
    throw usageError(`${JSON.stringify(pattern)} is no group`, why, "Name a group, or a pattern such as 'web-*'");
  }
}

function intervalOf(text: string | undefined): number {
  if (text === undefined) return 1;
  const seconds = /^\d+(\.\d+)?s?$/.test(text) ? Number.parseFloat(text) : Number.NaN;
  if (seconds >= 1 && seconds <= 86_400) return seconds;
  throw usageError(`--interval ${text}`, "it is no number of seconds from 1 to 86400", "Say for example --interval 5");
}

async function spanOf(text: string | undefined): Promise<number> {
  if (text === undefined) return 300;
  const { parseDurationMs } = await import("../message/units.ts");
  const seconds = Math.round((parseDurationMs(text) ?? 0) / 1000);
  if (seconds >= 10 && seconds <= 366 * 86_400) return seconds;
  throw usageError(`--span ${text}`, "it is no duration from 10s to 1y", "Say for example --span 15m");
}

async function sortOf(text: string | undefined): Promise<import("../mon/state.ts").Sort> {
  const { SORTS } = await import("../mon/state.ts");
  const found = SORTS.find((sort) => sort === (text ?? "requests"));
  if (found !== undefined) return found;
  throw usageError(`--sort ${text}`, `servers are sorted by ${SORTS.join(", ")}`, "Say for example --sort errors");
}

/** By the locale; where none is set, which is usual in containers, the terminal is taken for one of today. */
function isUtf8({ LC_ALL, LC_CTYPE, LANG }: NodeJS.ProcessEnv): boolean {
  const locale = LC_ALL || LC_CTYPE || LANG || "";
  return locale === "" || /utf-?8/i.test(locale);
}
