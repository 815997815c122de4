/** Keeps overviews coming: notices when a node is gone, tries the next one, comes back by itself. */
import { setTimeout as sleep } from "node:timers/promises";
import { reasonOf } from "../message/error.ts";
import type { Overview } from "../metrics/snapshot.ts";
import { type Nodes, overviewsOf, type Wish } from "./nodes.ts";
import type { Link } from "./view.ts";

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 5000;

export interface Listener {
  link(link: Link): void;
  /** What it throws ends the following. */
  overview(overview: Overview): void | Promise<void>;
}

/** Follows until `signal` aborts, then rejects with its reason. `nowMs` is a clock that never goes back. */
export async function follow(
  nodes: Nodes,
  wish: Wish,
  listener: Listener,
  nowMs: () => number,
  signal: AbortSignal,
): Promise<never> {
  let retryMs = FIRST_RETRY_MS;
  let failed = 0;
  let sinceMs: number | undefined;
  for (;;) {
    const node = nodes.current;
    if (sinceMs === undefined) listener.link({ kind: "connecting", node: node.name });
    let why = "it ended the stream";
    try {
      for await (const overview of overviewsOf(node, wish, signal)) {
        [retryMs, failed, sinceMs] = [FIRST_RETRY_MS, 0, undefined];
        listener.link({ kind: "live", node: node.name });
        await heard(listener, overview);
      }
    } catch (thrown) {
      signal.throwIfAborted();
      if (thrown instanceof ListenerFailed) throw thrown.cause;
      why = reasonOf(thrown);
    }
    signal.throwIfAborted();
    sinceMs ??= nowMs();
    failed++;
    nodes.next();
    // Each node once, then a pause.
    const pauseMs = failed % nodes.count === 0 ? retryMs : 0;
    listener.link({ kind: "lost", node: node.name, why, sinceMs, retryAtMs: nowMs() + pauseMs });
    if (pauseMs > 0) {
      await sleep(pauseMs, undefined, { signal });
      retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
    }
  }
}

/** What a listener throws is no fault of the node. */
class ListenerFailed extends Error {}

async function heard(listener: Listener, overview: Overview): Promise<void> {
  try {
    await listener.overview(overview);
  } catch (cause) {
    throw new ListenerFailed("", { cause });
  }
}
