/** A bound for the bytes of publishes that wait: what would go over it is refused or waits its turn. */
export class Budget {
  readonly limit: number;
  #used = 0;
  #waiting: { readonly bytes: number; readonly start: () => void }[] = [];

  constructor(limit: number) {
    this.limit = limit;
  }

  get used(): number {
    return this.#used;
  }

  /** Whether `bytes` more fit. Something always fits when nothing is in flight, so that no size is refused for ever. */
  fits(bytes: number): boolean {
    return this.#waiting.length === 0 && (this.#used === 0 || this.#used + bytes <= this.limit);
  }

  /** Counts `bytes` in, over the limit if need be: for those that were let in and are still arriving. */
  take(bytes: number): void {
    this.#used += bytes;
  }

  /** Resolves when `bytes` are counted in; first come, first served. */
  async takeWhenFits(bytes: number): Promise<void> {
    if (this.fits(bytes)) return this.take(bytes);
    await new Promise<void>((start) => this.#waiting.push({ bytes, start }));
  }

  /** Counts `bytes` out. */
  give(bytes: number): void {
    this.#used -= bytes;
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#used !== 0 && this.#used + next.bytes > this.limit) return;
      this.#waiting.shift();
      this.#used += next.bytes;
      next.start();
    }
  }
}
