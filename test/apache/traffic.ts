import http from "node:http";
import type { TestContext } from "node:test";
import type { Apache } from "./apache.ts";

/** Longer than most, so that a few hundred lines are more than a pipe holds (64 KiB). */
const USER_AGENT = `Mozilla/5.0 (X11; Linux x86_64) ${"logspread-test/1.0 ".repeat(20)}`;
/** Requests under way at once; while so many wait, none is added. */
const MOST_AT_ONCE = 16;
const TICK_MS = 10;

let asked = 0;

/** Requests to one Apache at an even pace over kept-alive connections. Each has a path of its own. */
export class Traffic {
  /** What was asked for and answered with 200. */
  readonly answered: string[] = [];
  /** How long each answer took, ms, in the order of the answers. */
  readonly latenciesMs: number[] = [];
  /** Requests that were refused or broken off, as they are while a server restarts. */
  failed = 0;
  readonly #apache: Apache;
  readonly #agent: http.Agent;
  readonly #underway = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;
  #paused = false;
  #due = 0;

  /** It ends with the test. */
  constructor(t: TestContext, apache: Apache, perSecond: number, connections = MOST_AT_ONCE) {
    t.after(() => this.#end());
    this.#apache = apache;
    this.#agent = new http.Agent({ keepAlive: true, maxSockets: connections });
    let last = performance.now();
    this.#timer = setInterval(() => {
      const now = performance.now();
      this.#due += ((now - last) / 1000) * perSecond;
      last = now;
      if (this.#paused) this.#due = 0;
      for (; this.#due >= 1 && this.#underway.size < MOST_AT_ONCE; this.#due--) this.#ask("page");
      this.#due = Math.min(this.#due, MOST_AT_ONCE);
    }, TICK_MS);
  }

  /** Asks once for what takes two seconds; resolves with its answer. */
  slow(): Promise<void> {
    return this.#ask("slow");
  }

  #ask(what: string): Promise<void> {
    const { url, name } = this.#apache;
    const path = `/${name}/${what}?${++asked}`;
    const started = performance.now();
    const answer = new Promise<void>((resolve) => {
      const failed = () => {
        this.failed++;
        resolve();
      };
      http
        .get(`${url}${path}`, { agent: this.#agent, headers: { "user-agent": USER_AGENT } }, (response) => {
          response.resume().on("error", failed);
          response.on("end", () => {
            if (response.statusCode === 200) this.answered.push(path);
            if (what !== "slow") this.latenciesMs.push(performance.now() - started);
            resolve();
          });
        })
        .on("error", failed);
    });
    this.#underway.add(answer);
    return answer.finally(() => this.#underway.delete(answer));
  }

  /** Asks for nothing for a while; resolves when all is answered. */
  async pause(): Promise<void> {
    this.#paused = true;
    await Promise.all(this.#underway);
  }

  resume(): void {
    this.#paused = false;
  }

  /** Asks for no more; resolves when all is answered. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#underway);
    this.#end();
  }

  #end(): void {
    clearInterval(this.#timer);
    this.#agent.destroy();
  }
}
