/** Chance from a seed: the same seed gives the same traffic. */
export interface Chance {
  /** At least 0, less than 1. */
  next(): number;
  /** A whole number, at least `from`, less than `to`. */
  whole(from: number, to: number): number;
  /** True with this probability. */
  happens(probability: number): boolean;
  of<T>(items: readonly T[]): T;
  /** One of the values, as often as its weight says. */
  weighted<T>(items: readonly (readonly [T, number])[]): T;
  /** Waiting times and other things without memory. */
  exponential(mean: number): number;
  /** Sizes and durations: most near the median, a few many times it. `spread` is the standard deviation of the logarithm. */
  logNormal(median: number, spread: number): number;
}

export function chanceFrom(seed: number): Chance {
  const next = sfc32(seed);
  return {
    next,
    whole: (from, to) => from + Math.floor(next() * (to - from)),
    happens: (probability) => next() < probability,
    of: (items) => items[Math.floor(next() * items.length)]!,
    weighted(items) {
      let at = next() * items.reduce((sum, [, weight]) => sum + weight, 0);
      for (const [item, weight] of items) if ((at -= weight) < 0) return item;
      return items.at(-1)![0];
    },
    exponential: (mean) => -Math.log(1 - next()) * mean,
    logNormal(median, spread) {
      const normal = Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
      return median * Math.exp(spread * normal);
    },
  };
}

/** Popularity by rank: the k-th of `count` comes 1/k^`steepness` as often as the first. Gives a rank from 0. */
export function zipf(count: number, steepness: number): (chance: Chance) => number {
  const upTo = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank++) upTo[rank] = sum += (rank + 1) ** -steepness;
  return (chance) => {
    const at = chance.next() * sum;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (upTo[middle]! > at) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

/** Chris Doty-Humphrey's sfc32: small, fast and more than good enough for traffic. */
function sfc32(seed: number): () => number {
  let [a, b, c, counter] = [seed | 0, Math.floor(seed / 0x1_0000_0000) | 0, 0x9e3779b9, 1];
  const next = () => {
    const t = (a + b + counter++) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    return (t >>> 0) / 0x1_0000_0000;
  };
  for (let i = 0; i < 16; i++) next();
  return next;
}
