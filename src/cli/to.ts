/** Which nodes a command asks: `--to`, or $LOGSPREAD_TO, or the one on this machine. */
import type { Option } from "./command.ts";

export const DEFAULT_TO = "http://127.0.0.1:4804";

export const toOption = {
  type: "string",
  multiple: true,
  value: "URL[,URL]",
  help: `a node to ask; the next one if it does not answer (default $LOGSPREAD_TO or ${DEFAULT_TO})`,
} as const satisfies Option;

/** The nodes' addresses. What is none of them is told by who opens them. */
export function nodesOf(to: readonly string[] | undefined, env: NodeJS.ProcessEnv): string[] {
  return (to ?? [env.LOGSPREAD_TO || DEFAULT_TO]).flatMap((list) => list.split(",")).map((url) => url.trim());
}
