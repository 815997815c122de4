/** `/v1/metrics/...`: the live metrics as JSON and as streams of events. docs/metrics.md defines what they say. */
import type { FastifyInstance, FastifyReply } from "fastify";
import type { Bus } from "../../bus/bus.ts";
import { LogspreadError } from "../../message/error.ts";
import type { Report } from "../../message/report.ts";
import type { Query, Replay } from "../../outputs/metrics/messages.ts";
import type { LiveMetrics } from "../../outputs/metrics/metrics.ts";
import { EventStream, eventOf } from "./events.ts";
import { LiveStreams } from "./metrics-live.ts";
import {
  checkKnown,
  DEFAULT_SPAN_S,
  filterOf,
  type Given,
  listOf,
  numberOf,
  rangeOf,
  spanOf,
  timeOf,
} from "./metrics-query.ts";
import { badRequest, Refusal } from "./problem.ts";

const MAX_ROWS = 1000;
const TOP_ROWS = 10;
const MAX_REPLAYS = 2;
/** All anomalies that are remembered, unless asked for less. */
const ALL = { fromUs: 0, toUs: Number.MAX_SAFE_INTEGER };

export interface MetricsRoutesDeps {
  readonly bus: Bus;
  readonly live: LiveMetrics | undefined;
  readonly nowUs: () => number;
  readonly report: Report;
  readonly stopping: AbortSignal;
  /** What is being answered. */
  readonly underWay: Set<Promise<unknown>>;
}

export function metricsRoutes(app: FastifyInstance, deps: MetricsRoutesDeps): void {
  const { nowUs, report, stopping, underWay } = deps;
  const streams = new LiveStreams({ ask: (query) => running(deps).ask(query), nowUs, report });
  let replays = 0;

  const answer = async (reply: FastifyReply, query: Query, missing = "the metrics"): Promise<FastifyReply> => {
    const json = await running(deps).ask(query).catch(unavailable);
    if (json === undefined) throw notFound(missing);
    return reply
      .type("application/json; charset=utf-8")
      .headers({ "cache-control": "no-store", "x-content-type-options": "nosniff" })
      .send(Buffer.from(json.buffer, json.byteOffset, json.byteLength));
  };

  app.get<{ Querystring: Given }>("/v1/metrics/overview", ({ query }, reply) => {
    running(deps);
    checkKnown(query, ["groups", "servers", "from", "to", "top"]);
    return answer(reply, {
      kind: "overview",
      filter: filterOf(query),
      range: rangeOf(query, nowUs(), DEFAULT_SPAN_S),
      topRows: numberOf(query, "top", TOP_ROWS, 0, MAX_ROWS),
    });
  });

  app.get<{ Params: { list: string }; Querystring: Given }>("/v1/metrics/top/:list", ({ params, query }, reply) => {
    running(deps);
    checkKnown(query, ["groups", "servers", "from", "to", "limit"]);
    return answer(reply, {
      kind: "top",
      list: listOf(params.list),
      filter: filterOf(query),
      range: rangeOf(query, nowUs(), DEFAULT_SPAN_S),
      limit: numberOf(query, "limit", 100, 1, MAX_ROWS),
    });
  });

  app.get<{ Querystring: Given }>("/v1/metrics/sessions", ({ query }, reply) => {
    running(deps);
    checkKnown(query, ["groups", "servers", "limit", "q"]);
    const limit = numberOf(query, "limit", 50, 0, MAX_ROWS);
    const text = String(query.q ?? "").slice(0, 500);
    return answer(reply, { kind: "sessions", filter: filterOf(query), limit, text });
  });

  app.get<{ Params: { id: string }; Querystring: Given }>("/v1/metrics/sessions/:id", ({ params, query }, reply) => {
    running(deps);
    checkKnown(query, []);
    const id = params.id.slice(0, 100);
    return answer(reply, { kind: "session", id }, `session ${JSON.stringify(id)}`);
  });

  app.get<{ Querystring: Given }>("/v1/metrics/anomalies", ({ query }, reply) => {
    running(deps);
    checkKnown(query, ["groups", "servers", "from", "to"]);
    const whole = query.from === undefined && query.to === undefined;
    const range = whole ? ALL : rangeOf(query, nowUs(), DEFAULT_SPAN_S);
    return answer(reply, { kind: "anomalies", filter: filterOf(query), range });
  });

  app.get<{ Querystring: Given }>("/v1/metrics/live", async ({ query }, reply) => {
    running(deps);
    checkKnown(query, ["groups", "servers", "span", "top"]);
    const asked: Query = {
      kind: "overview",
      filter: filterOf(query),
      range: { lastS: spanOf(query) },
      topRows: numberOf(query, "top", TOP_ROWS, 0, MAX_ROWS),
    };
    streams.checkRoom(asked);
    return streaming(reply, (stream) => streams.follow(asked, stream));
  });

  app.get<{ Querystring: Given }>("/v1/metrics/replay", async ({ query }, reply) => {
    const live = running(deps);
    checkKnown(query, ["groups", "servers", "from", "to", "speed", "top"]);
    const what = replayOf(query, nowUs());
    if (replays >= MAX_REPLAYS) {
      throw new LogspreadError("BUSY", {
        what: "the replay was not begun",
        why: `${MAX_REPLAYS} are shown already`,
        fix: "End one of them, by closing its page",
      });
    }
    replays++;
    return streaming(reply, async (stream) => {
      const over = new AbortController();
      void stream.closed.then(() => over.abort(new Error("nobody looks at the replay any more")));
      let id = 0;
      const show = (json: Uint8Array): void => stream.send(eventOf("overview", ++id, json));
      try {
        await live.replay(deps.bus, what, show, over.signal);
        stream.send(eventOf("end", ++id, Buffer.from("{}")));
      } catch (error) {
        if (!over.signal.aborted) report("error", "a replay failed", { error });
      } finally {
        replays--;
      }
    });
  });

  /** Answers with events as long as `work` has some; ends when the node stops. */
  const streaming = async (
    reply: FastifyReply,
    work: (stream: EventStream) => Promise<void>,
  ): Promise<FastifyReply> => {
    reply.hijack();
    const stream = new EventStream(reply.raw);
    const end = (): void => stream.end();
    stopping.addEventListener("abort", end);
    if (stopping.aborted) end();
    const working = work(stream);
    underWay.add(working);
    try {
      await working;
    } finally {
      underWay.delete(working);
      stopping.removeEventListener("abort", end);
      end();
    }
    return reply;
  };
}

