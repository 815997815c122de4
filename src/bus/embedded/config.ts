import { z } from "zod";
import { duration, size } from "../../message/schema.ts";

/** Configuration of the embedded engine, `bus: {embedded: {...}}`. Sizes are bytes, durations ms. */
export const embeddedConfig = z.strictObject({
  path: z.string().min(1).optional().describe("folder of the bus; default: `bus` in the node's data folder"),
  fsync: z
    .enum(["batch", "interval", "never"])
    .default("batch")
    .describe(
      "acknowledge after fdatasync (batch), or after the write with fdatasync now and then (interval) or never",
    ),
  fsyncInterval: duration().prefault("1s").describe("time between two fdatasyncs with fsync: interval"),
  segmentBytes: size()
    .prefault("64MiB")
    .describe("size at which a segment file is sealed; retention deletes whole segments"),
  retain: z
    .strictObject({
      bytes: size().prefault("10GB").describe("delete the oldest segments while the bus is larger"),
      age: duration().prefault("30d").describe("delete segments whose newest batch is older"),
    })
    .prefault({})
    .describe("how much is kept for replay"),
  queueBytes: size()
    .prefault("64MiB")
    .describe("most bytes of publishes that wait for the disk; more are refused (429)"),
  recentBytes: size().prefault("16MiB").describe("latest batches kept in memory for followers"),
  maxProducers: z
    .int()
    .min(1)
    .default(200_000)
    .describe("publishers whose last sequence is remembered; past it the longest silent one is forgotten"),
});

export type EmbeddedConfig = z.infer<typeof embeddedConfig>;
