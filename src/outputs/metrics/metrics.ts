/**
 * The live metrics as an output: a thread of its own reads the bus and counts, this side runs it and asks it. To look never
 * holds up the node: questions and answers are messages, and answers come as bytes to be sent on.
 */
import { mkdirSync } from "node:fs";
import { dirname, extname } from "node:path";
import { Worker } from "node:worker_threads";
import type { Bus } from "../../bus/bus.ts";
import { LogspreadError } from "../../message/error.ts";
import { groupMatcher } from "../../message/names.ts";
import type { Report } from "../../message/report.ts";
import { serveBus } from "../bus-port/bus-port.ts";
import { errorOf } from "../bus-port/messages.ts";
import { threadEnvironment } from "../bus-port/thread-environment.ts";
import type { MetricsConfig } from "./config.ts";
import { countersIn, type MetricsCounters, newCounterMemory } from "./counters.ts";
import type { FromThread, MetricsTask, Query, Replay, ToThread } from "./messages.ts";

export interface MetricsDeps {
  readonly historyPath: string;
  /** The node's name, for notifications. */
  readonly node: string;
  /** All traffic is simulated, and the page is to say so. */
  readonly simulated: boolean;
  /** µs since the epoch. */
  readonly nowUs: () => number;
  readonly report: Report;
}

/** Questions that wait at once; more are refused. */
const MAX_WAITING = 200;
const ANSWER_MS = 15_000;
/** The clock is told shortly after each full second, so that the second that has ended is shown at once. */
const TICK_AFTER_MS = 150;
/** Heap of a replay's thread. */
const REPLAY_HEAP_MB = 512;

interface Waiting {
  readonly resolve: (text: Uint8Array | undefined) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

export class LiveMetrics {
  readonly counters: MetricsCounters;
  readonly #config: MetricsConfig;
  readonly #deps: MetricsDeps;
  readonly #task: MetricsTask;
  readonly #waiting = new Map<number, Waiting>();
  #post: ((message: ToThread) => void) | undefined;
  #nextId = 1;
  #startPosition: number | undefined;

  constructor(config: MetricsConfig, deps: MetricsDeps) {
    const { historyPath, node, simulated } = deps;
    const counters = newCounterMemory();
    this.#config = config;
    this.#deps = deps;
    this.#task = { config, historyPath, node, simulated, counters, startPosition: 0, replay: undefined };
    this.counters = countersIn(counters);
  }

  /** Counts what the bus has until `signal` aborts, then rejects with its reason. Rejects when the thread fails. */
  async run(bus: Bus, signal: AbortSignal): Promise<void> {
    mkdirSync(dirname(this.#deps.historyPath), { recursive: true, mode: 0o750 });
    const ended = new AbortController();
    let ticking: Promise<void> | undefined;
    // What comes from now on counts for Prometheus, also if the thread is started once more.
    this.#startPosition ??= (await bus.status()).lastPosition;
    const task = { ...this.#task, startPosition: this.#startPosition };
    try {
      await runThread(task, bus, this.#deps.report, signal, (message, post) => {
        if (message.kind === "ready") {
          this.#post = post;
          ticking = this.#tick(bus, post, ended.signal);
        } else if (message.kind === "told" || message.kind === "failed") this.#answered(message);
      });
    } finally {
      this.#post = undefined;
      ended.abort();
      await ticking;
      for (const [id, { reject, timer }] of this.#waiting) {
        clearTimeout(timer);
        this.#waiting.delete(id);
        reject(notRunning());
      }
    }
    signal.throwIfAborted();
  }

  /** Resolves to JSON (`traffic`: Prometheus text), or undefined if there is no such thing. Rejects with BUSY. */
  ask(query: Query): Promise<Uint8Array | undefined> {
    const post = this.#post;
    if (post === undefined) return Promise.reject(notRunning());
    if (this.#waiting.size >= MAX_WAITING) return Promise.reject(busy(`${MAX_WAITING} questions wait already`));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(busy(`there was no answer within ${ANSWER_MS / 1000} s`));
      }, ANSWER_MS);
      this.#waiting.set(id, { resolve, reject, timer });
      post({ kind: "ask", id, query });
    });
  }

