/** Configuration of notifications: who is told when an anomaly opens and closes. */
import { z } from "zod";
import { duration } from "../../message/schema.ts";
import { ANOMALY_KINDS } from "../snapshot.ts";

const queue = z
  .int()
  .min(1)
  .max(100_000)
  .default(1000)
  .describe("notifications that wait; more are dropped and counted");

export const webhookConfig = z.strictObject({
  url: z.url({ protocol: /^https?$/ }).describe("where to POST each notification as JSON; redirects are not followed"),
  headers: z.record(z.string(), z.string()).default({}).describe("sent along, such as Authorization"),
  timeout: duration().prefault("10s").describe("longest time that one try may take"),
  attempts: z.int().min(1).max(20).default(6).describe("tries, with growing waits between them, before it is given up"),
  queue,
});

export const programConfig = z.strictObject({
  command: z
    .array(z.string().min(1))
    .min(1)
    .describe("program and arguments, run without a shell; it gets the notification as JSON on standard input"),
  timeout: duration().prefault("30s").describe("a program that runs for longer is ended"),
  concurrency: z.int().min(1).max(32).default(1).describe("how many may run at once; with 1 they run in order"),
  queue,
});

export const notifyConfig = z.strictObject({
  webhooks: z.array(webhookConfig).default([]).describe("servers that are told"),
  exec: z.array(programConfig).default([]).describe("programs that are run"),
  kinds: z
    .array(z.enum(ANOMALY_KINDS))
    .min(1)
    .default([...ANOMALY_KINDS])
    .describe("which anomalies are told of"),
  maxAge: duration()
    .prefault("5m")
    .describe("anomalies longer ago are not told of: those of a past that is read once more"),
});

export type WebhookConfig = z.output<typeof webhookConfig>;
export type ProgramConfig = z.output<typeof programConfig>;
export type NotifyConfig = z.output<typeof notifyConfig>;
