/** How far a server is from its peers. */
import { againstPeers } from "./anomalies/peers.ts";

/** A server's figure, and how exactly it can be known from as many requests: its standard deviation at least. */
export interface Measured {
  readonly value: number;
  readonly leastSigma: number;
}

/** Robust z-score of each against the others (median and MAD); null where nothing was measured or there are too few peers. */
export function deviations(measured: readonly (Measured | null)[]): (number | null)[] {
  return measured.map((own, i) => {
    if (own === null) return null;
    const peers = measured.flatMap((peer, at) => (at === i || peer === null ? [] : [peer.value]));
    return againstPeers(own.value, peers, own.leastSigma)?.z ?? null;
  });
}

/** Requests a second; they come at random, and 5 % more or less is no difference. */
export function measuredRate(requests: number, seconds: number): Measured {
  const value = requests / seconds;
  return { value, leastSigma: Math.max(0.05 * value, Math.sqrt(Math.max(requests, 1)) / seconds) };
}

/** A share of requests, where among all servers `usual` of them are so. */
export function measuredShare(hits: number, requests: number, usual: number): Measured | null {
  if (requests === 0) return null;
  return { value: hits / requests, leastSigma: Math.max(0.001, Math.sqrt((usual * (1 - usual)) / requests)) };
}

/** The spread of ln(duration) and ln(size) in access logs is about this; that of their median follows. */
const LOG_SIGMA = 2;

/** The logarithm of a median over `count` values. */
export function measuredMedian(median: number, count: number): Measured | null {
  if (count === 0) return null;
  return { value: Math.log(median + 1), leastSigma: Math.max(0.05, (1.25 * LOG_SIGMA) / Math.sqrt(count)) };
}
