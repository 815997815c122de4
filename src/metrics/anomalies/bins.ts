/**
 * Bins for durations and sizes: four to every doubling, so a whole distribution fits in 124 counters and "twice as slow" is
 * "four bins further". Within an octave the bins are equally wide (as in HdrHistogram), which makes the number a few shifts.
 */

/** Bins of integers from 0 to 2^32 - 1. */
export const BINS = 124;

/** Bins in a factor of two. */
export const BINS_PER_OCTAVE = 4;

/** The bin of a duration in µs or of a size in bytes: an integer, 0 or more. A hot path: called twice a line. */
export function binOf(value: number): number {
  if (value < 4) return value | 0;
  if (value >= 0xffffffff) return BINS - 1;
  const exponent = 31 - Math.clz32(value);
  return BINS_PER_OCTAVE * (exponent - 1) + ((value >>> (exponent - 2)) & 3);
}

/** The smallest value of a bin; of bin `BINS`, the end of the last. */
export function edgeOf(bin: number): number {
  if (bin < 4) return bin;
  const exponent = Math.floor(bin / BINS_PER_OCTAVE) + 1;
  return 2 ** (exponent - 2) * (4 + (bin % BINS_PER_OCTAVE));
}

/** The middle of a bin on a logarithmic scale, the value that stands for it; of bin 0 it is 0. */
export function middleOf(bin: number): number {
  return bin === 0 ? 0 : Math.sqrt(edgeOf(bin) * edgeOf(bin + 1));
}
