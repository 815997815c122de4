/** Which nodes a command asks: `--to`, or $LOGSPREAD_TO, or the one on this machine. */
import { type Option, usageError } from "./command.ts";

export const DEFAULT_TO = "http://127.0.0.1:4804";

export const toOption = {
  type: "string",
  multiple: true,
  value: "URL[,URL]",
  help: `a node to ask; the next one if it does not answer (default $LOGSPREAD_TO or ${DEFAULT_TO})`,
} as const satisfies Option;

/** The nodes' URLs. Throws a usage error for what is none. */
export function nodesOf(to: readonly string[] | undefined, env: NodeJS.ProcessEnv): string[] {
  const urls = (to ?? [env.LOGSPREAD_TO || DEFAULT_TO]).flatMap((list) => list.split(",")).map((url) => url.trim());
  for (const url of urls) {
    const parsed = URL.parse(url);
    if (parsed !== null && (parsed.protocol === "http:" || parsed.protocol === "https:")) continue;
    throw usageError(
      `cannot ask ${JSON.stringify(url)}`,
      "it is no URL of a node",
      `Say for example --to ${DEFAULT_TO}`,
    );
  }
  return urls;
}
