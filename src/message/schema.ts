/**
 * Schema pieces for what configurations write in human units. Each turns into a plain number at the edge; the JSON Schema
 * made of it (input side) says what may be written. Only `config.ts` files import this: it loads zod.
 */
import { z } from "zod";
import { parseDurationMs, parseSize } from "./units.ts";

const SIZE = 'write a size such as "10GB", "64MiB" or 4096';
const DURATION = 'write a duration such as "500ms", "10s", "5m", "2h" or "7d"';

/** A size: "10GB", "64MiB" or a number of bytes. The value is bytes. Give a default with `.prefault("10GB")`. */
export function size() {
  return z
    .union([z.int().min(0), z.string().regex(/^\d+(\.\d+)? ?([kKmMgGtT]i?)?[bB]?$/, SIZE)], { error: SIZE })
    .transform((value, context) => {
      const bytes = typeof value === "number" ? value : parseSize(value);
      if (bytes !== undefined) return bytes;
      context.addIssue({ code: "custom", message: SIZE });
      return z.NEVER;
    });
}

/** A duration: "500ms", "10s", "5m", "2h", "7d". The value is milliseconds. */
export function duration() {
  return z
    .string({ error: DURATION })
    .regex(/^\d+(\.\d+)? ?(ms|s|sec|m|min|h|d|w|y)$/, DURATION)
    .transform((value, context) => {
      const ms = parseDurationMs(value);
      if (ms !== undefined) return ms;
      context.addIssue({ code: "custom", message: DURATION });
      return z.NEVER;
    });
}
