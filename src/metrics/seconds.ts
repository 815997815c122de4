/** The last seconds of one server, one by one. */
import { BINS, binOf } from "./anomalies/bins.ts";
import { type Classes, Counts } from "./counts.ts";
import { Distinct } from "./distinct.ts";
import type { Quantiles } from "./quantiles.ts";
import type { OwnRequest } from "./request-reader.ts";

/** Standard error 4.6 %, half a kilobyte. */
const VISITORS_PRECISION = 9;
/** Relative error 3 %, about a kilobyte. */
const TIME_BITS = 4;

/** A finished second. */
export interface PastSecond {
  readonly startS: number;
  readonly requests: number;
  readonly bytes: number;
  readonly robots: number;
  readonly classes: Classes;
  readonly visitors: Distinct;
  readonly time: Quantiles;
}

/**
 * Most of what a second holds is the difference of the minute's counts at its end and at its beginning, so that a request
 * is counted once. Only visitors and the anomalies' bins are counted for the second by themselves.
 */
export class Seconds {
  /** The second under way, by the anomalies' bins. */
  readonly timeBins: Uint32Array = new Uint32Array(BINS);
  readonly sizeBins: Uint32Array = new Uint32Array(BINS);
  readonly #ring: (PastSecond | undefined)[];
  readonly #before = new Counts(4);
  #visitors = new Distinct(VISITORS_PRECISION);

  constructor(seconds: number) {
    this.#ring = new Array<PastSecond | undefined>(seconds).fill(undefined);
  }

  add(request: OwnRequest): void {
    const { bytes, durationUs, status } = request;
    this.#visitors.add(request.visitorHigh, request.visitorLow);
    if (durationUs >= 0) this.timeBins[binOf(durationUs)]!++;
    if (bytes > 0 && status >= 200 && status < 300) this.sizeBins[binOf(bytes)]!++;
  }

  /** Ends the second under way; `counts` are those of its minute so far. Returns it, or undefined if nothing happened. */
  end(startS: number, counts: Counts): PastSecond | undefined {
    const before = this.#before;
    const at = startS % this.#ring.length;
    this.#ring[at] = undefined;
    if (counts.requests === before.requests) return undefined;
    const classes = counts.classes();
    const earlier = before.classes();
    for (let i = 0; i < classes.length; i++) classes[i]! -= earlier[i]!;
    const past: PastSecond = {
      startS,
      requests: counts.requests - before.requests,
      bytes: counts.bytes - before.bytes,
      robots: counts.robots - before.robots,
      classes,
      visitors: this.#visitors,
      time: counts.time.since(before.time, TIME_BITS),
    };
    this.#ring[at] = past;
    this.#visitors = new Distinct(VISITORS_PRECISION);
    this.#remember(counts);
    return past;
  }

  /** After `end` has been told to whom it concerns. */
  clearBins(): void {
    this.timeBins.fill(0);
    this.sizeBins.fill(0);
  }

  /** The minute's counts begin anew. */
  newMinute(): void {
    this.#before.clear();
  }

  at(startS: number): PastSecond | undefined {
    const past = this.#ring[startS % this.#ring.length];
    return past?.startS === startS ? past : undefined;
  }

  #remember(counts: Counts): void {
    const before = this.#before;
    before.requests = counts.requests;
    before.bytes = counts.bytes;
    before.robots = counts.robots;
    before.statuses.set(counts.statuses);
    before.time.copy(counts.time);
  }
}
