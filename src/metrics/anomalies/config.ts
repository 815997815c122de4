/** Configuration of the anomalies. What counts as out of the ordinary is fixed: docs/metrics.md says how and why. */
import { z } from "zod";
import { duration } from "../../message/schema.ts";

export const anomaliesConfig = z.strictObject({
  clockSkew: duration().prefault("2s").describe("a server's clock that is off by more is reported"),
  adaptAfter: duration()
    .prefault("1h")
    .describe("a new level of rate, time or size that lasts so long becomes the usual one"),
  forgetAfter: duration().prefault("1h").describe("a server that has been silent for so long is taken to be gone"),
  history: z.int().min(1).max(100_000).default(1000).describe("closed anomalies that are kept; the latest are"),
  maxServers: z.int().min(1).max(10_000).default(500).describe("servers that are watched; later ones are not"),
  maxPages: z
    .int()
    .min(1)
    .max(10_000)
    .default(500)
    .describe("pages that are watched: those last among the most popular"),
});

export type AnomaliesConfig = z.output<typeof anomaliesConfig>;
