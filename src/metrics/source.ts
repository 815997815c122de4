/** One server in one group: its minute under way and its last seconds. */
import { LogSum } from "./log-sum.ts";
import { Seconds } from "./seconds.ts";
import { Tally, type TallyLimits, type TallyNames } from "./tally.ts";

/** Weight of the latest batch in what is held to be a sender's skew. */
const SKEW_WEIGHT = 0.1;

export class Source {
  readonly group: string;
  readonly server: string;
  readonly minute: Tally;
  readonly seconds: Seconds;
  readonly timeLogs = new LogSum();
  readonly sizeLogs = new LogSum();
  lastSeenUs = 0;
  /** Its clock against the bus, s; null until measured. */
  skewS: number | null = null;

  constructor(group: string, server: string, seconds: number, limits: TallyLimits, names: TallyNames) {
    this.group = group;
    this.server = server;
    this.minute = new Tally(limits, names);
    this.seconds = new Seconds(seconds);
  }

  /**
   * A batch was made at `createdUs` by the sender's clock and accepted at `busTimeUs`. The way takes time, so that the
   * difference is too small rather than too large: of the latest batches the largest counts most.
   */
  measureSkew(createdUs: number, busTimeUs: number): void {
    const measured = (createdUs - busTimeUs) / 1e6;
    if (this.skewS === null || measured > this.skewS) this.skewS = measured;
    else this.skewS += (measured - this.skewS) * SKEW_WEIGHT;
  }

  /** Its minute has been stored and begins anew. */
  newMinute(): void {
    this.minute.clear();
    this.seconds.newMinute();
    this.timeLogs.clear();
    this.sizeLogs.clear();
  }
}
