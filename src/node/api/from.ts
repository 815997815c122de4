/** `from=` of a subscription. */
import type { From } from "../../message/delivery.ts";
import { parseDurationMs } from "../../message/units.ts";
import { badRequest } from "./problem.ts";

// A date alone is midnight in UTC for JavaScript and midnight here for people: as with `date` and journalctl, it is here.
const DATE_ONLY = /^\d{4}-\d\d-\d\d$/;

/**
 * Reads "first", "new", a position, an RFC 3339 time or date (the node's zone if it has none), "@SECONDS" since the
 * epoch, or a time ago ("10m", "-10m"). Throws a Refusal that lists these.
 */
export function parseFrom(text: string, nowUs: number): From {
  if (text === "first" || text === "new") return text;
  const timeUs = parseTimeUs(text, nowUs);
  if (timeUs !== undefined) return { timeUs };
  const position = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(position) && position >= 1) return { position };
  throw badRequest(
    `cannot start from ${JSON.stringify(text)}`,
    "it is neither first, new, a position nor a time",
    "Say from=first, from=new, from=1234 (a position), from=2026-11-24T10:00:00Z, from=@1795514400 or from=10m (ago)",
  );
}

/** The time that `text` means, µs since the epoch, or undefined: RFC 3339, "@SECONDS", or a time ago ("10m"). */
export function parseTimeUs(text: string, nowUs: number): number | undefined {
  const ago = parseDurationMs(text.replace(/^-/, ""));
  if (ago !== undefined) return Math.max(0, nowUs - ago * 1000);
  if (/^@\d+(\.\d+)?$/.test(text)) return Math.round(Number(text.slice(1)) * 1e6);
  // A "+" of a zone that was not written as %2B has become a blank.
  const iso = text.replace(/ (\d\d:?\d\d)$/, "+$1").replace(" ", "T");
  if (!/^\d{4}-\d\d-\d\d(T|$)/.test(iso)) return undefined;
  const ms = Date.parse(DATE_ONLY.test(iso) ? `${iso}T00:00` : iso);
  if (!(ms >= 0)) return undefined;
  const micros = /\.\d{3}(\d{1,3})/.exec(iso)?.[1] ?? "";
  return ms * 1000 + Number(micros.padEnd(3, "0"));
}
