/** A publisher's own messages: to stderr, which is the web server's error log, and never a flood. */
import type { Report } from "../message/report.ts";

const QUIET_MS = 60_000;
/** Kinds of messages that are remembered. */
const MAX_KINDS = 200;
const LEVELS = { error: 0, warn: 1, info: 2 } as const;

export type Verbosity = keyof typeof LEVELS;

/**
 * Writes a message the first time, then at most once a minute with the number of those like it that were left out (alike:
 * the same but for numbers). With `everything` each is written.
 */
export function publishReport(
  write: (text: string) => void,
  name: string,
  most: Verbosity,
  everything: boolean,
  nowMs: () => number,
): Report {
  const kinds = new Map<string, { at: number; left: number }>();
  return (level, text, fields = {}) => {
    if (LEVELS[level] > LEVELS[most]) return;
    const key = text.replace(/\d+/g, "#");
    const kind = kinds.get(key);
    if (!everything && kind !== undefined && nowMs() - kind.at < QUIET_MS) {
      kind.left++;
      return;
    }
    if (kinds.size > MAX_KINDS) kinds.clear();
    kinds.set(key, { at: nowMs(), left: 0 });
    const facts = Object.entries(fields).map(([field, value]) => `${field}=${value}`);
    if (kind !== undefined && kind.left > 0) facts.push(`repeated=${kind.left}`);
    const suffix = facts.length > 0 ? ` (${facts.join(", ")})` : "";
    write(`logspread publish [${name}]: ${level === "info" ? "" : `${level}: `}${text}${suffix}\n`);
  };
}
