/** Tells whether a share, such as that of errors, has risen above the usual one. */
import { Alarm, shareEvidence } from "./cusum.ts";

const DECAY = 1 - 1 / 60;
const READY_BLOCKS = 6;

export interface ShareTestOptions {
  /** Requests to learn from before anything is told. */
  readonly readyCount: number;
  /** A share below this is usual everywhere. */
  readonly floor: number;
  /** What is looked for: so much more, in requests of all, or so many times as much, whichever is more. */
  readonly rise: number;
  readonly factor: number;
}

export class ShareTest {
  readonly alarm = new Alarm(1);
  readonly #options: ShareTestOptions;
  readonly #llr = new Float64Array(1);
  #hits = 0;
  #count = 0;
  #blocks = 0;

  constructor(options: ShareTestOptions) {
    this.#options = options;
  }

  get ready(): boolean {
    return this.#blocks >= READY_BLOCKS && this.#count >= this.#options.readyCount;
  }

  get usual(): number {
    return this.#count === 0 ? 0 : this.#hits / this.#count;
  }

  /** One second; returns its evidence, to be added up over the block; NaN while it is not known what is usual. */
  step(hits: number, count: number, threshold: number, nowS: number): number {
    if (!this.ready) return Number.NaN;
    const { floor, rise, factor } = this.#options;
    // As if one more hit had been seen: a share of 0 in a few hundred requests is not known to be 0.
    const usual = Math.max(floor, Math.min(0.9, (1.2 * (this.#hits + 0.5)) / (this.#count + 1)));
    const risen = Math.min(0.95, Math.max(usual + rise, usual * factor));
    const llr = risen <= usual ? 0 : shareEvidence(hits, count, usual, risen);
    this.#llr[0] = llr;
    this.alarm.step(this.#llr, threshold, nowS);
    return llr;
  }

  learn(hits: number, count: number, llr: number): void {
    if (count === 0) return;
    this.#llr[0] = llr;
    this.alarm.calibrate(this.#llr);
    this.#hits = this.#hits * DECAY + hits;
    this.#count = this.#count * DECAY + count;
    this.#blocks++;
  }

  forget(): void {
    this.#hits = 0;
    this.#count = 0;
    this.#blocks = 0;
    this.alarm.reset();
  }
}
