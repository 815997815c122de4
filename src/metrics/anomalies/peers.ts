/** A server against its peers: robust, so that the odd one out does not shift what it is compared with. */

/** Fewer cannot say who is the odd one out. */
export const LEAST_PEERS = 3;

/** The median absolute deviation of normally distributed values times this is their standard deviation. */
const MAD_TO_SIGMA = 1.4826;

/** The middle value, or the mean of the two in the middle. NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

export interface AgainstPeers {
  /** The median of the others. */
  readonly usual: number;
  /** How many standard deviations `value` is above it: of the others (by their median absolute deviation), at least `leastSigma`. */
  readonly z: number;
}

/**
 * `value` against `peers` (the other servers of the group); undefined with fewer than three of them. `leastSigma` is how
 * exactly a single value is known: peers that happen to be alike must not make a trifle look enormous.
 */
export function againstPeers(value: number, peers: readonly number[], leastSigma: number): AgainstPeers | undefined {
  if (peers.length < LEAST_PEERS) return undefined;
  const usual = median(peers);
  const mad = median(peers.map((peer) => Math.abs(peer - usual)));
  return { usual, z: (value - usual) / Math.max(MAD_TO_SIGMA * mad, leastSigma) };
}
