/**
 * Sequential tests: evidence that something changed is added up second by second, and an alarm is raised when there is
 * enough of it, so a gross fault is told within seconds and a slight one as soon as chance can be excluded.
 *
 * Page's cumulative sum (E. S. Page, "Continuous inspection schemes", Biometrika 41, 1954): W = max(0, W + llr), where llr is
 * the logarithm of how much more likely a second's observations are if the change has happened than if it has not. By
 * Lorden ("Procedures for reacting to a change in distribution", Ann. Math. Statist. 42, 1971) the mean time between false
 * alarms at W >= h is at least e^h observations.
 *
 * That holds if observations are independent and the model is right. Real traffic comes in bursts; so the llr is scaled by
 * itself: from its mean m and variance v over undisturbed blocks of ten seconds, theta = -2m / v. For the exact llr of
 * independent observations theta is 1 (to second order: E[exp(theta llr)] = 1 gives theta = -2m / v); with bursts v is
 * larger and theta smaller, and e^h stays the bound.
 */

/** Longest memory of the calibration, blocks: an hour. */
const MEMORY_BLOCKS = 360;

/** Before there are blocks to learn from, theta is half, as if so many blocks had said so. */
const PRIOR_BLOCKS = 6;
const PRIOR_THETA = 0.5;
const LEAST_THETA = 0.1;

const BLOCK_S = 10;

export class Cusum {
  score = 0;
  #theta = PRIOR_THETA;
  /** Taken off every second, so that the mean is below zero even where the model is quite wrong. */
  #offset = 0;
  #blocks = 0;
  #mean = 0;
  #square = 0;

  /** The evidence of one second as it counts; `score` is left alone. */
  scaled(llr: number, most: number): number {
    return llr === 0 ? 0 : Math.min(most, this.#theta * (llr - this.#offset));
  }

  add(llr: number, most: number): void {
    this.score = Math.max(0, this.score + this.scaled(llr, most));
  }

  /** Learns from an undisturbed block: the sum of its llr, unscaled; NaN if it was seen before there was anything to compare with. */
  calibrate(llr: number): void {
    if (Number.isNaN(llr)) return;
    this.#blocks++;
    const weight = 1 / Math.min(this.#blocks, MEMORY_BLOCKS);
    this.#mean += weight * (llr - this.#mean);
    this.#square += weight * (llr * llr - this.#square);
    const variance = this.#square - this.#mean * this.#mean;
    const told = variance > 0 ? (-2 * this.#mean) / variance : 1;
    const blocks = Math.min(this.#blocks, MEMORY_BLOCKS);
    const theta = (Math.min(1, told) * blocks + PRIOR_THETA * PRIOR_BLOCKS) / (blocks + PRIOR_BLOCKS);
    this.#theta = Math.max(LEAST_THETA, theta);
    this.#offset = theta >= LEAST_THETA ? 0 : Math.max(0, this.#mean + (LEAST_THETA * variance) / 2) / BLOCK_S;
  }
}

/** So much evidence of calm, counted up at so much a second at most: an alarm lasts for twenty calm seconds at least. */
const CALM = 8;
const CALM_PER_SECOND = 0.4;

/** At least so many seconds must speak for a change: one bad second is none. */
const LEAST_SECONDS = 3;

/**
 * The tests of one change of one thing, with several alternatives (twice as slow, eight times as slow). It is raised when
 * one of them is sure and stays so until the evidence against the mildest of them is as clear.
 */
export class Alarm {
  raised = false;
  raisedAtS = 0;
  readonly #tests: readonly Cusum[];
  #calm = 0;

  constructor(alternatives: number) {
    this.#tests = Array.from({ length: alternatives }, () => new Cusum());
  }

  /** The evidence of one second for each alternative, the mildest first; 0 where there is nothing to say. */
  step(llrs: ArrayLike<number>, threshold: number, nowS: number): void {
    if (this.raised) this.#settle(llrs[0]!);
    else {
      for (const [i, test] of this.#tests.entries()) test.add(llrs[i]!, threshold / LEAST_SECONDS);
      if (this.score < threshold) return;
      this.raised = true;
      this.raisedAtS = nowS;
      this.#calm = 0;
    }
  }

  #settle(llr: number): void {
    const against = -this.#tests[0]!.scaled(llr, Number.POSITIVE_INFINITY);
    this.#calm = Math.max(0, this.#calm + Math.min(CALM_PER_SECOND, against));
    if (this.#calm >= CALM) this.reset();
  }

  get score(): number {
    let most = 0;
    for (const test of this.#tests) most = Math.max(most, test.score);
    return most;
  }

  /** Whether what was seen lately may be disturbed, so that nobody should learn from it. */
  suspicious(threshold: number): boolean {
    return this.raised || this.score > threshold / 4;
  }

  calibrate(llrs: ArrayLike<number>): void {
    for (const [i, test] of this.#tests.entries()) test.calibrate(llrs[i]!);
  }

  reset(): void {
    this.raised = false;
    for (const test of this.#tests) test.score = 0;
  }
}

/** Mean time between false alarms of all tests together that the thresholds are made for, s: thirty days. */
const FALSE_ALARM_S = 30 * 86_400;

/**
 * Lorden's bound counts every second as a new beginning. A score leaves zero for several seconds at a time, so there are
 * fewer beginnings: without any change alarms come at least four times as rarely (test/metrics/anomalies/cusum.test.ts).
 */
const BEGINNINGS = 4;

/** The score at which to raise an alarm, if `tests` tests share `share` of the false alarms that are allowed. */
export function thresholdFor(tests: number, share: number): number {
  return Math.log((FALSE_ALARM_S * Math.max(1, tests)) / (share * BEGINNINGS));
}

/** Evidence for a share of `p1` rather than `p0`: `hits` of `count`. */
export function shareEvidence(hits: number, count: number, p0: number, p1: number): number {
  return hits * Math.log(p1 / p0) + (count - hits) * Math.log((1 - p1) / (1 - p0));
}

/** Evidence for `lambda1` rather than `lambda0` events a second, when there were `count` in one. */
export function rateEvidence(count: number, lambda0: number, lambda1: number): number {
  return count * Math.log(lambda1 / lambda0) - (lambda1 - lambda0);
}
