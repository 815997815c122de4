/** Configuration of the live metrics. */
import { z } from "zod";
import { formatConfig } from "../../formats/config.ts";
import { duration } from "../../message/schema.ts";
import { anomaliesConfig } from "../../metrics/anomalies/config.ts";
import { engineConfig } from "../../metrics/config.ts";
import { notifyConfig } from "../../metrics/notify/config.ts";
import { sessionsConfig } from "../../metrics/sessions/config.ts";

const historyConfig = z.strictObject({
  path: z.string().min(1).optional().describe("the SQLite file; default: metrics/history.sqlite in the data folder"),
  minutes: duration().prefault("7d").describe("how long minutes are kept"),
  hours: duration().prefault("90d").describe("how long hours are kept"),
  days: duration().prefault("3y").describe("how long days are kept"),
});

export const metricsConfig = z.strictObject({
  groups: z.array(z.string().min(1)).min(1).default(["*"]).describe("names or patterns of groups that are looked at"),
  format: formatConfig
    .default("auto")
    .describe("the lines' format: auto, a name that `logspread formats` lists, or a format string"),
  formats: z
    .record(z.string().min(1), formatConfig)
    .default({})
    .describe("formats of single groups: name or pattern to format; the first that matches"),
  cookie: z.string().min(1).optional().describe("name of the cookie that tells visitors apart"),
  countries: z.string().min(1).optional().describe("a country database in MaxMind's format (.mmdb)"),
  rebuild: duration()
    .prefault("30m")
    .describe("how much of the bus is read once more at a start, for visits, anomalies and seconds"),
  backfill: duration().prefault("1d").describe("how much of the bus is read where there is no history yet"),
  prometheusVhosts: z
    .int()
    .min(0)
    .max(1000)
    .default(0)
    .describe("virtual hosts that have a label of their own in /metrics; 0: no such label"),
  ...engineConfig.shape,
  history: historyConfig.prefault({}).describe("what lasts: minutes, hours and days in an SQLite file"),
  sessions: sessionsConfig.prefault({}).describe("when a visit ends, and how many are kept"),
  anomalies: anomaliesConfig.prefault({}).describe("what is out of the ordinary"),
  notify: notifyConfig.prefault({}).describe("who is told of anomalies"),
});

export type MetricsConfig = z.output<typeof metricsConfig>;
export type HistoryConfig = z.output<typeof historyConfig>;
