/** The sum of logarithms of what a second added to a distribution, for a geometric mean. */
import type { Quantiles } from "./quantiles.ts";

export class LogSum {
  #before = 0;
  #countBefore = 0;
  #count = 0;

  /** ln(value + 1) summed over the values since the last call. */
  since(now: Quantiles): number {
    const sum = now.logSum();
    const added = sum - this.#before;
    this.#before = sum;
    this.#count = now.count - this.#countBefore;
    this.#countBefore = now.count;
    return added;
  }

  /** Values since the last call of `since`. */
  count(now: Quantiles): number {
    return now.count - this.#countBefore;
  }

  clear(): void {
    this.#before = 0;
    this.#countBefore = 0;
  }
}
