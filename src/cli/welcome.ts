/** What a node says at a terminal when it has started: where it listens, where lines go, and what to try next. */
import { basename } from "node:path";
import { DEFAULT_TO } from "./to.ts";

export interface Started {
  /** URL of the node, with the port that it really has. */
  readonly url: string;
  /** Group to try with. */
  readonly group: string;
  /** The file that the group's lines go to, if a files output writes them. */
  readonly file: string | undefined;
  /** Folder of the bus; undefined if it is not embedded. */
  readonly data: string | undefined;
  /** Whether the metrics are on, which the dashboard shows. */
  readonly metrics: boolean;
  /** How `logspread` was called (`process.execPath` and `process.argv[1]`). */
  readonly program: Program;
}

export interface Program {
  readonly node: string;
  readonly script: string;
}

/** The command line that starts logspread again from anywhere, as this process was started. */
export function commandOf({ node, script }: Program): string {
  return basename(script).startsWith("main.") ? `${shellWord(node)} ${shellWord(script)}` : shellWord(script);
}

export function welcome({ url, group, file, data, metrics, program }: Started): string {
  const messages = `${url}/v1/groups/${encodeURIComponent(group)}/messages`;
  const installed = !basename(program.script).startsWith("main.");
  const to = url === DEFAULT_TO ? "" : ` --to ${url}`;
  const pipe = `${commandOf(program)} publish --group ${group}${to}`;
  return [
    `logspread listens on ${url}`,
    ...(data === undefined ? [] : [`  the bus is in   ${data}`]),
    ...(file === undefined ? [] : [`  lines go to     ${file}`]),
    ...(metrics ? [`  the dashboard   ${url}/`] : []),
    "",
    "Try next, in a second terminal:",
    "",
    "  # publish a line, or with @access.log a file",
    `  curl --data-binary 'hello' ${messages}`,
    "",
    "  # follow the group as it comes, from all servers in one order",
    `  curl -N '${messages}?from=first&follow=true'`,
    ...(installed ? [`  logspread tail ${group} --from first${to}`] : []),
    "",
    "  # let Apache publish: a line for its configuration (docs/apache.md)",
    `  CustomLog "|${pipe.replace(/["\\]/g, "\\$&")}" combined`,
    "",
    "",
  ].join("\n");
}

function shellWord(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
