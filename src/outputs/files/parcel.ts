import type { Portion } from "./portion.ts";

/** How far an output is: what it needs to go on. */
export interface Place {
  /** The last position dealt with; 0 before the first. */
  readonly position: number;
  /** Where reading resumes: `position + 1`, or earlier while lines of earlier batches wait in the buffer (event-time). */
  readonly resume: number;
  /** Lines with times up to this one have left the buffer, µs; -1 without a buffer. */
  readonly watermarkUs: number;
}

/** What one delivery adds to the files, and how far the output is once that is written. */
export interface Parcel {
  readonly place: Place;
  /** Bus time of the delivery; 0 if it has none (a gap). */
  readonly busTimeUs: number;
  readonly portions: readonly Portion[];
}
