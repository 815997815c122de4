/** The API's own description, OpenAPI 3.1. A test compares its paths and methods with the routes that are registered. */
import { LOSS_REASONS } from "../../message/batch.ts";
import { ERROR_CODES } from "../../message/error.ts";
import { metricsPaths } from "./openapi-metrics.ts";
import { PROBLEM_TYPE } from "./problem.ts";
import { FRAMES_TYPE, NDJSON_TYPE } from "./publish.ts";
import { FORMATS, RECORDS_TYPE } from "./subscribe.ts";

const TEXT = { schema: { type: "string" } };
const BINARY = { schema: { type: "string", format: "binary" } };
const COUNT = { type: "integer", minimum: 0 };
const POSITION = { type: "integer", minimum: 0, description: "place in the bus's total order" };

const json = (name: string) => ({ "application/json": { schema: { $ref: `#/components/schemas/${name}` } } });
const answer = (description: string, content: Record<string, unknown>) => ({ description, content });
const problems = (...statuses: readonly number[]) =>
  Object.fromEntries(statuses.map((status) => [status, { $ref: "#/components/responses/Problem" }]));
const object = (properties: Record<string, unknown>, optional: readonly string[] = []) => ({
  type: "object",
  properties,
  required: Object.keys(properties).filter((key) => !optional.includes(key)),
});
const query = (name: string, description: string, schema: Record<string, unknown> = { type: "string" }) => ({
  name,
  in: "query",
  description,
  schema,
});
const header = (name: string, description: string, schema: Record<string, unknown> = { type: "string" }) => ({
  name,
  in: "header",
  description,
  schema,
});
const path = (name: string, description: string) => ({
  name,
  in: "path",
  required: true,
  description,
  schema: { type: "string" },
});

/** The document that is served at /openapi.json. */
export function openapi(version: string): Record<string, unknown> {
  return {
    openapi: "3.1.0",
    info: {
      title: "logspread",
      version,
      description: "Publish log lines to a reliable, totally ordered bus, and read them. The manual is docs/http.md.",
      license: { name: "MIT", identifier: "MIT" },
    },
    paths: {
      "/v1/groups/{group}/messages": {
        post: {
          operationId: "publish",
          summary: "Publish messages to a group",
          description:
            "Text lines unless the content type says otherwise. Answered when everything is durable. Frames may go to any group: then the path's group is `*`.",
          parameters: [
            path("group", "the group's name"),
            header("Content-Encoding", "how the body is compressed", { enum: ["identity", "gzip", "zstd"] }),
            header("Logspread-Sender", "who publishes, user@host; default http@ADDRESS"),
            header("Logspread-Producer", "with Logspread-Sequence: makes a second try harmless", {
              type: "string",
              pattern: "^[0-9a-fA-F]{32}$",
            }),
            header("Logspread-Sequence", "counted by the producer from 1", { type: "integer", minimum: 1 }),
          ],
          requestBody: {
            required: true,
            content: { "text/plain": TEXT, [NDJSON_TYPE]: TEXT, [FRAMES_TYPE]: BINARY, "*/*": BINARY },
          },
          responses: {
            200: answer("durable", {
              "application/json": {
                schema: {
                  oneOf: [{ $ref: "#/components/schemas/LinesStored" }, { $ref: "#/components/schemas/FramesStored" }],
                },
              },
            }),
            ...problems(400, 408, 413, 415, 429, 500, 503, 507),
          },
        },
        get: {
          operationId: "subscribe",
          summary: "Read the messages of groups",
          parameters: [
            path("group", "names with commas between them; `*` stands for any run of characters"),
            query("from", "first, new, a position, a time (RFC 3339, @SECONDS) or a time ago (10m)"),
            query("follow", "wait for more at the end", { type: "boolean", default: false }),
            query("limit", "end after so many messages", { type: "integer", minimum: 1 }),
            query("format", "default: by Accept, else text", { enum: FORMATS }),
            header("Logspread-Subscriber", "a name for the metrics"),
          ],
          responses: {
            200: answer("messages as they come", { "text/plain": TEXT, [NDJSON_TYPE]: TEXT, [RECORDS_TYPE]: BINARY }),
            ...problems(400, 500, 503),
          },
        },
      },
      "/v1/groups": {
        get: {
          operationId: "listGroups",
          summary: "Groups, with what they hold",
          responses: { 200: answer("the bus", json("Status")), ...problems(500, 503) },
        },
      },
      "/v1/cursors/{name}": {
        parameters: [path("name", "1 to 100 letters, digits and . _ - @")],
        get: {
          operationId: "readCursor",
          summary: "A durable position",
          responses: { 200: answer("the cursor", json("Cursor")), ...problems(400, 500, 503) },
        },
        put: {
          operationId: "commitCursor",
          summary: "Make the last position dealt with durable",
          requestBody: {
            required: true,
            content: { "application/json": { schema: object({ position: POSITION }) } },
          },
          responses: { 200: answer("it is durable", json("Cursor")), ...problems(400, 500, 503, 507) },
        },
      },
      "/v1/ledger": {
        get: {
          operationId: "readLedger",
          summary: "What was accepted, doubled, dropped and missing, by producer",
          parameters: [
            query("from", "minutes that begin at or after this time; default one hour ago"),
            query("to", "minutes that begin before this time; default now"),
            query("group", "one group only"),
          ],
          responses: { 200: answer("the sums", json("LedgerSum")), ...problems(400, 500, 503) },
        },
      },
      ...metricsPaths,
      "/healthz": {
        get: {
          operationId: "health",
          summary: "The process is alive",
          responses: { 200: answer("alive", json("Health")) },
        },
      },
      "/readyz": {
        get: {
          operationId: "readiness",
          summary: "The node can take and give messages",
          responses: { 200: answer("ready", json("Readiness")), 503: answer("not ready, and why", json("Readiness")) },
        },
      },
      "/metrics": {
        get: {
          operationId: "metrics",
          summary: "Metrics for Prometheus",
          responses: { 200: answer("Prometheus text format", { "text/plain": TEXT }) },
        },
      },
      "/openapi.json": {
        get: {
          operationId: "describe",
          summary: "This document",
          responses: { 200: answer("OpenAPI 3.1", { "application/json": { schema: { type: "object" } } }) },
        },
      },
      "/": {
        get: {
          operationId: "start",
          summary: "Where to begin, for people",
          responses: {
            200: answer("the dashboard, or for what is no browser a short text", {
              "text/html": TEXT,
              "text/plain": TEXT,
            }),
          },
        },
      },
      "/assets/{file}": {
        get: {
          operationId: "asset",
          summary: "What the dashboard consists of",
          parameters: [path("file", "as the page names it")],
          responses: { 200: answer("the file", { "*/*": BINARY }), ...problems(404) },
        },
      },
    },
    components: {
      responses: {
        Problem: answer("what failed, why, and how to mend it (RFC 9457)", {
          [PROBLEM_TYPE]: { schema: { $ref: "#/components/schemas/Problem" } },
        }),
      },
      schemas: schemas(),
    },
  };
}

