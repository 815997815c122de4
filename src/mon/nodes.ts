/** What the monitor asks of nodes: overviews, one or a stream of them, and which groups there are. */
import type { IncomingMessage } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, HttpNode } from "../bus/remote/http-node.ts";
import { errorOf } from "../bus/remote/problem.ts";
import { LogspreadError, reasonOf } from "../message/error.ts";
import { SYSTEM_PREFIX } from "../message/names.ts";
import type { Overview } from "../metrics/snapshot.ts";
import { EventParser } from "./stream.ts";

/** What the figures shall be of. */
export interface Wish {
  readonly groups: readonly string[];
  readonly servers: readonly string[];
  readonly spanS: number;
}

/** A node sends an overview a second: after so long without one it counts as gone, ms. */
const SILENCE_MS = 8000;
/** A person waits for an answer; the figures of a long span may take a few seconds, ms. */
const ANSWER_MS = 10_000;
/** A node that has just started says that its metrics will be there soon: it is asked again for so long, every RETRY_MS. */
const STARTING_MS = 10_000;
const RETRY_MS = 250;
/** Rows of each top list. */
const TOP = 30;
/** Most that is read of a refusal, bytes. */
const MAX_REFUSAL = 64 * 1024;

/** The nodes of `--to`, one of which is asked; the next one when it fails. */
export class Nodes {
  readonly #nodes: readonly HttpNode[];
  #at = 0;

  /** Throws BAD_ARGUMENT if a URL is none of a node. */
  constructor(urls: readonly string[]) {
    this.#nodes = urls.map((url) => new HttpNode(url, ANSWER_MS));
  }

  get count(): number {
    return this.#nodes.length;
  }

  get current(): HttpNode {
    return this.#nodes[this.#at]!;
  }

  next(): void {
    this.#at = (this.#at + 1) % this.#nodes.length;
  }

  close(): void {
    for (const node of this.#nodes) node.close();
  }
}

/**
 * One overview, of the first node that gives one. Rejects with BUS_UNREACHABLE if none answers, and with what it said if
 * one refuses.
 */
export async function askOverview(nodes: Nodes, wish: Wish, signal: AbortSignal): Promise<Overview> {
  const whys: string[] = [];
  let refusal: LogspreadError | undefined;
  for (let tries = 0; tries < nodes.count; tries++, nodes.next()) {
    const node = nodes.current;
    const query = queryOf(wish, { from: `${wish.spanS}s`, top: String(TOP) });
    try {
      const answer = await askPatiently(node, `/v1/metrics/overview?${query}`, signal);
      if (answer.status === 200) return overviewIn(answer.body.toString());
      refusal ??= refusalOf(node, answer.status, answer.body);
      whys.push(`${node.name}: ${refusal.why}`);
    } catch (thrown) {
      signal.throwIfAborted();
      whys.push(`${node.name}: ${reasonOf(thrown)}`);
    }
  }
  if (refusal !== undefined) throw refusal;
  throw new LogspreadError("BUS_UNREACHABLE", {
    what: "no node answers",
    why: whys.join("; "),
    fix: "Start one with `logspread up`, or name another with --to",
  });
}

/** What `node` answers once its metrics have started, or what it says instead when they do not. */
async function askPatiently(node: HttpNode, path: string, signal: AbortSignal): Promise<Answer> {
  const endMs = performance.now() + STARTING_MS;
  for (;;) {
    const answer = await node.ask({ method: "GET", path }, signal);
    if (answer.status !== 503 || performance.now() > endMs) return answer;
    await sleep(RETRY_MS, undefined, { signal });
  }
}

/** Overviews as `node` sends them, one a second. Rejects when it refuses, breaks off or falls silent. */
export async function* overviewsOf(node: HttpNode, wish: Wish, signal: AbortSignal): AsyncGenerator<Overview, void> {
  const query = queryOf(wish, { span: String(wish.spanS), top: String(TOP) });
  const headers = { accept: "text/event-stream" };
  const response = await node.open({ method: "GET", path: `/v1/metrics/live?${query}`, headers }, SILENCE_MS, signal);
  try {
    if (response.statusCode !== 200) throw refusalOf(node, response.statusCode!, await beginningOf(response));
    const parser = new EventParser();
    for await (const bytes of response as AsyncIterable<Buffer>) {
      for (const { name, data } of parser.push(bytes)) if (name === "overview") yield overviewIn(data);
    }
  } finally {
    response.destroy();
  }
}

/** Names of the groups that `node` has, the bus's own left out. */
export async function groupsOf(node: HttpNode, signal: AbortSignal): Promise<string[]> {
  const answer = await node.ask({ method: "GET", path: "/v1/groups" }, signal);
  if (answer.status !== 200) throw refusalOf(node, answer.status, answer.body);
  const { groups } = JSON.parse(answer.body.toString()) as { groups: readonly { group: string }[] };
  return groups.map(({ group }) => group).filter((group) => !group.startsWith(SYSTEM_PREFIX));
}

function queryOf({ groups, servers }: Wish, more: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams(more);
  if (groups.length > 0) query.set("groups", groups.join(","));
  if (servers.length > 0) query.set("servers", servers.join(","));
  return query.toString();
}

function overviewIn(json: string): Overview {
  const value = JSON.parse(json) as Partial<Overview> | null;
  const whole =
    typeof value === "object" &&
    value !== null &&
    typeof value.atUs === "number" &&
    [value.scope, value.totals, value.now, value.series, value.tops, value.sessions].every(
      (part) => typeof part === "object" && part !== null,
    ) &&
    [value.servers, value.codes, value.groups, value.anomalies].every(Array.isArray);
  if (!whole) throw new Error("what it sends is no overview: perhaps it is of another version");
  return value as Overview;
}

function refusalOf(node: HttpNode, status: number, body: Buffer): LogspreadError {
  return errorOf({ status, body, retryAfterMs: undefined }, `${node.name} gives no metrics`);
}

async function beginningOf(response: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    parts.push(part);
    bytes += part.length;
    if (bytes > MAX_REFUSAL) break;
  }
  return Buffer.concat(parts);
}
