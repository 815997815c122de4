/** Sums over the last seconds. */
export class Recent {
  sum = 0;
  readonly #values: Float64Array;
  #at = 0;

  constructor(seconds: number) {
    this.#values = new Float64Array(seconds);
  }

  add(value: number): void {
    this.sum += value - this.#values[this.#at]!;
    this.#values[this.#at] = value;
    this.#at = (this.#at + 1) % this.#values.length;
    if (this.#at !== 0) return;
    // Rounding adds up where values are no integers: the sum is made anew once a round.
    this.sum = 0;
    for (const each of this.#values) this.sum += each;
  }
}

/** Adds to `sum` the counts of `now` and takes off those of the second that falls out of the window, which it replaces in `ring`. */
export class RecentBins {
  readonly sum: Uint32Array;
  readonly #ring: Uint32Array;
  readonly #bins: number;
  readonly #seconds: number;
  #at = 0;

  constructor(bins: number, seconds: number) {
    this.sum = new Uint32Array(bins);
    this.#ring = new Uint32Array(bins * seconds);
    this.#bins = bins;
    this.#seconds = seconds;
  }

  add(now: Uint32Array): void {
    const from = this.#at * this.#bins;
    for (let bin = 0; bin < this.#bins; bin++) {
      const value = now[bin]!;
      this.sum[bin]! += value - this.#ring[from + bin]!;
      this.#ring[from + bin] = value;
    }
    this.#at = (this.#at + 1) % this.#seconds;
  }
}