function schemas(): Record<string, unknown> {
  const counts = {
    messages: COUNT,
    batches: COUNT,
    rawBytes: { ...COUNT, description: "before compression" },
    duplicateMessages: COUNT,
    duplicateBatches: COUNT,
    missingBatches: { ...COUNT, description: "numbered by the producer, and never came" },
    lost: {
      type: "object",
      properties: Object.fromEntries(LOSS_REASONS.map((reason) => [reason, COUNT])),
      description: "messages that the producer dropped, by reason",
    },
  };
  const receipt = {
    oneOf: [
      object({ kind: { const: "stored" }, position: POSITION, busTimeUs: { type: "integer" } }),
      object({ kind: { const: "duplicate" } }),
    ],
  };
  return {
    Problem: object(
      {
        type: { type: "string" },
        title: { type: "string" },
        status: { type: "integer" },
        detail: { type: "string", description: "what failed: why. how to mend it" },
        code: { enum: [...ERROR_CODES, "INTERNAL"] },
        fix: { type: "string" },
        stored: {
          ...object({ messages: COUNT, batches: COUNT }),
          description: "of a publish that failed in the middle",
        },
        receipts: { type: "array", items: receipt, description: "of the frames before the first that failed" },
      },
      ["stored", "receipts"],
    ),
    LinesStored: object({
      group: { type: "string" },
      messages: COUNT,
      batches: COUNT,
      duplicates: { ...COUNT, description: "batches that had been stored before" },
      firstPosition: { type: ["integer", "null"] },
      lastPosition: { type: ["integer", "null"] },
    }),
    FramesStored: object({ receipts: { type: "array", items: receipt } }),
    Status: object({
      firstPosition: POSITION,
      lastPosition: POSITION,
      bytes: COUNT,
      groups: {
        type: "array",
        items: object({
          group: { type: "string" },
          messages: COUNT,
          batches: COUNT,
          rawBytes: COUNT,
          lastPosition: POSITION,
          lastTimeUs: { type: "integer", description: "µs since the epoch" },
        }),
      },
    }),
    Cursor: object({ name: { type: "string" }, position: { type: ["integer", "null"] } }),
    Health: object({ status: { const: "ok" }, node: { type: "string" }, version: { type: "string" } }),
    Readiness: object({ ready: { type: "boolean" }, reasons: { type: "array", items: { type: "string" } } }),
    LedgerSum: object({
      from: { type: "string", format: "date-time" },
      to: { type: "string", format: "date-time" },
      group: { type: ["string", "null"] },
      ...counts,
      producers: {
        type: "array",
        items: object(
          {
            producer: { type: "string" },
            sender: { type: "string" },
            ...counts,
            positions: { type: "array", items: POSITION, minItems: 2, maxItems: 2 },
            minDelayUs: { type: "integer", description: "bus time minus the producer's time, smallest" },
          },
          ["positions", "minDelayUs"],
        ),
      },
      truncated: { type: "boolean", description: "more producers than are told apart" },
    }),
  };
}
