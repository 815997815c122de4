/** Lets any number of waiters sleep until the next `wake`, without polling and without a listener left behind. */
export class Wakeup {
  #waiters = new Set<() => void>();

  /** Resolves at the next `wake`; rejects with the signal's reason once it aborts. */
  wait(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const woken = () => {
        signal.removeEventListener("abort", aborted);
        resolve();
      };
      const aborted = () => {
        this.#waiters.delete(woken);
        reject(signal.reason);
      };
      signal.addEventListener("abort", aborted, { once: true });
      this.#waiters.add(woken);
    });
  }

  wake(): void {
    const waiters = this.#waiters;
    this.#waiters = new Set();
    for (const woken of waiters) woken();
  }
}
