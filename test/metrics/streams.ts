/** Streams of values for the sketches: the same for the same seed. */

/** Marsaglia's xorshift: 0 to 1. */
export function randomOf(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** `length` values of 0 to `values` - 1, the n-th as often as 1/n says. */
export function zipf(length: number, values: number, seed: number): number[] {
  const random = randomOf(seed);
  return Array.from({ length }, () => Math.floor((values + 1) ** random()) - 1);
}

/** Each as often as any other. */
export function uniform(length: number, values: number, seed: number): number[] {
  const random = randomOf(seed);
  return Array.from({ length }, () => Math.floor(random() * values));
}

/** A few that come often between very many that come once: what makes a list forget. */
export function flooded(length: number, often: number): number[] {
  return Array.from({ length }, (_, i) => (i % 4 === 0 ? (i / 4) % often : often + i));
}
