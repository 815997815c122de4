/** The node's own log: JSON lines on standard error, one for each event, never into the stream that is carried. */
import { hostname } from "node:os";
import pino from "pino";
import type { Report } from "../message/report.ts";

/** Reports to standard error from `level` on. Repeats of a text within a second are counted and told together. */
export function stderrReport(level: string, nodeName: string): Report {
  const log = pino(
    {
      level,
      base: { node: nodeName, pid: process.pid, host: hostname() },
      serializers: { error: pino.stdSerializers.err },
    },
    pino.destination({ dest: 2, sync: true }),
  );
  return limited((severity, text, fields) => log[severity](fields ?? {}, text));
}

/** Texts told apart at once; their number is bounded by the program, not by traffic, unless they hold names. */
const MAX_TEXTS = 1000;
const EVERY_MS = 1000;

/** `report`, with repeats of a text within a second counted and told with the first one after it. */
export function limited(report: Report, now: () => number = () => performance.now()): Report {
  const texts = new Map<string, { at: number; repeats: number }>();
  return (level, text, fields) => {
    const seen = texts.get(text);
    if (seen !== undefined && now() - seen.at < EVERY_MS) {
      seen.repeats++;
      return;
    }
    texts.delete(text);
    texts.set(text, { at: now(), repeats: 0 });
    if (texts.size > MAX_TEXTS) texts.delete(texts.keys().next().value!);
    const repeats = seen?.repeats ?? 0;
    report(level, text, repeats === 0 ? fields : { ...fields, repeats });
  };
}
