/** One page: its usual size and share of errors, and how it is doing against them. */
import type { PageSecond } from "../parts.ts";
import { Blocks } from "./blocks.ts";
import { Alarm } from "./cusum.ts";
import { Recent } from "./recent.ts";
import { ShareTest } from "./share-test.ts";

const DECAY = 1 - 1 / 60;
const READY_BLOCKS = 6;
const READY_REQUESTS = 60;
const WINDOW_S = 15;

/** Between 0.8 and 1.25 times the usual mean size nothing is said; looked for is less than 0.4 times or more than 2.5 times. */
const SMALLER = [0.8, 0.4] as const;
const LARGER = [1.25, 2.5] as const;

/** Standard deviation of a page's size that is taken for granted, as a part of the mean: pages change a little all the time. */
const LEAST_SPREAD = 0.15;

/** A page with less than this on average, bytes, is a redirect or the like: a single error message would be a jump. */
const LEAST_SIZE = 100;

/** One request can say no more than this, nats: a page that was the same a thousand times may yet differ the next time. */
const MOST_PER_REQUEST = 1;

class PageBlock {
  requests = 0;
  bytes = 0;
  errors = 0;
  errorLlr = 0;
  /** Sum over the seconds of the squared deviation of their bytes from what so many requests have on average, per request. */
  spread = 0;
  seconds = 0;
  readonly sizeLlrs = new Float64Array(2);
}

export class PageWatch {
  readonly page: string;
  readonly errors = new ShareTest({ readyCount: READY_REQUESTS, floor: 0.005, rise: 0.2, factor: 3 });
  readonly smaller = new Alarm(1);
  readonly larger = new Alarm(1);
  readonly recentRequests = new Recent(WINDOW_S);
  readonly recentBytes = new Recent(WINDOW_S);
  readonly recentErrors = new Recent(WINDOW_S);
  readonly recentServerErrors = new Recent(WINDOW_S);
  lastS = 0;
  #heard = false;
  readonly #blocks = new Blocks(() => new PageBlock());
  readonly #llr = new Float64Array(1);
  #learned = 0;
  #requests = 0;
  #bytes = 0;
  #variance = 0;
  #varianceBlocks = 0;

  constructor(page: string) {
    this.page = page;
  }

  /** Mean size, bytes. */
  get usualSize(): number {
    return this.#requests === 0 ? 0 : this.#bytes / this.#requests;
  }

  get size(): number {
    return this.recentRequests.sum === 0 ? this.usualSize : this.recentBytes.sum / this.recentRequests.sum;
  }

  get errorShare(): number {
    return this.recentRequests.sum === 0 ? 0 : this.recentErrors.sum / this.recentRequests.sum;
  }

  get sizeDeparted(): boolean {
    return this.smaller.raised || this.larger.raised;
  }

  observe(second: PageSecond, threshold: number, nowS: number): void {
    this.lastS = nowS;
    this.#heard = true;
    this.#take(second.requests, second.bytes, second.serverErrors, second.clientErrors, threshold, nowS);
  }

  /** A second has passed; in which it may not have been among the pages that are told. */
  turn(threshold: number, nowS: number): void {
    if (!this.#heard) this.#take(0, 0, 0, 0, threshold, nowS);
    this.#heard = false;
    const learned = this.#blocks.turn(nowS);
    if (learned !== undefined && learned.requests > 0) this.#learn(learned, threshold);
  }

  /** A size that has lasted since before `sinceS` becomes the usual one. */
  adapt(sinceS: number): void {
    if (![this.smaller, this.larger].some((alarm) => alarm.raised && alarm.raisedAtS < sinceS)) return;
    this.smaller.reset();
    this.larger.reset();
    this.#learned = 0;
    this.#requests = 0;
    this.#bytes = 0;
    this.#variance = 0;
    this.#varianceBlocks = 0;
  }

  #take(requests: number, bytes: number, serverErrors: number, clientErrors: number, threshold: number, nowS: number) {
    const errors = serverErrors + clientErrors;
    this.recentRequests.add(requests);
    this.recentBytes.add(bytes);
    this.recentErrors.add(errors);
    this.recentServerErrors.add(serverErrors);
    const block = this.#blocks.current;
    block.requests += requests;
    block.bytes += bytes;
    block.errors += errors;
    block.errorLlr += this.errors.step(errors, requests, threshold, nowS);
    if (requests === 0) return;
    if (this.#requests === 0) {
      block.sizeLlrs.fill(Number.NaN);
      return;
    }
    const usual = this.usualSize;
    block.spread += (bytes - usual * requests) ** 2 / requests;
    block.seconds++;
    if (this.#learned < READY_BLOCKS || this.#requests < READY_REQUESTS || usual < LEAST_SIZE) {
      block.sizeLlrs.fill(Number.NaN);
      return;
    }
    const variance = Math.max(this.#variance, (LEAST_SPREAD * usual) ** 2);
    for (const [i, [alarm, [least, sought]]] of [
      [this.smaller, SMALLER] as const,
      [this.larger, LARGER] as const,
    ].entries()) {
      const from = usual * least;
      const to = usual * sought;
      const llr = ((to - from) / variance) * (bytes - (requests * (from + to)) / 2);
      const bounded = Math.max(-MOST_PER_REQUEST * requests, Math.min(MOST_PER_REQUEST * requests, llr));
      block.sizeLlrs[i]! += bounded;
      this.#llr[0] = bounded;
      alarm.step(this.#llr, threshold, nowS);
    }
  }

  #learn(block: PageBlock, threshold: number): void {
    if (!this.errors.alarm.suspicious(threshold)) this.errors.learn(block.errors, block.requests, block.errorLlr);
    if (this.smaller.suspicious(threshold) || this.larger.suspicious(threshold)) return;
    this.smaller.calibrate(block.sizeLlrs.subarray(0, 1));
    this.larger.calibrate(block.sizeLlrs.subarray(1, 2));
    this.#learned++;
    this.#requests = this.#requests * DECAY + block.requests;
    this.#bytes = this.#bytes * DECAY + block.bytes;
    if (block.seconds === 0) return;
    // Winsorized: one huge answer does not make the test deaf for ten minutes.
    const most = this.#varianceBlocks < READY_BLOCKS ? Number.POSITIVE_INFINITY : 16 * this.#variance;
    this.#varianceBlocks++;
    const spread = Math.min(block.spread / block.seconds, Math.max(most, (LEAST_SPREAD * this.usualSize) ** 2));
    this.#variance += (spread - this.#variance) / Math.min(this.#varianceBlocks, 60);
  }
}
