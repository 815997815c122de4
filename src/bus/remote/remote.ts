/** The remote engine: a bus in other processes, reached over HTTP at any of several nodes. */
import type { Batch } from "../../message/batch.ts";
import type { Delivery } from "../../message/delivery.ts";
import { LogspreadError, reasonOf } from "../../message/error.ts";
import type { Report } from "../../message/report.ts";
import type { Bus, BusStatus, Cursor, Receipt, Subscription } from "../bus.ts";
import { type Answer, HttpNode, type Request } from "./http-node.ts";
import { type Chance, Nodes, systemChance } from "./nodes.ts";
import { argumentErrorOf, complaintOf } from "./problem.ts";
import { closedError, Sender, unreachableError } from "./sender.ts";
import { SILENCE_MS, subscribe } from "./subscriber.ts";

export interface RemoteConfig {
  /** `http://host:4804`, `https://...` or `unix:/path`; the first one that answers is used, the next when it fails. */
  readonly nodes: readonly string[];
  /** When every node has failed for so long, requests are rejected with BUS_UNREACHABLE, ms; Infinity: never. */
  readonly giveUpAfterMs: number;
  /** A request of which no byte moves for so long is tried at the next node, ms. */
  readonly inactivityMs?: number;
  /** A subscription that is silent for so long is opened anew, ms. */
  readonly silenceMs?: number;
}

export interface RemoteDeps {
  readonly report: Report;
  readonly chance?: Chance;
}

/** Nothing is connected before it is needed. Throws BAD_ARGUMENT for an address that is none. */
export function remote(config: RemoteConfig, deps: RemoteDeps): Bus {
  return new RemoteBus(config, deps);
}

class RemoteBus implements Bus {
  #config: RemoteConfig;
  #deps: RemoteDeps;
  #all: HttpNode[];
  #sender: Sender;
  #asking: Nodes;
  #closed = new AbortController();

  constructor(config: RemoteConfig, deps: RemoteDeps) {
    if (config.nodes.length === 0) {
      throw new LogspreadError("BAD_ARGUMENT", {
        what: "cannot reach the bus",
        why: "no node is named",
        fix: "Name one, such as http://127.0.0.1:4804",
      });
    }
    this.#config = config;
    this.#deps = deps;
    this.#all = config.nodes.map((url) => new HttpNode(url, config.inactivityMs));
    this.#sender = new Sender(this.#nodes(), config.giveUpAfterMs);
    this.#asking = this.#nodes();
  }

  /** Each part finds its own way round failing nodes: one slow request must not turn the others away from a good node. */
  #nodes(): Nodes {
    return new Nodes(this.#all, this.#deps.chance ?? systemChance, this.#deps.report);
  }

  publish(batch: Batch): Promise<Receipt> {
    return this.#sender.publish(batch);
  }

  subscribe(what: Subscription, signal: AbortSignal): AsyncIterable<Delivery> {
    return subscribe(what, AbortSignal.any([signal, this.#closed.signal]), {
      nodes: this.#nodes(),
      giveUpAfterMs: this.#config.giveUpAfterMs,
      silenceMs: this.#config.silenceMs ?? SILENCE_MS,
      lastPosition: async (either) => (await this.#status(either)).lastPosition,
    });
  }

  cursor(name: string): Cursor {
    const path = `/v1/cursors/${encodeURIComponent(name)}`;
    return {
      read: async () => {
        const { position } = await this.#json<{ position: number | null }>({ method: "GET", path }, `cursor ${name}`);
        return position ?? undefined;
      },
      commit: async (position) => {
        const headers = { "content-type": "application/json" };
        const body = [Buffer.from(JSON.stringify({ position }))];
        await this.#json({ method: "PUT", path, headers, body }, `cursor ${name}`);
      },
    };
  }

  status(): Promise<BusStatus> {
    return this.#status(this.#closed.signal);
  }

  async close(): Promise<void> {
    this.#closed.abort(closedError());
    await this.#sender.close();
    for (const node of this.#all) node.close();
  }

  #status(signal: AbortSignal): Promise<BusStatus> {
    return this.#json({ method: "GET", path: "/v1/groups" }, "the bus's status", signal);
  }

  async #json<T>(request: Request, what: string, signal: AbortSignal = this.#closed.signal): Promise<T> {
    const answer = await this.#ask(request, what, signal);
    return JSON.parse(answer.body.toString()) as T;
  }

  /** Asks until a node answers with 2xx or refuses; what is refused for any other reason than trouble of the node is final. */
  async #ask(request: Request, what: string, signal: AbortSignal): Promise<Answer> {
    const nodes = this.#asking;
    for (;;) {
      let why: string;
      let retryAfterMs: number | undefined;
      try {
        const answer = await nodes.current.ask(request, signal);
        if (answer.status < 300) {
          nodes.succeeded();
          return answer;
        }
        if (answer.status < 500 && answer.status !== 429) throw argumentErrorOf(answer, `cannot ask for ${what}`);
        why = complaintOf(answer);
        retryAfterMs = answer.retryAfterMs;
      } catch (thrown) {
        signal.throwIfAborted();
        if (thrown instanceof LogspreadError) throw thrown;
        why = reasonOf(thrown);
      }
      if (nodes.failingMs > this.#config.giveUpAfterMs) throw unreachableError(why);
      await nodes.failed(why, retryAfterMs, signal);
    }
  }
}
