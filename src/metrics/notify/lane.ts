/** Work that waits in a bounded queue and is done in order, a few pieces at a time. */
export class Lane<Item> {
  readonly #most: number;
  readonly #work: (item: Item, signal: AbortSignal) => Promise<void>;
  readonly #concurrency: number;
  readonly #waiting: Item[] = [];
  readonly #running = new Set<Promise<void>>();
  readonly #closing = new AbortController();

  /** `work` must not reject; its signal aborts when the lane closes. */
  constructor(most: number, concurrency: number, work: (item: Item, signal: AbortSignal) => Promise<void>) {
    this.#most = most;
    this.#concurrency = concurrency;
    this.#work = work;
  }

  /** Never waits; false if the queue is full or closed. */
  add(item: Item): boolean {
    if (this.#closing.signal.aborted || this.#waiting.length >= this.#most) return false;
    this.#waiting.push(item);
    this.#start();
    return true;
  }

  /** Gives up what waits and aborts what runs; resolves when nothing runs any more, with the number of those given up. */
  async close(): Promise<number> {
    const given = this.#waiting.splice(0).length;
    this.#closing.abort();
    await Promise.all(this.#running);
    return given;
  }

  #start(): void {
    while (this.#running.size < this.#concurrency && this.#waiting.length > 0) {
      const running = this.#work(this.#waiting.shift()!, this.#closing.signal).finally(() => {
        this.#running.delete(running);
        this.#start();
      });
      this.#running.add(running);
    }
  }
}
