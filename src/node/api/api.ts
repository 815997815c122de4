/** The HTTP API: routes, and what is common to all of them. docs/http.md is its manual, openapi.ts its description. */

import type { IncomingMessage, ServerResponse } from "node:http";
import fastify, { type FastifyReply } from "fastify";
import type { Bus } from "../../bus/bus.ts";
import type { Ledger } from "../../bus/ledger.ts";
import type { Batch } from "../../message/batch.ts";
import { LogspreadError, reasonOf } from "../../message/error.ts";
import type { Report } from "../../message/report.ts";
import { isoOfUs } from "../../message/time.ts";
import type { LiveMetrics } from "../../outputs/metrics/metrics.ts";
import type { Followers } from "../followers.ts";
import type { Metrics } from "../metrics.ts";
import { ClientGone } from "./body.ts";
import { Budget } from "./budget.ts";
import { openDashboard } from "./dashboard.ts";
import { parseTimeUs } from "./from.ts";
import { metricsRoutes } from "./metrics.ts";
import { openapi } from "./openapi.ts";
import { Opened } from "./opened.ts";
import { pageText } from "./page.ts";
import { badRequest, isBug, type Problem, problemOf } from "./problem.ts";
import { Producers } from "./producers.ts";
import { type PublishLimits, publishRequest } from "./publish.ts";
import { subscribeRequest, wishOf } from "./subscribe.ts";

export interface ApiLimits extends PublishLimits {
  /** Most bytes of publishes that wait; more are refused with 429. */
  readonly inFlightBytes: number;
}

export interface ApiDeps {
  /** With its publishes counted in `metrics`. */
  readonly bus: Bus;
  readonly ledger: Ledger;
  readonly metrics: Metrics;
  readonly followers: Followers;
  readonly limits: ApiLimits;
  readonly nowUs: () => number;
  readonly nodeName: string;
  readonly version: string;
  readonly report: Report;
  /** Why the node is not ready, empty if it is. */
  readonly unready: () => readonly string[];
  /** Between two heartbeats on an idle subscription to frames, ms. */
  readonly heartbeatMs: number;
  /** Undefined: the node has no live metrics. */
  readonly live: LiveMetrics | undefined;
}

/** The API before it listens anywhere. */
export interface Api {
  /** Answers a request; see node:http. */
  readonly handler: (request: IncomingMessage, response: ServerResponse) => void;
  /** Paths with their methods, as they were registered, for the test that compares them with the OpenAPI document. */
  readonly routes: readonly { readonly method: string; readonly path: string }[];
  /** Refuses new publishes, ends the subscriptions, and resolves when what had begun is answered, or after `limitMs`. */
  stop(limitMs: number): Promise<void>;
  /** Resolves when nothing is under way; call it when all connections are closed. */
  close(): Promise<void>;
}

/** Longest path parameter: a list of groups may be long. */
const MAX_PARAM_LENGTH = 8192;

/** An answer to a request whose body is still coming waits so long for the client to stop sending, ms. */
const LINGER_MS = 1000;

