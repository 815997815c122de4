/**
 * Tells whether a distribution of durations or sizes as a whole has moved, say to twice as long. Compared is not a mean, to
 * which one slow request can do anything, but the likelihood of every value under the usual distribution and under the
 * same moved by a factor. So it does not matter that durations are heavy-tailed, that pictures take a hundredth of what
 * pages take, or that the mix of the two changes.
 */
import { BINS, middleOf } from "./bins.ts";
import { Alarm } from "./cusum.ts";

/** Factors that are looked for, in bins (four to a factor of two): 1.7, 2.8, 8 and 64. */
const UPWARD = [3, 6, 12, 24];
const DOWNWARD = UPWARD.map((bins) => -bins);

export const UP = 0;
export const DOWN = 1;

/** Values that are kept in mind: each block of ten seconds weighs so much less than the next. Ten minutes. */
const DECAY = 1 - 1 / 60;

/** Before so many blocks and values have been learned nothing is told. */
const READY_BLOCKS = 6;
const READY_VALUES = 200;

/** One value can say no more than this, nats: nothing is as sure as a histogram of some hundred values pretends. */
const MOST_PER_VALUE = 1.5;

/** What a value that the usual distribution does not know is taken for: near the known ones, or anywhere. */
const NEARBY = 0.03;
const NEARBY_BINS = 16;
const ANYWHERE = 0.01;

const LOGS = Float64Array.from({ length: BINS }, (_, bin) => Math.log(Math.max(0.5, middleOf(bin))));

export class ShiftTest {
  /** One a direction. */
  readonly alarms: readonly Alarm[];
  readonly #shifts: readonly (readonly number[])[];
  readonly #usual = new Float64Array(BINS);
  #count = 0;
  #blocks = 0;
  /** By direction and shift: what a value in each bin says. */
  readonly #tables: readonly (readonly Float64Array[])[];
  readonly #llrs: readonly Float64Array[];

  constructor(directions: "up" | "both") {
    this.#shifts = directions === "up" ? [UPWARD] : [UPWARD, DOWNWARD];
    this.alarms = this.#shifts.map((shifts) => new Alarm(shifts.length));
    this.#tables = this.#shifts.map((shifts) => shifts.map(() => new Float64Array(BINS)));
    this.#llrs = this.#shifts.map((shifts) => new Float64Array(shifts.length));
  }

  get ready(): boolean {
    return this.#blocks >= READY_BLOCKS && this.#count >= READY_VALUES;
  }

  /** Alternatives of all directions. */
  get tests(): number {
    return this.#shifts.length * UPWARD.length;
  }

  /** The geometric mean of the usual distribution. */
  get usual(): number {
    return geometricMean(this.#usual);
  }

  get usualBins(): Float64Array {
    return this.#usual;
  }

  /** Takes one second's values; adds what they said to `sums`, of each direction in turn; NaN while it is not known what is usual. */
  step(bins: Uint32Array, threshold: number, nowS: number, sums: Float64Array): void {
    if (!this.ready) {
      sums.fill(Number.NaN);
      return;
    }
    let at = 0;
    for (const [direction, alarm] of this.alarms.entries()) {
      const llrs = this.#llrs[direction]!;
      for (const [i, table] of this.#tables[direction]!.entries()) {
        let llr = 0;
        for (let bin = 0; bin < BINS; bin++) if (bins[bin] !== 0) llr += bins[bin]! * table[bin]!;
        llrs[i] = llr;
        sums[at]! += llr;
        at++;
      }
      alarm.step(llrs, threshold, nowS);
    }
  }

  /** Learns from an undisturbed block: its values, and what `step` had added up over it. */
  learn(bins: Uint32Array, sums: Float64Array): void {
    let count = 0;
    for (let bin = 0; bin < BINS; bin++) {
      this.#usual[bin] = this.#usual[bin]! * DECAY + bins[bin]!;
      count += bins[bin]!;
    }
    if (count === 0) return;
    for (const [direction, alarm] of this.alarms.entries()) {
      alarm.calibrate(sums.subarray(direction * UPWARD.length, (direction + 1) * UPWARD.length));
    }
    this.#count = this.#count * DECAY + count;
    this.#blocks++;
    this.#tabulate();
  }

  /** Takes what it now sees for the usual: forgets all. */
  forget(): void {
    this.#usual.fill(0);
    this.#count = 0;
    this.#blocks = 0;
    for (const alarm of this.alarms) alarm.reset();
  }

  #tabulate(): void {
    const density = smoothed(this.#usual);
    for (const [direction, shifts] of this.#shifts.entries()) {
      for (const [i, shift] of shifts.entries()) {
        const table = this.#tables[direction]![i]!;
        for (let bin = 0; bin < BINS; bin++) {
          const moved = movedDensity(density, bin - shift);
          const llr = Math.log(moved / density[bin]!);
          table[bin] = Math.max(-MOST_PER_VALUE, Math.min(MOST_PER_VALUE, llr));
        }
      }
    }
  }
}

function movedDensity(density: Float64Array, bin: number): number {
  return bin >= 0 && bin < BINS ? density[bin]! : ANYWHERE / BINS;
}

/** A density over the bins that is above zero everywhere. */
function smoothed(counts: Float64Array): Float64Array {
  let total = 0;
  for (const count of counts) total += count;
  const density = new Float64Array(BINS).fill(ANYWHERE / BINS);
  spread(counts, density, 2, (1 - NEARBY - ANYWHERE) / total);
  spread(counts, density, NEARBY_BINS, NEARBY / total);
  return density;
}

/** Adds `counts` times `weight` to `density`, each spread over `width` bins to either side, the nearer the more. */
function spread(counts: Float64Array, density: Float64Array, width: number, weight: number): void {
  const parts = (width + 1) ** 2;
  for (let bin = 0; bin < BINS; bin++) {
    if (counts[bin] === 0) continue;
    for (let off = -width; off <= width; off++) {
      const at = Math.max(0, Math.min(BINS - 1, bin + off));
      density[at]! += (counts[bin]! * weight * (width + 1 - Math.abs(off))) / parts;
    }
  }
}

/** e to the mean of the logarithms: the value that stands for a distribution of many orders of magnitude. NaN of nothing. */
export function geometricMean(bins: ArrayLike<number>): number {
  const { count, mean } = logMoments(bins);
  return count === 0 ? Number.NaN : Math.exp(mean);
}

/** Number, mean and variance of the values' logarithms. */
export function logMoments(bins: ArrayLike<number>): { count: number; mean: number; variance: number } {
  let count = 0;
  let sum = 0;
  let squares = 0;
  for (let bin = 0; bin < BINS; bin++) {
    const n = bins[bin]!;
    if (n === 0) continue;
    count += n;
    sum += n * LOGS[bin]!;
    squares += n * LOGS[bin]! ** 2;
  }
  const mean = count === 0 ? 0 : sum / count;
  return { count, mean, variance: count === 0 ? 0 : Math.max(0, squares / count - mean * mean) };
}
