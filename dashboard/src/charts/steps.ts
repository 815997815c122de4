/** The steps of a Series that are whole: the last one is still being counted and would look like a fall. */
import type { Overview, Series } from "../../../src/metrics/snapshot.ts";

/** How many steps to show. */
export function wholeSteps({ series, scope }: Pick<Overview, "series" | "scope">): number {
  const { length } = series.requests;
  const lastEndUs = (series.startS + length * series.stepS) * 1e6;
  return lastEndUs > scope.toUs && length > 1 ? length - 1 : length;
}

/** Starts of the steps, s. */
export function timesOfSteps({ startS, stepS }: Series, length: number): number[] {
  return Array.from({ length }, (_, at) => startS + at * stepS);
}

/** Values a second. */
export function perSecondOf(values: readonly number[], stepS: number, length: number): number[] {
  return values.slice(0, length).map((value) => value / stepS);
}

/** What each step has of a whole, null where there is none. */
export function ratioOf(part: readonly number[], whole: readonly number[], length: number): (number | null)[] {
  return Array.from({ length }, (_, at) => (whole[at] ? (part[at] ?? 0) / whole[at] : null));
}
