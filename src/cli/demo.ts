import { command, usageError } from "./command.ts";
import { EXIT } from "./exit.ts";
import { firstUrl, serve, serviceConfig } from "./service.ts";

const GROUP = "demo";

export const demo = command({
  name: "demo",
  summary: "run a node with a simulated site of four web servers, to see it move",
  usage: "[options]",
  details: [
    "All traffic is SIMULATED: group demo, servers sim-1 to sim-4, visitors with addresses that are reserved for documentation. It comes in waves of 12 minutes, with bad minutes of single servers, crawlers, and scans for what is not there.",
    "Without --data, everything is kept in a temporary folder that is deleted at the end. Real publishers can publish to the node as well.",
  ],
  options: {
    rate: { type: "string", short: "r", value: "N", help: "requests a second, on average (default 200)" },
    seed: { type: "string", value: "N", help: "the same seed gives the same site and visitors (default: chance)" },
    listen: {
      type: "string",
      short: "l",
      multiple: true,
      value: "ADDRESS",
      help: "where to listen (default 127.0.0.1:4804); port 0 for any free one",
    },
    data: { type: "string", short: "d", value: "FOLDER", help: "keep everything here", complete: "folder" },
    config: {
      type: "string",
      short: "c",
      value: "FILE",
      help: "configuration file, as of `logspread up`",
      complete: "file",
    },
  },
  examples: [
    { line: "logspread demo", does: "200 requests a second" },
    { line: "logspread demo --rate 2000 --seed 7 --listen 127.0.0.1:0", does: "a busy site, the same each time" },
  ],
  async run({ values, positionals }, io) {
    if (positionals.length > 0) {
      throw usageError(`logspread demo ${positionals[0]}`, "it takes options only", "See `logspread demo --help`");
    }
    const rate = numberOf("--rate", values.rate ?? "200", 1, 100_000);
    const seed = numberOf("--seed", values.seed ?? String(Date.now()), 0, Number.MAX_SAFE_INTEGER);
    const { chanceFrom } = await import("./demo/chance.ts");
    const { simulate } = await import("./demo/simulate.ts");
    const { mkdtemp, rm } = await import("node:fs/promises");
    const { tmpdir } = await import("node:os");
    const { join } = await import("node:path");
    const temporary =
      values.data === undefined && values.config === undefined
        ? await mkdtemp(join(tmpdir(), "logspread-demo-"))
        : undefined;
    try {
      const flags = { listen: values.listen, data: values.data ?? temporary, config: values.config };
      const { config } = await serviceConfig(flags, io);
      await serve(
        config,
        io,
        (node) =>
          io.stdout.write(banner(firstUrl(node.urls) ?? node.urls[0]!, config.data, rate, temporary !== undefined)),
        (node, signal) => {
          const report = (_: string, text: string) => io.stderr.write(`logspread: ${text}\n`);
          const deps = { nowMs: Date.now, chance: chanceFrom(seed), report };
          return simulate({ group: GROUP, rate }, node.bus, deps, signal);
        },
        { simulated: true },
      );
    } finally {
      if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
    }
    return EXIT.ok;
  },
});

function banner(url: string, data: string, rate: number, temporary: boolean): string {
  return [
    "*** SIMULATED TRAFFIC: no real site, no real visitors ***",
    "",
    `  about ${rate} requests a second at four servers, sim-1 to sim-4, group ${GROUP}`,
    `  logspread listens on ${url}`,
    `  everything is in ${data}${temporary ? ", which is deleted at the end" : ""}`,
    "",
    `Watch it in a browser: ${url}/`,
    "",
    "or in a second terminal:",
    "",
    `  logspread mon --to ${url}`,
    `  curl -N '${url}/v1/groups/${GROUP}/messages?follow=true'`,
    "",
    "",
  ].join("\n");
}

function numberOf(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw usageError(
    `${option} ${text}`,
    `it is no whole number from ${least} to ${most}`,
    `See \`logspread demo --help\``,
  );
}
