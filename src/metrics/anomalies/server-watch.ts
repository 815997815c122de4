/** One server: what is usual for it, and how it is doing against that. */
import type { ServerSecond } from "../parts.ts";
import { BINS } from "./bins.ts";
import { Blocks } from "./blocks.ts";
import { Alarm, shareEvidence } from "./cusum.ts";
import { Recent, RecentBins } from "./recent.ts";
import { ShareTest } from "./share-test.ts";
import { geometricMean, ShiftTest, UP } from "./shift-test.ts";

/** The span that figures are told of and peers are compared over. */
export const WINDOW_S = 15;

/** Of the requests of the group, a server's share is watched for being so many times as much, or so little; see `#stepShare`. */
const SHARE_UP = [1.4, 2.5] as const;
const SHARE_DOWN = [0.8, 0.4] as const;

/** Blocks and requests to learn from before a server's share says anything. */
const READY_BLOCKS = 6;
const READY_REQUESTS = 100;

/** A server must be heard of at least this often for its silence to be told within the hour. */
const SILENT_MEMORY_BLOCKS = 360;

/** What was seen in ten seconds. */
class ServerBlock {
  requests = 0;
  errors = 0;
  /** Share of the group's requests that was expected of it, summed. */
  expected = 0;
  groupRequests = 0;
  errorLlr = 0;
  readonly shareLlrs = new Float64Array(2);
  readonly times = new Uint32Array(BINS);
  readonly sizes = new Uint32Array(BINS);
  readonly timeLlrs = new Float64Array(4);
  readonly sizeLlrs = new Float64Array(8);
}

export interface Thresholds {
  /** For the share of errors, which comes in small numbers. */
  readonly errors: number;
  readonly others: number;
}

/** A server among those of its group, in one second. */
export interface Among {
  /** Requests of the whole group. */
  readonly groupRequests: number;
  /** Those of the servers that it is measured by: the well-known ones that are not silent, and itself. */
  readonly sharedRequests: number;
  /** Its usual share of these; NaN if there are not two of them. */
  readonly share: number;
}

/** Of a kind of anomaly, whether the server shows it against its own past. */
export type ServerKind = "errors" | "time" | "size" | "rate";

export class ServerWatch {
  readonly server: string;
  readonly errors = new ShareTest({ readyCount: 200, floor: 0.001, rise: 0.025, factor: 2.5 });
  readonly times = new ShiftTest("up");
  readonly sizes = new ShiftTest("both");
  readonly shareUp = new Alarm(1);
  readonly shareDown = new Alarm(1);
  /** Weight among the group's servers: its usual share of their requests, not normalised. */
  weight = 0;
  /** Usual requests a second. */
  rate = 0;
  /** Variance of its requests against what a Poisson process with the same mean has; 1 or more. */
  dispersion = 1;
  lastSeenUs = 0;
  skewS: number | null = null;
  /** Seconds since the last request, and requests that should have come in them. */
  quietS = 0;
  missed = 0;
  /** Seconds in a row for which its clock has been off, or right. */
  clockOffS = 0;
  clockRightS = 0;
  clockOff = false;
  readonly recentRequests = new Recent(WINDOW_S);
  readonly recentErrors = new Recent(WINDOW_S);
  readonly recentTimes = new RecentBins(BINS, WINDOW_S);
  readonly recentSizes = new RecentBins(BINS, WINDOW_S);
  readonly #blocks = new Blocks(() => new ServerBlock());
  readonly #llr = new Float64Array(1);
  #learned = 0;
  #learnedRequests = 0;

  constructor(server: string) {
    this.server = server;
  }

  /** It has been watched for long enough to know its share of the requests. */
  get ready(): boolean {
    return this.#learned >= READY_BLOCKS && this.#learnedRequests >= READY_REQUESTS;
  }

  /** Sequential tests that it takes, but for errors. */
  get tests(): number {
    return this.times.tests + this.sizes.tests + 2;
  }

  /** How unlikely it is that chance keeps it quiet, nats: a Poisson process with this mean has no event with probability e^-mean. */
  get silence(): number {
    return this.missed / this.dispersion;
  }

  get geometricTime(): number {
    return geometricMean(this.recentTimes.sum);
  }

  get geometricSize(): number {
    return geometricMean(this.recentSizes.sum);
  }

  /** One second. */
  observe(second: ServerSecond, among: Among, thresholds: Thresholds, nowS: number): void {
    const { requests, timeBins, sizeBins } = second;
    const errors = second.classes[5]!;
    const block = this.#blocks.current;
    this.lastSeenUs = Math.max(this.lastSeenUs, second.lastSeenUs);
    this.recentRequests.add(requests);
    this.recentErrors.add(errors);
    this.recentTimes.add(timeBins);
    this.recentSizes.add(sizeBins);
    block.requests += requests;
    block.errors += errors;
    block.groupRequests += among.groupRequests;
    for (let bin = 0; bin < BINS; bin++) {
      block.times[bin]! += timeBins[bin]!;
      block.sizes[bin]! += sizeBins[bin]!;
    }
    block.errorLlr += this.errors.step(errors, requests, thresholds.errors, nowS);
    this.times.step(timeBins, thresholds.others, nowS, block.timeLlrs);
    this.sizes.step(sizeBins, thresholds.others, nowS, block.sizeLlrs);
    this.#stepShare(requests, among, thresholds.others, nowS, block);
    this.#listen(requests, among);
    const learned = this.#blocks.turn(nowS);
    if (learned !== undefined) this.#learn(learned, thresholds);
  }

