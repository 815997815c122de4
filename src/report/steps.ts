/** Figures over time of a log of any length, in a bounded number of steps: minutes, and when they grow too many hours, then days. */
import type { ByteReader, ByteWriter } from "../metrics/bytes-codec.ts";
import { Distinct } from "../metrics/distinct.ts";
import { Quantiles } from "../metrics/quantiles.ts";
import type { OwnRequest } from "../metrics/request-reader.ts";
import type { Series } from "../metrics/snapshot.ts";

const STEPS_S = [60, 3600, 86_400] as const;
type StepS = (typeof STEPS_S)[number];

/** A log of more steps than this is shown in the next longer ones. */
const MOST: Readonly<Record<StepS, number>> = { 60: 360, 3600: 24 * 14, 86400: 36_525 };

const VISITORS_PRECISION = 10;
const TIME_BITS = 4;

class Step {
  requests = 0;
  bytes = 0;
  readonly classes: number[] = [0, 0, 0, 0, 0, 0];
  readonly visitors = new Distinct(VISITORS_PRECISION);
  readonly time = new Quantiles(TIME_BITS);

  merge(other: Step): void {
    this.requests += other.requests;
    this.bytes += other.bytes;
    for (let i = 0; i < 6; i++) this.classes[i]! += other.classes[i]!;
    this.visitors.merge(other.visitors);
    this.time.merge(other.time);
  }
}

export class Steps {
  #stepS: StepS = 60;
  #steps = new Map<number, Step>();
  #last: Step = new Step();
  #lastNumber = Number.NaN;

  add(request: OwnRequest): void {
    const { timeUs, status, bytes, durationUs } = request;
    if (Number.isNaN(timeUs)) return;
    const number = Math.floor(timeUs / (this.#stepS * 1e6));
    if (number !== this.#lastNumber) this.#enter(number, timeUs);
    const step = this.#last;
    step.requests++;
    if (bytes > 0) step.bytes += bytes;
    step.classes[(status / 100) | 0]!++;
    step.visitors.add(request.visitorHigh, request.visitorLow);
    if (durationUs >= 0) step.time.add(durationUs);
  }

  #enter(number: number, timeUs: number): void {
    let step = this.#steps.get(number);
    if (step === undefined) {
      step = new Step();
      this.#steps.set(number, step);
      if (this.#steps.size > MOST[this.#stepS]) {
        this.#lengthen(STEPS_S[STEPS_S.indexOf(this.#stepS) + 1] ?? 86_400);
        number = Math.floor(timeUs / (this.#stepS * 1e6));
        step = this.#steps.get(number)!;
      }
    }
    this.#last = step;
    this.#lastNumber = number;
  }

  #lengthen(stepS: StepS): void {
    if (stepS === this.#stepS) return;
    const factor = stepS / this.#stepS;
    const longer = new Map<number, Step>();
    for (const [number, step] of this.#steps) {
      const at = Math.floor(number / factor);
      const known = longer.get(at);
      if (known === undefined) longer.set(at, step);
      else known.merge(step);
    }
    this.#steps = longer;
    this.#stepS = stepS;
    this.#lastNumber = Number.NaN;
  }

  encode(into: ByteWriter): void {
    into.integer(this.#stepS);
    into.integer(this.#steps.size);
    for (const [number, step] of this.#steps) {
      into.number(number);
      into.number(step.requests);
      into.number(step.bytes);
      for (const count of step.classes) into.number(count);
      step.visitors.encode(into);
      step.time.encode(into);
    }
  }

  mergeEncoded(from: ByteReader): void {
    const written = from.integer();
    const stepS = STEPS_S.find((known) => known === written);
    if (stepS === undefined) throw from.damaged("its steps have no known length");
    if (stepS > this.#stepS) this.#lengthen(stepS);
    const factor = this.#stepS / stepS;
    for (let count = from.integer(); count > 0; count--) {
      const number = Math.floor(from.number() / factor);
      const step = this.#steps.get(number) ?? new Step();
      this.#steps.set(number, step);
      step.requests += from.number();
      step.bytes += from.number();
      for (let i = 0; i < 6; i++) step.classes[i]! += from.number();
      step.visitors.mergeEncoded(from);
      step.time.mergeEncoded(from);
    }
    for (const longer of STEPS_S) if (this.#steps.size > MOST[this.#stepS]) this.#lengthen(longer);
  }

  /** From the first to the last step with requests; gaps within are zero. */
  series(): Series {
    for (const longer of STEPS_S) {
      const numbers = [...this.#steps.keys()];
      const span = numbers.reduce((a, b) => Math.max(a, b), 0) - numbers.reduce((a, b) => Math.min(a, b), Infinity);
      if (span > MOST[this.#stepS]) this.#lengthen(longer);
    }
    const numbers = [...this.#steps.keys()];
    const first = numbers.reduce((least, number) => Math.min(least, number), Number.POSITIVE_INFINITY);
    const last = numbers.reduce((most, number) => Math.max(most, number), Number.NEGATIVE_INFINITY);
    const series = {
      stepS: this.#stepS,
      startS: numbers.length === 0 ? 0 : first * this.#stepS,
      requests: [] as number[],
      bytes: [] as number[],
      classes: [[], [], [], [], [], []] as number[][],
      visitors: [] as number[],
      timeP50: [] as (number | null)[],
      timeP95: [] as (number | null)[],
      timeP99: [] as (number | null)[],
    };
    // A single line dated 1970 must not make a list of every day since.
    const none = new Step();
    for (const number of last - first < 20_000 ? range(first, last) : numbers.sort((a, b) => a - b)) {
      const step = this.#steps.get(number) ?? none;
      series.requests.push(step.requests);
      series.bytes.push(step.bytes);
      for (let i = 0; i < 6; i++) series.classes[i]!.push(step.classes[i]!);
      series.visitors.push(step.requests === 0 ? 0 : Math.round(step.visitors.count()));
      const at = (q: number) => (step.time.count === 0 ? null : step.time.quantile(q) * 1e-6);
      series.timeP50.push(at(0.5));
      series.timeP95.push(at(0.95));
      series.timeP99.push(at(0.99));
    }
    return series;
  }
}

function* range(first: number, last: number): Generator<number> {
  for (let number = first; number <= last; number++) yield number;
}
