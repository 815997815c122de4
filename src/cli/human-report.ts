/** The node's own log as a person reads it at a terminal: the time, what is not usual, and the text. */
import type { Report } from "../message/report.ts";
import { harmlessText } from "../outputs/harmless.ts";

const LEVELS = ["debug", "info", "warn", "error"];

/** Reports from `level` on to `stream`. */
export function humanReport(level: string, stream: NodeJS.WriteStream): Report {
  const least = LEVELS.indexOf(level);
  return (severity, text) => {
    if (LEVELS.indexOf(severity) < least) return;
    const time = new Date().toTimeString().slice(0, 8);
    stream.write(`${time} ${severity === "info" ? "" : `${severity}: `}${harmlessText(text)}\n`);
  };
}