export async function createApi(deps: ApiDeps): Promise<Api> {
  const { bus, ledger, metrics, report, nowUs } = deps;
  const stopping = new AbortController();
  /** Publishes and subscriptions that are being answered. */
  const underWay = new Set<Promise<unknown>>();
  const publishDeps = {
    publish: (batch: Batch) => bus.publish(batch),
    budget: new Budget(deps.limits.inFlightBytes),
    producers: new Producers(),
    nowUs,
    limits: deps.limits,
  };
  const subscribeDeps = { ...deps, opened: new Opened() };
  const routes: { method: string; path: string }[] = [];

  const app = fastify({
    logger: false,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH, ignoreTrailingSlash: true },
    // Bodies are read by the routes themselves, which know how; see below.
    bodyLimit: Number.MAX_SAFE_INTEGER,
    // A URL that cannot be decoded never reaches the handlers below.
    frameworkErrors: (error, _request, reply) => send(reply, problemOf(error)),
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
  app.addHook("onRoute", ({ method, url }) => {
    routes.push({ method: String(method), path: url });
  });
  app.setErrorHandler((error, request, reply) => {
    if (isBug(error)) report("error", `${request.method} ${request.routeOptions.url ?? "?"} failed`, { error });
    send(reply, problemOf(error));
  });
  app.setNotFoundHandler((request, reply) => {
    const error = new LogspreadError("NOT_FOUND", {
      what: `there is no ${request.method} ${request.url.split("?")[0]!.slice(0, 200)}`,
      why: "it is neither a path of the API nor a page",
      fix: "See /openapi.json, or / for where to begin",
    });
    send(reply, problemOf(error));
  });

  app.post<{ Params: { group: string } }>("/v1/groups/:group/messages", async (request, reply) => {
    const { group } = request.params;
    const { raw } = request;
    if (stopping.signal.aborted) throw stoppingError();
    const publishing = publishRequest(group, raw, publishDeps);
    underWay.add(publishing);
    try {
      return await publishing;
    } catch (error) {
      if (error instanceof ClientGone) return reply.hijack();
      if (isBug(error)) report("error", "a publish failed", { group, error });
      // The rest of the body is still coming: an answer at once would be lost with the connection.
      if (!raw.complete) return lingering(reply, problemOf(error));
      throw error;
    } finally {
      underWay.delete(publishing);
    }
  });

  app.get<{ Params: { group: string }; Querystring: Record<string, unknown> }>(
    "/v1/groups/:group/messages",
    async (request, reply) => {
      const wish = wishOf(request.params.group, request.query, request.headers.accept ?? "", nowUs());
      if (stopping.signal.aborted) throw stoppingError();
      const answering = subscribeRequest(wish, request.raw, reply.raw, stopping.signal, subscribeDeps);
      underWay.add(answering);
      try {
        await answering;
      } finally {
        underWay.delete(answering);
      }
      return reply.hijack();
    },
  );

  app.get("/v1/groups", async () => {
    const { firstPosition, lastPosition, bytes, groups } = await bus.status();
    return { firstPosition, lastPosition, bytes, groups };
  });

  app.get<{ Params: { name: string } }>("/v1/cursors/:name", async ({ params: { name } }) => ({
    name,
    position: (await bus.cursor(name).read()) ?? null,
  }));

  app.put<{ Params: { name: string } }>("/v1/cursors/:name", async ({ params: { name }, raw }) => {
    const position = await positionIn(raw);
    const { lastPosition } = await bus.status();
    if (position > lastPosition) {
      throw badRequest(
        `position ${position} cannot be committed`,
        `the last one is ${lastPosition}`,
        "Commit the last position that was dealt with",
      );
    }
    await bus.cursor(name).commit(position);
    return { name, position };
  });

  app.get<{ Querystring: Record<string, unknown> }>("/v1/ledger", async ({ query }) => {
    const time = (key: string, otherwise: number): number => {
      const text = query[key];
      if (text === undefined) return otherwise;
      const us = typeof text === "string" ? parseTimeUs(text, nowUs()) : undefined;
      if (us !== undefined) return us;
      throw badRequest(
        `cannot understand ${key}`,
        "it is not a time",
        `Say ${key}=2026-11-24T10:00:00Z or ${key}=1h (ago)`,
      );
    };
    const fromUs = time("from", nowUs() - 3600e6);
    const toUs = time("to", nowUs() + 60e6);
    const group = typeof query.group === "string" ? query.group : undefined;
    const sum = await ledger.sum({ fromUs, toUs, group });
    return { from: isoOfUs(fromUs), to: isoOfUs(toUs), group: group ?? null, ...sum };
  });

  metricsRoutes(app, { ...deps, stopping: stopping.signal, underWay });

  app.get("/healthz", async () => ({ status: "ok", node: deps.nodeName, version: deps.version }));

  app.get("/readyz", async (_request, reply) => {
    const reasons = [...deps.unready()];
    if (stopping.signal.aborted) reasons.push("the node is stopping");
    else await bus.status().catch((error: unknown) => reasons.push(`the bus does not answer: ${reasonOf(error)}`));
    if (metrics.lastFailure !== undefined) reasons.push(`the last publish failed: ${metrics.lastFailure.text}`);
    return reply.code(reasons.length === 0 ? 200 : 503).send({ ready: reasons.length === 0, reasons });
  });

  app.get("/metrics", async (_request, reply) =>
    reply
      .type(metrics.registry.contentType)
      .header("cache-control", "no-store")
      .send(await metrics.text()),
  );

  app.get("/openapi.json", async () => openapi(deps.version));

  // A browser gets the dashboard, curl a few words that fit a terminal.
  const dashboard = openDashboard();
  app.get("/", async (request, reply) =>
    dashboard?.wanted(request)
      ? dashboard.page(request, reply)
      : reply
          .header("vary", "accept")
          .type("text/plain; charset=utf-8")
          .send(pageText(deps, request.headers.host ?? "127.0.0.1:4804")),
  );

  app.get<{ Params: { file: string } }>("/assets/:file", (request, reply) => {
    if (dashboard?.asset(request.params.file, request, reply) === undefined) reply.callNotFound();
  });

  await app.ready();
  return {
    handler: app.routing,
    routes,
    async stop(limitMs) {
      stopping.abort(stoppingError());
      const limit = Promise.withResolvers<void>();
      const timer = setTimeout(limit.resolve, limitMs);
      await Promise.race([Promise.allSettled(underWay), limit.promise]);
      clearTimeout(timer);
    },
    async close() {
      stopping.abort(stoppingError());
      await Promise.allSettled(underWay);
      await app.close();
    },
  };
}

function stoppingError(): LogspreadError {
  return new LogspreadError("BUS_CLOSED", {
    what: "the request was not taken",
    why: "the node is stopping",
    fix: "Send it again, to another node or when this one is back",
  });
}

function send(reply: FastifyReply, { status, headers, body }: Problem): void {
  reply.code(status).headers(headers).send(Buffer.from(body)); // As bytes: to text, fastify would add a charset.
}

/** Answers, then reads on for a while, so that the client gets the answer before the connection closes under its writes. */
async function lingering(reply: FastifyReply, { status, headers, body }: Problem): Promise<FastifyReply> {
  reply.hijack();
  const { raw: response } = reply;
  const request = response.req;
  response.writeHead(status, { ...headers, connection: "close" });
  response.write(body);
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, LINGER_MS);
    for (const event of ["end", "close", "error"]) request.once(event, resolve);
    request.once("close", () => clearTimeout(timer));
    request.resume();
  });
  response.end();
  return reply;
}

/** The body of a commit: `{"position": 17}`. */
async function positionIn(request: IncomingMessage): Promise<number> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > 1024) break;
    chunks.push(chunk);
  }
  try {
    const { position } = JSON.parse(Buffer.concat(chunks).toString()) as { position: unknown };
    if (typeof position === "number" && Number.isSafeInteger(position) && position >= 0) return position;
  } catch {
    // Told below, with what is expected.
  }
  throw badRequest("the position cannot be read", "the body is not a JSON object with one", 'Send {"position": 17}');
}
