import { chmodSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { NodeProcess } from "../end-to-end/node-process.ts";
import { type Program, program } from "../end-to-end/program.ts";
import { assertSameLines, assertSameSequence } from "../end-to-end/same-lines.ts";
import { tempFolder } from "../temp.ts";
import { waitFor } from "../wait.ts";
import type { Apache } from "./apache.ts";

export const GROUP = "coolsite";

/**
 * A `CustomLog` to a publisher as the manual has it, and beside it one to a plain file, `plain.log` in the ServerRoot:
 * what Apache logged, in truth.
 */
export async function pipedLog(node: NodeProcess, spool: string, format: "combined" | "combined_thread" = "combined") {
  return [
    `CustomLog plain.log ${format}`,
    `CustomLog "|${commandOf(await program(), node.url, spool, GROUP)}" ${format}`,
  ].join("\n");
}

/** The command line of a publisher. No shell: the plain `|` form splits at blanks. */
export function commandOf({ node, script }: Program, url: string, spool: string, group: string): string {
  return `${node} ${script} publish --group ${group} --to ${url} --spool ${spool} --user www-data --exit-wait 1s`;
}

/** Where a spool may be made: its parent is root's, and every user may pass through it, as with /var/spool. */
export function spoolFolder(t: TestContext): string {
  const parent = tempFolder(t);
  chmodSync(parent, 0o755);
  return join(parent, "spool");
}

/** The lines of one server in the consolidated file, in its order. */
export function linesOfServer(node: NodeProcess, apache: Apache): string[] {
  return node.lines(GROUP).filter((line) => line.includes(` /${apache.name}/`));
}

/**
 * Fails unless each thread's lines of a server that logs `combined_thread` are in the consolidated file in the order in
 * which the thread wrote them. Returns the process ids of the children that wrote.
 */
export function assertOrderOfThreads(node: NodeProcess, apache: Apache): Set<string> {
  const actual = byThread(linesOfServer(node, apache));
  const expected = byThread(apache.plainLines());
  for (const [thread, lines] of Object.entries(expected)) assertSameSequence(actual[thread] ?? [], lines!, thread);
  return new Set(Object.keys(expected).map((thread) => thread.split(":")[0]!));
}

/** The last word of each line is PID:TID. */
function byThread(lines: readonly string[]): Partial<Record<string, string[]>> {
  return Object.groupBy(lines, (line) => line.slice(line.lastIndexOf(" ") + 1));
}

/** Waits until the consolidated file has as many lines as the servers logged, then fails unless they are the same ones. */
export async function assertAllArrive(node: NodeProcess, apaches: readonly Apache[]): Promise<void> {
  const logged = () => apaches.flatMap((apache) => apache.plainLines());
  try {
    await waitFor(() => node.lines(GROUP).length >= logged().length, 20_000);
  } catch {
    // The comparison says what is missing.
  }
  assertSameLines(node.lines(GROUP), logged());
}
