import { command, usageError } from "./command.ts";
import { EXIT } from "./exit.ts";
import { firstUrl, serve, serviceConfig } from "./service.ts";
import { welcome } from "./welcome.ts";

export const up = command({
  name: "up",
  summary: "run a node: it takes messages in over HTTP, keeps them in order, and feeds outputs and readers",
  usage: "[options]",
  details: [
    "The configuration is the first of: --config FILE, $LOGSPREAD_CONFIG, ./logspread.yaml, /etc/logspread/logspread.yaml, with conf.d/*.yaml beside it. Without any, the node listens at 127.0.0.1:4804, keeps its data in /var/lib/logspread (root) or ~/.local/state/logspread, and writes each group's lines to DATA/logs/GROUP/access.log.",
    "SIGTERM and Ctrl-C stop it when everything is durable (a second Ctrl-C at once), SIGHUP lets it reopen its files, SIGUSR2 prints its status to standard error.",
  ],
  options: {
    config: { type: "string", short: "c", value: "FILE", help: "configuration file", complete: "file" },
    listen: {
      type: "string",
      short: "l",
      multiple: true,
      value: "ADDRESS",
      help: "where to listen: HOST:PORT (port 0 for any free one) or the path of a unix socket",
    },
    data: { type: "string", short: "d", value: "FOLDER", help: "folder for all that must last", complete: "folder" },
    file: {
      type: "string",
      value: "TEMPLATE",
      help: "write lines to this file, such as /var/log/logspread/{group}/access-%Y-%m-%d.log; replaces the output called files",
    },
    group: {
      type: "string",
      multiple: true,
      value: "PATTERN",
      help: "with --file, or without a configuration: only the lines of these groups (default *)",
    },
  },
  examples: [
    { line: "logspread up --data ./data", does: "try it out, with all data in ./data" },
    { line: "logspread up --config /etc/logspread/logspread.yaml", does: "as a service" },
    {
      line: "logspread up --data ./data --listen 127.0.0.1:0 --group coolsite --file ./logs/%Y-%m-%d.log",
      does: "one group into a file a day, on any free port",
    },
  ],
  async run({ values, positionals }, io) {
    if (positionals.length > 0) {
      throw usageError(
        `logspread up ${positionals[0]}`,
        "it takes options only",
        `Did you mean --config ${positionals[0]}?`,
      );
    }
    const { group: groups, ...flags } = values;
    const { config, files } = await serviceConfig({ ...flags, groups }, io);
    await serve(config, io, (node) => {
      const url = firstUrl(node.urls);
      // A service that is configured has nothing to be told; whoever tries it out has, in a terminal or not.
      if (url === undefined || (!io.stdout.isTTY && files.length > 0)) return;
      const group = groups?.find((name) => !name.includes("*")) ?? "coolsite";
      const path = Object.values(config.outputs).find((output) => output.files !== undefined)?.files.path;
      const program = { node: process.execPath, script: process.argv[1]! };
      if (files.length > 0) io.stdout.write(`Configuration: ${files.join(", ")}\n`);
      io.stdout.write(
        welcome({
          url,
          group,
          file: path?.replaceAll("{group}", group).replaceAll("%%", "%"),
          data: config.data,
          metrics: config.metrics !== undefined,
          program,
        }),
      );
    });
    return EXIT.ok;
  },
});