  /** The clock, of which a measurement is not to be had every second. */
  observeClock(skewS: number | null, limitS: number): void {
    this.skewS = skewS;
    if (skewS === null) return;
    const off = Math.abs(skewS) > limitS * (this.clockOff ? 0.75 : 1);
    this.clockOffS = off ? this.clockOffS + 1 : 0;
    this.clockRightS = off ? 0 : this.clockRightS + 1;
    if (this.clockOffS >= 5) this.clockOff = true;
    if (this.clockRightS >= 10) this.clockOff = false;
  }

  /** Whether it has left its usual level. Slight evidence counts from `part` of the threshold on. */
  departed(kind: ServerKind, thresholds: Thresholds, part = 1): boolean {
    const past = (alarm: Alarm, threshold: number) => alarm.raised || alarm.score >= threshold * part;
    if (kind === "errors") return past(this.errors.alarm, thresholds.errors);
    return this.#alarmsOf(kind).some((alarm) => past(alarm, thresholds.others));
  }

  /** A level that has lasted since before `sinceS` becomes the usual one; that of errors never does. */
  adapt(sinceS: number): void {
    const lasts = (alarms: readonly Alarm[]) => alarms.some((alarm) => alarm.raised && alarm.raisedAtS < sinceS);
    if (lasts(this.times.alarms)) this.times.forget();
    if (lasts(this.sizes.alarms)) this.sizes.forget();
    if (!lasts(this.#alarmsOf("rate"))) return;
    this.shareUp.reset();
    this.shareDown.reset();
    this.#learned = 0;
    this.#learnedRequests = 0;
  }

  #alarmsOf(kind: Exclude<ServerKind, "errors">): readonly Alarm[] {
    if (kind === "time") return [this.times.alarms[UP]!];
    return kind === "size" ? this.sizes.alarms : [this.shareUp, this.shareDown];
  }

  /**
   * Its share of the group's requests, so that neither day and night nor a crowd of visitors matter. Between 0.8 and 1.4
   * times the usual share nothing is said. Nothing is said of a server that is silent either: that is told as such.
   */
  #stepShare(requests: number, among: Among, threshold: number, nowS: number, block: ServerBlock): void {
    const { share, sharedRequests } = among;
    if (Number.isNaN(share) || sharedRequests === 0) return;
    block.expected += share * sharedRequests;
    const up = shareBeyond(SHARE_UP, share, requests, sharedRequests);
    // A second without a request says nothing here: if there are more of them, it is silent.
    const down = requests === 0 ? 0 : shareBeyond(SHARE_DOWN, share, requests, sharedRequests);
    block.shareLlrs[0]! += up;
    block.shareLlrs[1]! += down;
    this.#llr[0] = up;
    this.shareUp.step(this.#llr, threshold, nowS);
    this.#llr[0] = down;
    this.shareDown.step(this.#llr, threshold, nowS);
  }

  /** Counts what should have come while nothing came. */
  #listen(requests: number, { share, sharedRequests }: Among): void {
    if (requests > 0) {
      this.quietS = 0;
      this.missed = 0;
      return;
    }
    this.quietS++;
    if (Number.isNaN(share)) this.missed += this.rate;
    else this.missed += (share / Math.max(0.05, 1 - share)) * sharedRequests;
  }

  #learn(block: ServerBlock, thresholds: Thresholds): void {
    if (!this.errors.alarm.suspicious(thresholds.errors)) {
      this.errors.learn(block.errors, block.requests, block.errorLlr);
    }
    const calm = (alarms: readonly Alarm[]) => !alarms.some((alarm) => alarm.suspicious(thresholds.others));
    if (calm(this.times.alarms)) this.times.learn(block.times, block.timeLlrs);
    if (calm(this.sizes.alarms)) this.sizes.learn(block.sizes, block.sizeLlrs);
    if (this.silence < thresholds.others / 4 && calm([this.shareUp, this.shareDown])) this.#learnShare(block);
  }

  #learnShare(block: ServerBlock): void {
    this.#learned++;
    this.#learnedRequests += block.requests;
    const share = block.groupRequests === 0 ? Number.NaN : block.requests / block.groupRequests;
    const weight = 1 / Math.min(this.#learned, 60);
    if (!Number.isNaN(share)) this.weight += weight * (share - this.weight);
    const rateWeight = 1 / Math.min(this.#learned, SILENT_MEMORY_BLOCKS);
    this.rate += rateWeight * (block.requests / 10 - this.rate);
    if (block.expected > 0) {
      const excess = (block.requests - block.expected) ** 2 / block.expected;
      // Winsorized: one burst does not make a server deaf for an hour.
      this.dispersion = Math.max(1, this.dispersion + rateWeight * (Math.min(excess, 100) - this.dispersion));
      this.shareUp.calibrate(block.shareLlrs.subarray(0, 1));
      this.shareDown.calibrate(block.shareLlrs.subarray(1, 2));
    }
  }
}

/** Evidence that a share is `sought` rather than `least` times the usual one. */
function shareBeyond([least, sought]: readonly [number, number], share: number, requests: number, of: number): number {
  return shareEvidence(requests, of, Math.min(0.95, share * least), Math.min(0.98, share * sought));
}
