/** Where to start reading, as a person says it: the same words as in the HTTP API. */
import type { From } from "../message/delivery.ts";
import { parseTimeUs } from "../node/api/from.ts";
import { usageError } from "./command.ts";

/**
 * Reads "first", "new", a position, a time (2026-11-24, 2026-11-24T10:00, with or without seconds and zone; without one
 * it is the local zone), "@" and seconds since the epoch, or a time ago ("-10m", "10m").
 */
export function parseFrom(text: string, nowUs: number): From {
  if (text === "first" || text === "new") return text;
  const position = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(position) && position >= 1) return { position };
  const timeUs = parseTimeUs(text, nowUs);
  if (timeUs !== undefined) return { timeUs };
  throw usageError(
    `cannot start from ${JSON.stringify(text)}`,
    "it is neither first, new, a position, a time nor a time ago",
    "Say for example --from first, --from 1234, --from 2026-11-24T10:00 or --from -10m",
  );
}
