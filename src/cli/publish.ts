/** `logspread publish`: standard input, line by line, to the bus. What a web server's piped log runs. */
import { accessSync, constants } from "node:fs";
import { homedir, hostname, userInfo } from "node:os";
import { ON_FULL, type OnFull } from "../bus/spool/on-full.ts";
import { MAX_LINE_BYTES } from "../inputs/line-limit.ts";
import { sourceOf } from "../inputs/pipe-source.ts";
import { newProducer } from "../message/batch.ts";
import { checkGroupName, MAX_NAME_BYTES, SYSTEM_PREFIX } from "../message/names.ts";
import { parseDurationMs, parseSize } from "../message/units.ts";
import { type Args, command, type Io, type Options, usageError } from "./command.ts";
import { publishReport } from "./publish-report.ts";
import type { PublishSettings } from "./publish-run.ts";
import { DEFAULT_TO } from "./to.ts";

const DEFAULT_GROUP = "default";
const DEFAULT_SPOOL = "/var/spool/logspread";
const STDIN = 0;

const options = {
  group: { type: "string", short: "g", value: "NAME", help: `group to publish to (default ${DEFAULT_GROUP})` },
  "group-field": {
    type: "string",
    value: "N|vhost",
    help: "field number N of each line (vhost: the first) names its group and is cut off; a line whose field cannot be a name goes to --group, whole",
  },
  to: {
    type: "string",
    multiple: true,
    value: "URL[,URL]",
    help: `a node: http://HOST:4804, https://HOST or unix:/PATH; the next one if it does not answer (default $LOGSPREAD_TO or ${DEFAULT_TO})`,
  },
  sender: { type: "string", value: "NAME", help: "who publishes (default USER@HOST)" },
  spool: {
    type: "string",
    value: "DIR",
    complete: "folder",
    help: `where lines wait while no node answers (default ${DEFAULT_SPOOL}, or below ~/.local/state for a user who cannot write there)`,
  },
  "spool-bytes": { type: "string", value: "SIZE", help: "most that is kept there for this publisher (default 1GiB)" },
  "on-full": {
    type: "string",
    value: ON_FULL.join("|"),
    complete: ON_FULL,
    help: "what happens when that is full (default drop-oldest; block if standard input is a file); what is dropped is counted",
  },
  "no-spool": { type: "boolean", help: "keep lines in memory only, a few megabytes" },
  user: { type: "string", value: "NAME", help: "become this user (needs root)" },
  "max-line-bytes": {
    type: "string",
    value: "SIZE",
    help: "longer lines are cut there (default, and most, 1MiB)",
  },
  "exit-wait": {
    type: "string",
    value: "TIME",
    help: "how long to wait for a node at the end of the input, before what is left stays in the spool (default 5s)",
  },
  quiet: { type: "boolean", short: "q", help: "only say what is lost or refused" },
  verbose: { type: "boolean", short: "v", help: "say everything, also what repeats" },
} as const satisfies Options;

type Values = Args<typeof options>["values"];

export const publish = command({
  name: "publish",
  summary: "publish the lines of standard input",
  usage: "[options]",
  details: [
    "Lines are sent as they come. While no node answers they wait in the spool, and reading goes on, so that a web server is never held up. Lines of a publisher that is killed are sent by the next one.",
    "The end of the input ends it, as does SIGINT. SIGTERM does not end it while it reads a pipe: Apache sends it while old processes still write.",
  ],
  options,
  examples: [
    { line: "logspread publish --group coolsite < access.log", does: "publish a file" },
    {
      line: 'CustomLog "|/usr/bin/logspread publish --group coolsite --user www-data" combined',
      does: "from Apache, in its configuration",
    },
    {
      line: 'CustomLog "|/usr/bin/logspread publish --group-field vhost --user www-data" "%v %h %l %u %t \\"%r\\" %>s %b"',
      does: "a group for each virtual host, named by the first field",
    },
    {
      line: "varnishncsa | logspread publish --group edge --to http://log1:4804,http://log2:4804",
      does: "from any program, to the first of two nodes that answers",
    },
  ],
  async run({ values, positionals }, io) {
    io.stderr.on("error", () => {}); // The web server has closed its log: nobody is left to be told.
    if (positionals.length > 0 && positionals.join() !== "-") {
      throw usageError(
        `logspread publish ${positionals[0]}`,
        "it reads standard input only",
        `Say \`logspread publish < ${positionals[0]}\``,
      );
    }
    const { stayLean } = await import("./publish-memory.ts");
    const onLetGo = stayLean();
    // Before it becomes another user, who perhaps may not read the program.
    const { runPublish } = await import("./publish-run.ts");
    const settings = await settingsOf(values, io);
    return await runPublish(settings, onLetGo);
  },
});

