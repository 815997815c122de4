/** Finished minutes, encoded: as history stores them, and small enough to keep many. */

/** One server's finished minute. */
export interface Rollup {
  readonly group: string;
  readonly server: string;
  /** Start of the minute, s since the epoch. */
  readonly startS: number;
  /** A tally, encoded. */
  readonly bytes: Buffer;
}

export class KeptMinutes {
  readonly #minutes = new Map<number, Rollup[]>();
  readonly #mostMinutes: number;
  readonly #mostBytes: number;
  #bytes = 0;
  /** Changes with every change. */
  version = 0;

  constructor(mostMinutes: number, mostBytes: number) {
    this.#mostMinutes = mostMinutes;
    this.#mostBytes = mostBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Starts of the minutes that are kept, oldest first. */
  starts(): number[] {
    return [...this.#minutes.keys()].sort((a, b) => a - b);
  }

  /** The servers' rollups of the minute that starts at `startS`. */
  at(startS: number): readonly Rollup[] {
    return this.#minutes.get(startS) ?? [];
  }

  /** Takes a rollup; one of the same server and minute is replaced. */
  add(rollup: Rollup): void {
    const minute = this.#minutes.get(rollup.startS) ?? [];
    const same = minute.findIndex(({ group, server }) => group === rollup.group && server === rollup.server);
    if (same === -1) minute.push(rollup);
    else this.#bytes -= minute.splice(same, 1, rollup)[0]!.bytes.length;
    this.#minutes.set(rollup.startS, minute);
    this.#bytes += rollup.bytes.length;
    this.version++;
    this.#forget();
  }

  clear(): void {
    this.#minutes.clear();
    this.#bytes = 0;
    this.version++;
  }

  #forget(): void {
    if (this.#minutes.size <= this.#mostMinutes && this.#bytes <= this.#mostBytes) return;
    for (const startS of this.starts()) {
      if (this.#minutes.size <= this.#mostMinutes && (this.#bytes <= this.#mostBytes || this.#minutes.size === 1))
        return;
      for (const { bytes } of this.#minutes.get(startS)!) this.#bytes -= bytes.length;
      this.#minutes.delete(startS);
    }
  }
}
