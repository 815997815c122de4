/** The node's own health for Prometheus. docs/operations.md lists every name (a test compares the two). */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Bus, Receipt } from "../bus/bus.ts";
import type { LedgerWatcher } from "../bus/ledger.ts";
import type { Batch } from "../message/batch.ts";
import type { Followers } from "./followers.ts";

/** Values of a label that are told apart; more are counted as "other", as every one costs memory here and in Prometheus. */
const MAX_LABELS = 1000;

/** Seconds. An fdatasync takes 0.3 ms on a good disk and 100 ms on a bad day. */
const LATENCY_BUCKETS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Longest wait for the figures of the traffic. */
const TRAFFIC_MS = 2000;

/** What the node and an output itself tell of an output. */
export interface OutputStatus {
  readonly name: string;
  readonly state: { readonly kind: string };
  readonly restarts: number;
  readonly part: { counters(): Readonly<Record<string, number>> };
}

export interface MetricsDeps {
  readonly bus: Bus;
  readonly followers: Followers;
  readonly nodeName: string;
  readonly version: string;
  readonly outputs: () => readonly OutputStatus[];
}

export class Metrics implements LedgerWatcher {
  readonly registry = new Registry();
  readonly #groups = new Labels();
  readonly #senders = new Labels();
  readonly #lines = this.#counter("lines_accepted_total", "Messages stored", ["group"]);
  readonly #batches = this.#counter("batches_accepted_total", "Batches stored", ["group"]);
  readonly #bytes = this.#counter("accepted_bytes_total", "Bytes of messages stored, before compression", ["group"]);
  readonly #frameBytes = this.#counter("accepted_frame_bytes_total", "Bytes of the stored frames", []);
  readonly #duplicates = this.#counter("duplicates_suppressed_total", "Batches that had been stored before", []);
  readonly #duplicateLines = this.#counter("duplicate_lines_suppressed_total", "Messages of those batches", []);
  readonly #failures = this.#counter("publish_failures_total", "Batches that could not be stored", ["code"]);
  readonly #dropped = this.#counter("lines_dropped_total", "Messages that publishers report as dropped", [
    "source",
    "reason",
  ]);
  readonly #missing = this.#counter("gaps_total", "Batches that a publisher numbered and that never came", ["source"]);
  readonly #skew = this.#gauge(
    "clock_skew_seconds",
    "Bus time minus the publisher's time, smallest of its batches in the last minute: skew and the least time on the way",
    ["source"],
  );
  readonly #latency = new Histogram({
    name: "logspread_commit_latency_seconds",
    help: "From the arrival of a batch at the bus until it is durable",
    buckets: LATENCY_BUCKETS,
    registers: [this.registry],
  });
  /** The last failure of a publish since the last success, for /readyz. */
  lastFailure: { readonly code: string; readonly text: string } | undefined;

  #counter<T extends string>(name: string, help: string, labelNames: readonly T[]): Counter<T> {
    return new Counter({ name: `logspread_${name}`, help, labelNames, registers: [this.registry] });
  }

  #gauge<T extends string>(name: string, help: string, labelNames: readonly T[] = []): Gauge<T> {
    return new Gauge({ name: `logspread_${name}`, help, labelNames, registers: [this.registry] });
  }

  /** Gauges that are read when they are asked for. */
  watch({ bus, followers, nodeName, version, outputs }: MetricsDeps): void {
    collectDefaultMetrics({ register: this.registry, eventLoopMonitoringPrecision: 50 });
    this.#gauge("build_info", "Always 1", ["version", "node"]).set({ version, node: nodeName }, 1);
    const first = this.#gauge("first_position", "First position that is kept");
    const last = this.#gauge("order_position", "Last position given");
    const bytes = this.#gauge("bus_bytes", "Bytes of the bus on disk");
    const groups = this.#gauge("groups", "Groups there are");
    const count = this.#gauge("followers", "Subscriptions open now");
    const lag = this.#gauge("subscriber_lag_positions", "Positions a subscriber is behind", ["subscriber", "groups"]);
    const up = this.#gauge("output_up", "1 while the output runs, 0 while it waits after a failure", ["output"]);
    const restarts = this.#counter("output_restarts_total", "Restarts of the output after failures", ["output"]);
    const counted = this.#gauge("output_count", "What an output has counted since the start", ["output", "what"]);
    this.#collect = async () => {
      const status = await bus.status();
      first.set(status.firstPosition);
      last.set(status.lastPosition);
      bytes.set(status.bytes);
      groups.set(status.groups.length);
      count.set(followers.count);
      lag.reset();
      const worst = new Map<string, number>();
      for (const { follower, positions } of followers.lags(status)) {
        const key = JSON.stringify([follower.name, follower.groups.join(",")]);
        worst.set(key, Math.max(worst.get(key) ?? 0, positions));
      }
      for (const [key, positions] of [...worst].slice(0, MAX_LABELS)) {
        const [subscriber, names] = JSON.parse(key) as [string, string];
        lag.set({ subscriber, groups: names }, positions);
      }
      restarts.reset();
      counted.reset();
      for (const { name, state, restarts: times, part } of outputs()) {
        for (const [what, value] of Object.entries(part.counters())) counted.set({ output: name, what }, value);
        up.set({ output: name }, state.kind === "running" ? 1 : 0);
        restarts.inc({ output: name }, times);
      }
    };
  }

  #collect: () => Promise<void> = async () => {};

  /** Where the figures of the traffic come from, as Prometheus text. */
  trafficFrom(ask: () => Promise<Uint8Array | undefined>): void {
    this.#traffic = ask;
  }

  #traffic: () => Promise<Uint8Array | undefined> = async () => undefined;

  /** All metrics as Prometheus text; without the traffic's while the live metrics do not answer. */
  async text(): Promise<string> {
    await this.#collect();
    const [own, traffic] = await Promise.all([this.registry.metrics(), this.#trafficInTime()]);
    return traffic === undefined ? own : own + Buffer.from(traffic).toString();
  }

  /** A node that is busy counting is not to look as if it were down. */
  #trafficInTime(): Promise<Uint8Array | undefined> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, TRAFFIC_MS, undefined);
      const answered = (text: Uint8Array | undefined): void => {
        clearTimeout(timer);
        resolve(text);
      };
      // `logspread_output_up` tells of it.
      this.#traffic().then(answered, () => answered(undefined));
    });
  }

  /** `bus`, with its publishes counted. */
  metered(bus: Bus): Bus {
    return {
      publish: (batch) => this.#publish(bus, batch),
      subscribe: (what, signal) => bus.subscribe(what, signal),
      cursor: (name) => bus.cursor(name),
      status: () => bus.status(),
      close: () => bus.close(),
    };
  }

  async #publish(bus: Bus, batch: Batch): Promise<Receipt> {
    const startMs = performance.now();
    try {
      const receipt = await bus.publish(batch);
      this.lastFailure = undefined;
      if (receipt.kind === "duplicate") {
        this.#duplicates.inc();
        this.#duplicateLines.inc(batch.count);
      } else {
        const group = this.#groups.of(batch.group);
        this.#lines.inc({ group }, batch.count);
        this.#batches.inc({ group });
        this.#bytes.inc({ group }, batch.rawBytes);
        this.#frameBytes.inc(batch.frame.length);
        this.#latency.observe((performance.now() - startMs) / 1000);
      }
      return receipt;
    } catch (error) {
      const code = (error as { code?: unknown }).code;
      const text = error instanceof Error ? error.message : String(error);
      this.lastFailure = { code: typeof code === "string" ? code : "INTERNAL", text };
      this.#failures.inc({ code: this.lastFailure.code });
      throw error;
    }
  }

  lost(sender: string, reason: string, messages: number): void {
    this.#dropped.inc({ source: this.#senders.of(sender), reason }, messages);
  }

  delay(sender: string, us: number): void {
    this.#skew.set({ source: this.#senders.of(sender) }, us / 1e6);
  }

  missing(sender: string, batches: number): void {
    this.#missing.inc({ source: this.#senders.of(sender) }, batches);
  }
}

class Labels {
  readonly #known = new Set<string>();

  of(value: string): string {
    if (this.#known.has(value)) return value;
    if (this.#known.size >= MAX_LABELS) return "other";
    this.#known.add(value);
    return value;
  }
}