function replayOf(query: Given, nowUs: number): Replay {
  const { from, to } = query;
  if (from === undefined) throw badRequest("cannot replay", "from is missing", "Say from=1h (ago) or a time");
  const fromUs = timeOf("from", String(from), nowUs);
  const toUs = Math.min(nowUs, to === undefined ? nowUs : timeOf("to", String(to), nowUs));
  if (fromUs >= toUs) {
    throw badRequest(
      "there is nothing to replay",
      "from is not before to, or lies ahead",
      "Say a from that is earlier",
    );
  }
  const speed = numberOf(query, "speed", 1, 1, 60);
  const topRows = numberOf(query, "top", TOP_ROWS, 0, MAX_ROWS);
  return { filter: filterOf(query), fromUs, toUs, speed, topRows };
}

/** The metrics, or the error that says how to turn them on. */
function running({ live }: MetricsRoutesDeps): LiveMetrics {
  if (live !== undefined) return live;
  throw new LogspreadError("NOT_FOUND", {
    what: "there are no metrics here",
    why: "this node's configuration does not turn them on",
    fix: "Write `metrics: {}` into its configuration and start it again",
  });
}

/** The metrics' thread is starting, or has too much to do: to come again helps. */
function unavailable(error: unknown): never {
  if (error instanceof LogspreadError && error.code === "BUSY") throw new Refusal(error, { status: 503 });
  throw error;
}

function notFound(what: string): LogspreadError {
  return new LogspreadError("NOT_FOUND", {
    what: `there is no ${what}`,
    why: "it has ended, or never was",
    fix: "See /v1/metrics/sessions for those there are",
  });
}
