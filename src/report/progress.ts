/** A line that says how far reading has come, for whoever waits at a terminal. */
import { bytes, seconds } from "./figures.ts";

/** What is done sooner needs no progress. */
const FIRST_MS = 500;
const EVERY_MS = 200;
const BAR = 24;

export class Progress {
  readonly #write: (text: string) => void;
  readonly #now: () => number;
  readonly #startedMs: number;
  #shownMs: number;
  #shown = false;

  constructor(write: (text: string) => void, now: () => number) {
    this.#write = write;
    this.#now = now;
    this.#startedMs = now();
    this.#shownMs = this.#startedMs + FIRST_MS - EVERY_MS;
  }

  /** So many bytes of so many have been read. */
  show(read: number, of: number | undefined): void {
    const now = this.#now();
    if (now - this.#shownMs < EVERY_MS) return;
    this.#shownMs = now;
    this.#shown = true;
    const elapsed = (now - this.#startedMs) / 1000;
    const rate = `${bytes(read / elapsed)}/s`;
    this.#write(`\r\x1b[K${of === undefined ? `${bytes(read)}, ${rate}` : barText(read, of, elapsed, rate)}`);
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#shown) this.#write("\r\x1b[K");
    this.#shown = false;
  }
}

function barText(read: number, of: number, elapsed: number, rate: string): string {
  const part = of > 0 ? Math.min(1, read / of) : 1;
  const full = Math.round(part * BAR);
  const left = part > 0 ? seconds(Math.ceil((elapsed * (1 - part)) / part)) : "?";
  return `[${"#".repeat(full)}${".".repeat(BAR - full)}] ${Math.floor(part * 100)} %, ${rate}, ${left} left`;
}
