/** Subscribing: reads on from the last position seen, whatever happens to the connection. */
import type { IncomingMessage } from "node:http";
import type { Delivery, From } from "../../message/delivery.ts";
import { LogspreadError, reasonOf } from "../../message/error.ts";
import type { Subscription } from "../bus.ts";
import type { Answer } from "./http-node.ts";
import type { Nodes } from "./nodes.ts";
import { argumentErrorOf, complaintOf, isFinal } from "./problem.ts";
import { recordsOf } from "./records.ts";
import { unreachableError } from "./sender.ts";

/** The node sends a heartbeat more often than this; after so much silence the connection is taken for dead. */
export const SILENCE_MS = 30_000;

export interface SubscriberOptions {
  readonly nodes: Nodes;
  readonly giveUpAfterMs: number;
  readonly silenceMs: number;
  /** The bus's last position just now. */
  readonly lastPosition: (signal: AbortSignal) => Promise<number>;
}

export async function* subscribe(
  what: Subscription,
  signal: AbortSignal,
  { nodes, giveUpAfterMs, silenceMs, lastPosition }: SubscriberOptions,
): AsyncGenerator<Delivery, void, undefined> {
  // "new" must mean the same after a reconnect: so it becomes a position first.
  let from: From = what.from === "new" ? { position: (await lastPosition(signal)) + 1 } : what.from;
  for (;;) {
    signal.throwIfAborted();
    const node = nodes.current;
    let why: string;
    let retryAfterMs: number | undefined;
    let response: IncomingMessage | undefined;
    try {
      response = await node.open({ method: "GET", path: pathOf(what, from) }, silenceMs, signal);
      if (response.statusCode !== 200) {
        const answer = await refusalOf(response);
        if (isFinal(answer)) throw argumentErrorOf(answer, `cannot subscribe at ${node.name}`);
        why = complaintOf(answer);
        retryAfterMs = answer.retryAfterMs;
      } else {
        nodes.succeeded();
        for await (const record of recordsOf(response, node.name)) {
          if (record.kind === "heartbeat") continue;
          from = { position: (record.kind === "gap" ? record.last : record.position) + 1 };
          yield record;
        }
        if (!what.follow) return;
        why = "ended the subscription";
      }
    } catch (thrown) {
      signal.throwIfAborted();
      if (thrown instanceof LogspreadError && thrown.code !== "BAD_FRAME") throw thrown;
      why = reasonOf(thrown);
    } finally {
      response?.destroy();
    }
    if (nodes.failingMs > giveUpAfterMs) throw unreachableError(why);
    await nodes.failed(why, retryAfterMs, signal);
  }
}

async function refusalOf(response: IncomingMessage): Promise<Answer> {
  const parts: Buffer[] = [];
  for await (const part of response as AsyncIterable<Buffer>) parts.push(part);
  const retryAfter = Number(response.headers["retry-after"]);
  return {
    status: response.statusCode!,
    retryAfterMs: Number.isFinite(retryAfter) ? retryAfter * 1000 : undefined,
    body: Buffer.concat(parts),
  };
}

function pathOf({ groups, follow }: Subscription, from: From): string {
  const query = new URLSearchParams({ from: textOf(from), follow: String(follow), format: "frames" });
  return `/v1/groups/${groups.map(encodeURIComponent).join(",")}/messages?${query}`;
}

function textOf(from: From): string {
  if (typeof from === "string") return from;
  return "position" in from ? String(from.position) : `@${(from.timeUs / 1e6).toFixed(6)}`;
}
