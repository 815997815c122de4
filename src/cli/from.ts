/** Where to start reading, as a person says it. */
import type { From } from "../message/delivery.ts";
import { usageError } from "./command.ts";

const UNIT_MS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

// A date alone is midnight in UTC for JavaScript and midnight here for people: as with `date` and journalctl, it is here.
const DATE_ONLY = /^\d{4}-\d\d-\d\d$/;

/**
 * Reads "first", "new", a position, a time (2026-11-24, 2026-11-24T10:00, with or without seconds and zone; without one
 * it is the local zone), "@" and seconds since the epoch, or a time ago ("-10m", "10m"; units s m h d w).
 */
export function parseFrom(text: string, nowMs: number): From {
  if (text === "first" || text === "new") return text;
  if (/^\d+$/.test(text)) {
    const position = Number(text);
    if (Number.isSafeInteger(position) && position >= 1) return { position };
  }
  const ago = /^-?(\d+(?:\.\d+)?)([smhdw])$/.exec(text);
  if (ago !== null) return { timeUs: Math.max(0, Math.round((nowMs - Number(ago[1]) * UNIT_MS[ago[2]!]!) * 1000)) };
  const epoch = /^@(\d+(?:\.\d+)?)$/.exec(text);
  if (epoch !== null) return { timeUs: Math.round(Number(epoch[1]) * 1_000_000) };
  if (/^\d{4}-\d\d-\d\d/.test(text)) {
    const ms = Date.parse(DATE_ONLY.test(text) ? `${text}T00:00` : text.replace(" ", "T"));
    if (ms >= 0) return { timeUs: ms * 1000 };
  }
  throw usageError(
    `cannot start from ${JSON.stringify(text)}`,
    "it is neither first, new, a position, a time nor a time ago",
    "Say for example --from first, --from 1234, --from 2026-11-24T10:00 or --from -10m",
  );
}
