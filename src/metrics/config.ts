/** What may be said of the metrics' privacy and of the bounds of their memory. */
import { z } from "zod";
import { size } from "../message/schema.ts";

export const privacyConfig = z.strictObject({
  address: z
    .enum(["keep", "truncate", "hash"])
    .default("keep")
    .describe(
      "addresses of clients: keep them; truncate: without the last byte (IPv4) or all but the first 48 bits (IPv6); hash: another name for each, which nobody can turn back without the secret",
    ),
  query: z
    .union([z.enum(["keep", "drop"]), z.array(z.string().min(1)).min(1)])
    .default("keep")
    .describe("what follows ? in pages and referrers: keep it, drop it, or a list of parameters to drop"),
  secret: z
    .string()
    .min(8)
    .optional()
    .describe(
      "makes hashed addresses the same after a restart and on every node; default: chosen by chance at each start",
    ),
});

export type PrivacyConfig = z.output<typeof privacyConfig>;

/** Each of these bounds memory: beyond it, what is seen least is forgotten and counted as such. */
export const engineConfig = z.strictObject({
  privacy: privacyConfig.prefault({}).describe("applied before anything is stored or shown"),
  visitorsPrecision: z
    .int()
    .min(8)
    .max(16)
    .default(12)
    .describe("distinct visitors are counted in 2^this registers: 12 for a standard error of 1.6 %, 14 for 0.8 %"),
  listRows: z
    .int()
    .min(10)
    .max(1_000_000)
    .default(500)
    .describe("values that each top list of a server follows within the current minute"),
  minuteRows: z
    .int()
    .min(10)
    .max(10_000)
    .default(100)
    .describe("values that are kept of each top list of a past minute"),
  keyBytes: z.int().min(16).max(8192).default(512).describe("longer pages, referrers and the like are cut"),
  agents: z.int().min(100).max(1_000_000).default(20_000).describe("user agents that are known by heart"),
  sources: z
    .int()
    .min(1)
    .max(10_000)
    .default(200)
    .describe("servers (times groups) that are told apart; what more there are count as one, (other)"),
  seconds: z.int().min(60).max(3600).default(300).describe("seconds of the past that are kept one by one"),
  minutes: z.int().min(5).max(10_080).default(120).describe("minutes of the past that are kept in memory"),
  minutesBytes: size()
    .prefault("64MiB")
    .describe("most memory for those minutes; with many servers the oldest go earlier"),
});

export type EngineConfig = z.output<typeof engineConfig>;
