/** Tells webhooks and programs of anomalies. Nothing waits for them: each has a bounded queue, failures are counted and reported. */
import { setTimeout as sleepFor } from "node:timers/promises";
import { reasonOf } from "../../message/error.ts";
import type { Report } from "../../message/report.ts";
import type { AnomalyEvent } from "../anomalies/book.ts";
import type { NotifyConfig, ProgramConfig, WebhookConfig } from "./config.ts";
import { Lane } from "./lane.ts";
import { eventUs, notificationOf } from "./notification.ts";
import { run } from "./program.ts";
import { type Pauses, post } from "./webhook.ts";

export interface NotifierDeps {
  /** The node's name, in each notification. */
  readonly node: string;
  /** µs since the epoch. */
  readonly nowUs: () => number;
  readonly report: Report;
  readonly pauses: Pauses;
}

export const systemPauses: Pauses = {
  sleep: (ms, signal) => sleepFor(ms, undefined, { signal }),
  random: Math.random,
};

/** Notifications, one for each webhook and program that is to get it. */
export interface NotifierCounters {
  sent: number;
  /** Given up after all tries. */
  failed: number;
  /** Not even tried: a queue was full, or the node stopped. */
  dropped: number;
}

export class Notifier {
  readonly counters: NotifierCounters = { sent: 0, failed: 0, dropped: 0 };
  readonly #config: NotifyConfig;
  readonly #deps: NotifierDeps;
  readonly #lanes: readonly { readonly name: string; readonly lane: Lane<string> }[];

  constructor(config: NotifyConfig, deps: NotifierDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#lanes = [
      ...config.webhooks.map((each) => this.#webhook(each)),
      ...config.exec.map((each) => this.#program(each)),
    ];
  }

  /** Takes an event; returns at once and never throws. */
  tell(event: AnomalyEvent): void {
    const { node, nowUs } = this.#deps;
    if (!this.#config.kinds.includes(event.anomaly.kind)) return;
    if (nowUs() - eventUs(event) > this.#config.maxAge * 1000) return;
    const body = JSON.stringify(notificationOf(event, node));
    for (const { name, lane } of this.#lanes) {
      if (lane.add(body)) continue;
      this.counters.dropped++;
      this.#deps.report("warn", `${name} is not told of an anomaly: its queue is full`);
    }
  }

  /** Aborts what is under way. What could not be told is counted and reported. */
  async close(): Promise<void> {
    for (const { name, lane } of this.#lanes) {
      const given = await lane.close();
      if (given === 0) continue;
      this.counters.dropped += given;
      this.#deps.report("warn", `${name} is not told of ${given} events of anomalies: the node is stopping`);
    }
  }

  #webhook(config: WebhookConfig) {
    // The path and query of webhooks are often secret.
    const name = `webhook ${new URL(config.url).host}`;
    return this.#lane(name, config.queue, 1, (body, signal) => post(config, body, this.#deps.pauses, signal));
  }

  #program(config: ProgramConfig) {
    const work = (body: string, signal: AbortSignal) => run(config, body, signal);
    return this.#lane(`program ${config.command[0]}`, config.queue, config.concurrency, work);
  }

  #lane(
    name: string,
    queue: number,
    concurrency: number,
    work: (
      body: string,
      signal: AbortSignal,
    ) => Promise<{ readonly kind: "failed"; why: string } | { kind: "sent" | "done" }>,
  ) {
    const lane = new Lane<string>(queue, concurrency, async (body, signal) => {
      try {
        const done = await work(body, signal);
        if (done.kind === "failed") this.#failed(name, done.why);
        else this.counters.sent++;
      } catch (error) {
        this.#failed(name, signal.aborted ? "the node is stopping" : reasonOf(error));
      }
    });
    return { name, lane };
  }

  #failed(name: string, why: string): void {
    this.counters.failed++;
    this.#deps.report("warn", `${name} could not be told of an anomaly: ${why}`);
  }
}
