/** Time, handed to whoever needs it, so that a test can move it by hand. */
export interface Clock {
  /** µs since the epoch. */
  nowUs(): number;
}

export const systemClock: Clock = {
  // Date.now has whole milliseconds; performance counts on from the process's start with µs, but does not follow a clock that is set.
  nowUs: () => Date.now() * 1000,
};
