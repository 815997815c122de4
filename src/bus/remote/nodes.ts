/** Which node to ask next: the same one while it answers, else the next, with growing waits once all have failed. */
import { setTimeout as sleepFor } from "node:timers/promises";
import type { Report } from "../../message/report.ts";
import type { HttpNode } from "./http-node.ts";

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 5000;
/** A node that asks for a longer pause is asked again all the same: others may have fixed it. */
const LONGEST_RETRY_AFTER_MS = 30_000;

/** Time and chance, so that tests can move them by hand. */
export interface Chance {
  /** Monotonic, ms. */
  now(): number;
  /** Resolves after `ms`; rejects when `signal` aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** 0 to 1, 1 excluded. */
  random(): number;
}

export const systemChance: Chance = {
  now: () => performance.now(),
  sleep: (ms, signal) => sleepFor(ms, undefined, { signal }),
  random: Math.random,
};

export class Nodes {
  readonly all: readonly HttpNode[];
  #chance: Chance;
  #report: Report;
  #notBefore: number[];
  #index = 0;
  /** Failures since the last success, and when the first of them was. */
  #failures = 0;
  #failingSince: number | undefined;

  constructor(all: readonly HttpNode[], chance: Chance, report: Report) {
    this.all = all;
    this.#chance = chance;
    this.#report = report;
    this.#notBefore = all.map(() => 0);
  }

  get current(): HttpNode {
    return this.all[this.#index]!;
  }

  /** For how long every try has failed, ms; 0 if the last one succeeded. */
  get failingMs(): number {
    return this.#failingSince === undefined ? 0 : this.#chance.now() - this.#failingSince;
  }

  succeeded(): void {
    if (this.#failures === 0) return;
    this.#failures = 0;
    this.#failingSince = undefined;
    this.#report("info", `connected to ${this.current.name} again`);
  }

  /** Turns to the next node; resolves when it may be asked. Rejects when `signal` aborts. */
  async failed(why: string, retryAfterMs: number | undefined, signal: AbortSignal): Promise<void> {
    const now = this.#chance.now();
    this.#failingSince ??= now;
    this.#failures++;
    this.#report("warn", `${this.current.name}: ${why}`, { failures: this.#failures });
    if (retryAfterMs !== undefined) this.#notBefore[this.#index] = now + Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS);
    this.#index = (this.#index + 1) % this.all.length;
    const waitMs = Math.max(this.#notBefore[this.#index]! - now, this.#roundWaitMs());
    if (waitMs > 0) await this.#chance.sleep(waitMs, signal);
  }

  /** All nodes in turn at once, then a wait that doubles with every round; half of it is chance, so that publishers spread. */
  #roundWaitMs(): number {
    if (this.#failures % this.all.length !== 0) return 0;
    const round = this.#failures / this.all.length - 1;
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(round, 10));
    return longest * (0.5 + this.#chance.random() / 2);
  }
}
