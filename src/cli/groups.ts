import type { GroupStatus } from "../bus/bus.ts";
import { formatSize } from "../message/units.ts";
import { harmlessText } from "../outputs/harmless.ts";
import { paintFor } from "../outputs/paint.ts";
import { command, usageError } from "./command.ts";
import { EXIT } from "./exit.ts";
import { openNodes } from "./nodes.ts";
import { writerTo } from "./stdout.ts";
import { nodesOf, toOption } from "./to.ts";

export const groups = command({
  name: "groups",
  summary: "list the groups of a node, with what they hold",
  usage: "[options]",
  details: [
    "Messages, batches and bytes (before compression) are counted since the bus was made, those included that retention has deleted. POSITION and TIME are those of the group's last batch. Groups that start with $ are the bus's own.",
  ],
  options: {
    json: { type: "boolean", help: "the node's positions and its groups as one JSON object" },
    to: toOption,
  },
  examples: [
    { line: "logspread groups", does: "what there is on this machine" },
    {
      line: "logspread groups --json --to http://logs.example:4804",
      does: "the same of another machine, for a program",
    },
  ],
  async run({ values, positionals }, io) {
    if (positionals.length > 0) {
      throw usageError(
        `logspread groups ${positionals[0]}`,
        "it lists all groups and takes no name",
        "Leave the name out",
      );
    }
    const bus = await openNodes(nodesOf(values.to, io.env), io, { patient: false });
    try {
      const status = await bus.status();
      const write = writerTo(io.stdout);
      if (values.json) await write(`${JSON.stringify(status)}\n`);
      else if (status.groups.length > 0) await write(tableOf(status.groups, paintFor(io.stdout, io.env).bold));
      else io.stderr.write("logspread: there are no groups yet: the first message published to one makes it\n");
    } finally {
      await bus.close();
    }
    return EXIT.ok;
  },
});

function tableOf(all: readonly GroupStatus[], bold: (text: string) => string): string {
  const rows = all
    .toSorted((a, b) => (a.group < b.group ? -1 : 1))
    .map((g) => [
      harmlessText(g.group),
      g.messages.toLocaleString("en"),
      g.batches.toLocaleString("en"),
      formatSize(g.rawBytes),
      String(g.lastPosition),
      new Date(g.lastTimeUs / 1000).toISOString(),
    ]);
  const head = ["GROUP", "MESSAGES", "BATCHES", "BYTES", "POSITION", "TIME"];
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => (i === 0 || i === 5 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join("  ")
      .trimEnd();
  return `${[bold(line(head)), ...rows.map(line)].join("\n")}\n`;
}
