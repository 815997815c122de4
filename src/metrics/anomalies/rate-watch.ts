/** All requests of a group: whether there are suddenly many more or fewer, or none. */
import { Blocks } from "./blocks.ts";
import { Alarm, rateEvidence } from "./cusum.ts";
import { Recent } from "./recent.ts";

/**
 * The usual rate follows within three minutes, so that day and night pass unnoticed; between 0.62 and 1.6 times of it nothing
 * is said, and about 2.2 times or 0.46 times are needed for evidence to grow.
 */
const MEMORY_BLOCKS = 18;
const MORE = [1.6, 3] as const;
const FEWER = [0.62, 0.33] as const;

const READY_BLOCKS = 6;

/** A group with fewer requests a second is one of single visitors, of whom each makes a crowd. */
const LEAST_RATE = 1;

/** Silence is measured by the rate of the last hour. */
const SILENT_MEMORY_BLOCKS = 360;

const WINDOW_S = 15;

class RateBlock {
  requests = 0;
  readonly llrs = new Float64Array(2);
}

export class RateWatch {
  readonly more = new Alarm(1);
  readonly fewer = new Alarm(1);
  readonly recentRequests = new Recent(WINDOW_S);
  /** Usual requests a second, of the last minutes and of the last hour. */
  usual = 0;
  hourly = 0;
  quietS = 0;
  missed = 0;
  dispersion = 1;
  readonly #blocks = new Blocks(() => new RateBlock());
  readonly #llr = new Float64Array(1);
  #learned = 0;

  /** How unlikely it is that chance keeps the group quiet, nats. */
  get silence(): number {
    return this.missed / this.dispersion;
  }

  get departed(): boolean {
    return this.more.raised || this.fewer.raised;
  }

  observe(requests: number, threshold: number, nowS: number): void {
    this.recentRequests.add(requests);
    const block = this.#blocks.current;
    block.requests += requests;
    if (requests > 0) {
      this.quietS = 0;
      this.missed = 0;
    } else {
      this.quietS++;
      this.missed += this.hourly;
    }
    if (this.#learned >= READY_BLOCKS && this.usual >= LEAST_RATE) {
      for (const [i, [alarm, [least, sought]]] of [
        [this.more, MORE] as const,
        [this.fewer, FEWER] as const,
      ].entries()) {
        // Seconds without a request are silence, which is told as such.
        const llr = requests === 0 ? 0 : rateEvidence(requests, this.usual * least, this.usual * sought);
        block.llrs[i]! += llr;
        this.#llr[0] = llr;
        alarm.step(this.#llr, threshold, nowS);
      }
    } else block.llrs.fill(Number.NaN);
    const learned = this.#blocks.turn(nowS);
    if (learned !== undefined) this.#learn(learned, threshold);
  }

  adapt(sinceS: number): void {
    if (![this.more, this.fewer].some((alarm) => alarm.raised && alarm.raisedAtS < sinceS)) return;
    this.more.reset();
    this.fewer.reset();
    this.#learned = 0;
  }

  #learn(block: RateBlock, threshold: number): void {
    if (this.silence > threshold / 4 || this.more.suspicious(threshold) || this.fewer.suspicious(threshold)) return;
    const rate = block.requests / 10;
    this.more.calibrate(block.llrs.subarray(0, 1));
    this.fewer.calibrate(block.llrs.subarray(1, 2));
    if (this.#learned >= READY_BLOCKS) {
      const expected = this.usual * 10;
      const excess = expected === 0 ? 1 : Math.min((block.requests - expected) ** 2 / expected, 100);
      this.dispersion = Math.max(1, this.dispersion + (excess - this.dispersion) / Math.min(this.#learned, 360));
    }
    this.#learned++;
    this.usual += (rate - this.usual) / Math.min(this.#learned, MEMORY_BLOCKS);
    this.hourly += (rate - this.hourly) / Math.min(this.#learned, SILENT_MEMORY_BLOCKS);
  }
}
