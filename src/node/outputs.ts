/** Runs the outputs: each on its own, started again after a failure, so that none can stop the node or another. */
import type { Bus } from "../bus/bus.ts";
import { reasonOf } from "../message/error.ts";
import type { Report } from "../message/report.ts";
import { type Followers, followedBus } from "./followers.ts";
import type { OutputPart } from "./parts.ts";

export type OutputState =
  | { readonly kind: "running" }
  | { readonly kind: "waiting"; readonly why: string }
  | { readonly kind: "stopped" };

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 60_000;
/** An output that ran so long is not the one that fails at once: its next wait is short again. */
const HEALTHY_MS = 60_000;

export interface OutputDeps {
  readonly bus: Bus;
  readonly followers: Followers;
  readonly report: Report;
}

export class RunningOutput {
  readonly name: string;
  readonly part: OutputPart;
  readonly #deps: OutputDeps;
  readonly #stopping = new AbortController();
  readonly #ended: Promise<void>;
  state: OutputState = { kind: "running" };
  restarts = 0;

  constructor(name: string, part: OutputPart, deps: OutputDeps) {
    this.name = name;
    this.part = part;
    this.#deps = deps;
    this.#ended = this.#run();
  }

  get #followerName(): string {
    return `output:${this.name}`;
  }

  /** Resolves when it has dealt with all that was on the bus when this was called, or after `limitMs`, or if it does not run. */
  async drain(limitMs: number): Promise<void> {
    const { bus, followers } = this.#deps;
    const status = await bus.status();
    const end = performance.now() + limitMs;
    while (this.state.kind === "running" && performance.now() < end) {
      // One that has only just started may not have subscribed yet.
      const last = followers.lastPositionFor(this.#followerName, status);
      if (last !== undefined && this.part.position() >= last) return;
      await sleep(10, this.#stopping.signal);
    }
  }

  /** Tells the output to finish and resolves when it has: cursors are committed then. */
  stop(): Promise<void> {
    this.#stopping.abort(new Error("the node is stopping"));
    return this.#ended;
  }

  async #run(): Promise<void> {
    const { bus, followers, report } = this.#deps;
    const { signal } = this.#stopping;
    const followed = followedBus(bus, this.#followerName, followers);
    for (let waitMs = FIRST_WAIT_MS; !signal.aborted; ) {
      const started = performance.now();
      this.state = { kind: "running" };
      let why = "it ended by itself";
      try {
        await this.part.run(followed, signal);
      } catch (error) {
        if (signal.aborted && isAbort(error, signal)) break;
        why = reasonOf(error);
        report("error", `output ${this.name} failed: ${why}`, { error });
      }
      if (signal.aborted) break;
      if (performance.now() - started > HEALTHY_MS) waitMs = FIRST_WAIT_MS;
      this.state = { kind: "waiting", why };
      report("warn", `output ${this.name} is started again in ${waitMs / 1000} s`, { why });
      await sleep(waitMs, signal);
      this.restarts++;
      waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
    }
    this.state = { kind: "stopped" };
  }
}

/** Whether a rejection is only the answer to the abort. */
function isAbort(error: unknown, signal: AbortSignal): boolean {
  return (
    error === signal.reason ||
    (error instanceof Error && (error.name === "AbortError" || error.cause === signal.reason))
  );
}

/** Resolves after `ms` or when `signal` aborts. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
    if (signal.aborted) done();
  });
}
