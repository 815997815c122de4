/** The part of the API's description that is about the metrics. */
import { TOP_LISTS } from "../../metrics/snapshot.ts";

const MANUAL = "src/metrics/snapshot.ts draws its shape, docs/metrics.md defines every figure";

const parameter = (name: string, description: string, schema: Record<string, unknown> = { type: "string" }) => ({
  name,
  in: "query",
  description,
  schema,
});
const PLACE = (name: string, description: string, schema: Record<string, unknown> = { type: "string" }) => ({
  name,
  in: "path",
  required: true,
  description,
  schema,
});
const GROUPS = parameter("groups", "names or patterns of groups with commas between them; default all");
const SERVERS = parameter("servers", "names or patterns of servers with commas between them; default all");
const FROM = parameter("from", "a time (RFC 3339, @SECONDS) or a time ago (10m); default 5m");
const TO = parameter("to", "a time; default now");
const ROWS = { type: "integer", minimum: 0, maximum: 1000 };
const TOP = parameter("top", "rows of each top list", { ...ROWS, default: 10 });

const json = (description: string) => ({
  description,
  content: { "application/json": { schema: { type: "object", description: MANUAL } } },
});
const events = (description: string) => ({
  description,
  content: { "text/event-stream": { schema: { type: "string" } } },
});
const problems = (...statuses: readonly number[]) =>
  Object.fromEntries(statuses.map((status) => [status, { $ref: "#/components/responses/Problem" }]));

const PROBLEMS = problems(400, 404, 429, 500, 503);

/** Paths under /v1/metrics/. All answer 404 where the metrics are not turned on. */
export const metricsPaths: Readonly<Record<string, unknown>> = {
  "/v1/metrics/overview": {
    get: {
      operationId: "overview",
      summary: "Everything about a stretch of time: totals, series, servers, top lists, sessions, anomalies",
      parameters: [GROUPS, SERVERS, FROM, TO, TOP],
      responses: { 200: json("an Overview"), ...PROBLEMS },
    },
  },
  "/v1/metrics/live": {
    get: {
      operationId: "live",
      summary: "The overview of the last seconds, once a second",
      description:
        "Server-sent events: `overview`, with an Overview as data. A client that does not keep up misses some of them.",
      parameters: [
        GROUPS,
        SERVERS,
        parameter("span", "seconds back from now", { type: "integer", minimum: 1, default: 300 }),
        TOP,
      ],
      responses: { 200: events("events until the client leaves"), ...PROBLEMS },
    },
  },
  "/v1/metrics/replay": {
    get: {
      operationId: "replay",
      summary: "A past stretch of the bus once more, at a speed of choice",
      description:
        "Server-sent events: `overview` once a second, then `end`. Counted anew from what the bus keeps. At most two at once.",
      parameters: [
        GROUPS,
        SERVERS,
        { ...FROM, required: true, description: "a time (RFC 3339, @SECONDS) or a time ago (10m)" },
        TO,
        parameter("speed", "how many times faster than it was", {
          type: "integer",
          minimum: 1,
          maximum: 60,
          default: 1,
        }),
        TOP,
      ],
      responses: { 200: events("events until the end of the stretch"), ...PROBLEMS },
    },
  },
  "/v1/metrics/top/{list}": {
    get: {
      operationId: "top",
      summary: "One top list",
      parameters: [
        PLACE("list", "which", { enum: TOP_LISTS }),
        GROUPS,
        SERVERS,
        FROM,
        TO,
        parameter("limit", "rows", { ...ROWS, minimum: 1, default: 100 }),
      ],
      responses: { 200: json("`rows`, and their `scope`"), ...PROBLEMS },
    },
  },
  "/v1/metrics/sessions": {
    get: {
      operationId: "sessions",
      summary: "Visits: who is online, the latest active first",
      parameters: [
        GROUPS,
        SERVERS,
        parameter("limit", "rows", { ...ROWS, default: 50 }),
        parameter("q", "only visits of which visitor, agent or a page contains this"),
      ],
      responses: { 200: json("Sessions"), ...PROBLEMS },
    },
  },
  "/v1/metrics/sessions/{id}": {
    get: {
      operationId: "session",
      summary: "One visit, with its latest clicks",
      parameters: [PLACE("id", "as the list of sessions has it")],
      responses: { 200: json("a SessionRow"), ...PROBLEMS },
    },
  },
  "/v1/metrics/anomalies": {
    get: {
      operationId: "anomalies",
      summary: "What is, and was, out of the ordinary, the latest first",
      parameters: [GROUPS, SERVERS, { ...FROM, description: "a time, or a time ago; default all that are kept" }, TO],
      responses: { 200: json("`rows` of Anomaly"), ...PROBLEMS },
    },
  },
};