async function settingsOf(values: Values, io: Io): Promise<PublishSettings> {
  const group = checkGroupName(values.group ?? DEFAULT_GROUP);
  if (group.startsWith(SYSTEM_PREFIX)) {
    throw usageError(
      `--group ${group}`,
      `groups that start with ${SYSTEM_PREFIX} are the bus's own`,
      "Choose another name",
    );
  }
  const { kind, pipe } = sourceOf(STDIN);
  const users = values.user === undefined ? undefined : await import("./publish-user.ts");
  const user = users?.findUser(values.user!);
  const root = values["no-spool"] ? undefined : (values.spool ?? defaultSpool(io.env, user === undefined));
  const groupField = fieldOf(values["group-field"]);
  const maxBytes = sizeOf(values, "spool-bytes", 64 * 1024, Number.MAX_SAFE_INTEGER) ?? 2 ** 30;
  const maxLineBytes = sizeOf(values, "max-line-bytes", 64, MAX_LINE_BYTES) ?? MAX_LINE_BYTES;
  const onFull = onFullOf(values["on-full"]) ?? (kind === "file" || root === undefined ? "block" : "drop-oldest");
  const exitWaitMs = exitWaitOf(values["exit-wait"]);
  const nodes = (values.to ?? [io.env.LOGSPREAD_TO || DEFAULT_TO]).flatMap((list) => list.split(","));
  if (users !== undefined && user !== undefined) users.becomeUser(user, root);
  // After that: root is not who publishes.
  const sender = senderOf(values.sender);
  return {
    fd: STDIN,
    kind,
    pipe,
    labels: { producer: newProducer(), sender, group, groupField },
    nodes: nodes.map((node) => node.trim()),
    maxLineBytes,
    root,
    maxBytes,
    onFull,
    exitWaitMs,
    report: publishReport(
      (text) => io.stderr.write(text),
      group,
      values.quiet ? "error" : values.verbose ? "info" : "warn",
      values.verbose ?? false,
      Date.now,
    ),
  };
}

function defaultSpool(env: NodeJS.ProcessEnv, asItIs: boolean): string {
  if (!asItIs || process.geteuid?.() === 0) return DEFAULT_SPOOL;
  try {
    accessSync(DEFAULT_SPOOL, constants.W_OK);
    return DEFAULT_SPOOL;
  } catch {
    return `${env.XDG_STATE_HOME || `${homedir()}/.local/state`}/logspread/spool`;
  }
}

function fieldOf(text: string | undefined): number {
  if (text === undefined) return 0;
  if (text === "vhost") return 1;
  const field = Number(text);
  if (/^\d+$/.test(text) && field >= 1 && field <= 255) return field;
  throw usageError(`--group-field ${text}`, "it is neither a field's number from 1 to 255 nor vhost", "Say 1 or vhost");
}

function sizeOf(
  values: Values,
  name: "spool-bytes" | "max-line-bytes",
  least: number,
  most: number,
): number | undefined {
  const text = values[name];
  if (text === undefined) return undefined;
  const bytes = parseSize(text);
  if (bytes !== undefined && bytes >= least && bytes <= most) return bytes;
  throw usageError(
    `--${name} ${text}`,
    `it is no size from ${least} to ${most} bytes`,
    "Write a size such as 64KiB or 1GB",
  );
}

function onFullOf(text: string | undefined): OnFull | undefined {
  const found = ON_FULL.find((policy) => policy === text);
  if (text === undefined || found !== undefined) return found;
  throw usageError(`--on-full ${text}`, "there is no such policy", `Say ${ON_FULL.join(", ")}`);
}

function exitWaitOf(text: string | undefined): number {
  const ms = text === undefined ? 5000 : parseDurationMs(text);
  if (ms !== undefined) return ms;
  throw usageError(`--exit-wait ${text}`, "it is no duration", "Write a duration such as 5s or 500ms");
}

function senderOf(given: string | undefined): string {
  const sender = given ?? `${userName()}@${hostname()}`;
  if (sender !== "" && Buffer.byteLength(sender) <= MAX_NAME_BYTES && !/[\s\p{C}]/u.test(sender)) return sender;
  throw usageError(
    `--sender ${JSON.stringify(sender)}`,
    `a sender's name has 1 to ${MAX_NAME_BYTES} bytes and no blanks`,
    "Say --sender web1",
  );
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.geteuid?.() ?? "user"); // Without an entry in the password file, as in some containers.
  }
}
