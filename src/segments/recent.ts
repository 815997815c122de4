import type { PlacedBatch } from "../message/delivery.ts";

/** The latest batches, bounded by bytes (0: none): followers that keep up read them from here and never touch the disk. */
export class Recent {
  #maxBytes: number;
  #bytes = 0;
  #batches: (PlacedBatch | undefined)[] = [];
  #start = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  add(placed: PlacedBatch): void {
    if (this.#maxBytes === 0) return;
    this.#batches.push(placed);
    this.#bytes += placed.batch.frame.length;
    // The newest one always stays: a follower that waits for it must not need the disk.
    while (this.#bytes > this.#maxBytes && this.#start < this.#batches.length - 1) this.#dropFirst();
    if (this.#start > 1024 && this.#start * 2 > this.#batches.length) {
      this.#batches = this.#batches.slice(this.#start);
      this.#start = 0;
    }
  }

  get(position: number): PlacedBatch | undefined {
    const first = this.#batches[this.#start]?.position;
    return first === undefined || position < first ? undefined : this.#batches[this.#start + position - first];
  }

  /** Forgets everything before `position`, as when the segment that holds it is deleted. */
  dropBefore(position: number): void {
    while (this.#start < this.#batches.length && this.#batches[this.#start]!.position < position) this.#dropFirst();
  }

  #dropFirst(): void {
    this.#bytes -= this.#batches[this.#start]!.batch.frame.length;
    this.#batches[this.#start++] = undefined;
  }
}