  /** Shows a past stretch once more; `show` gets an overview a second, as JSON. Resolves at its end. */
  async replay(bus: Bus, what: Replay, show: (text: Uint8Array) => void, signal: AbortSignal): Promise<void> {
    const task: MetricsTask = { ...this.#task, replay: what };
    await runThread(task, bus, this.#deps.report, signal, (message) => {
      if (message.kind === "shown") show(message.text);
    });
  }

  #answered(message: Extract<FromThread, { kind: "told" | "failed" }>): void {
    const waiting = this.#waiting.get(message.id);
    if (waiting === undefined) return; // It took too long.
    this.#waiting.delete(message.id);
    clearTimeout(waiting.timer);
    if (message.kind === "told") waiting.resolve(message.text);
    else waiting.reject(errorOf(message.error));
  }

  async #tick(bus: Bus, post: (message: ToThread) => void, signal: AbortSignal): Promise<void> {
    const { nowUs, report } = this.#deps;
    const matches = groupMatcher(this.#config.groups);
    while (!signal.aborted) {
      try {
        const now = nowUs(); // Before the status, so that what it does not know of is later.
        const { groups } = await bus.status();
        const positions = groups.filter(({ group }) => matches(group)).map(({ lastPosition }) => lastPosition);
        if (!signal.aborted) post({ kind: "tick", nowUs: now, lastPosition: Math.max(0, ...positions) });
      } catch (error) {
        if (!signal.aborted) report("warn", "the metrics do not know how far the bus is", { error });
      }
      await pause(1000 - ((nowUs() / 1000) % 1000) + TICK_AFTER_MS, signal);
    }
  }
}

/** Runs a metrics thread until it ends or `signal` aborts; rejects when it fails. */
async function runThread(
  task: MetricsTask,
  bus: Bus,
  report: Report,
  signal: AbortSignal,
  take: (message: FromThread, post: (message: ToThread) => void) => void,
): Promise<void> {
  signal.throwIfAborted();
  // The compiled package has .js where the source has .ts.
  const thread = new Worker(new URL(`./thread${extname(import.meta.url)}`, import.meta.url), {
    workerData: task,
    env: threadEnvironment(),
    ...(task.replay === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: REPLAY_HEAP_MB } }),
  });
  const post = (message: ToThread, transfer: ArrayBuffer[] = []): void => thread.postMessage(message, transfer);
  const service = serveBus(bus, post);
  const abort = (): void => post({ kind: "abort" });
  signal.addEventListener("abort", abort);
  try {
    await new Promise<void>((resolve, reject) => {
      thread.on("message", (message: FromThread) => {
        switch (message.kind) {
          case "report":
            report(message.level, message.text, message.fields);
            return;
          case "ended":
            if (message.error === undefined) resolve();
            else reject(errorOf(message.error));
            return;
          case "ready":
          case "told":
          case "failed":
          case "shown":
            take(message, post);
            return;
          default:
            service.ask(message);
        }
      });
      thread.on("error", reject);
      thread.on("exit", (code) => reject(new Error(`the thread of the metrics ended with ${code}`)));
    });
  } finally {
    signal.removeEventListener("abort", abort);
    await service.close();
    await thread.terminate();
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
    if (signal.aborted) done();
  });
}

function notRunning(): LogspreadError {
  return new LogspreadError("BUSY", {
    what: "the metrics cannot be asked",
    why: "they are just starting, or stopping",
    fix: "Ask again in a few seconds; the node's log tells if something is wrong",
  });
}

function busy(why: string): LogspreadError {
  return new LogspreadError("BUSY", {
    what: "the metrics do not answer",
    why,
    fix: "Ask again later, for a shorter time or fewer rows",
  });
}
