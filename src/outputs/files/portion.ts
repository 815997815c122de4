/** Lines of one batch for one file. */
export interface Portion {
  readonly path: string;
  /** The time that its path's date parts come from, µs. */
  readonly dateUs: number;
  /** The time its lines are ordered by (order: event-time), µs. */
  readonly eventUs: number;
  /** Where the link to its file is, if links are wanted. */
  readonly link: string | undefined;
  /** Whole lines, each with its newline. */
  readonly bytes: Buffer;
  readonly lines: number;
}

/**
 * Gathers lines of one batch. Lines that follow each other in the batch are one run, and a batch whose lines all go to
 * one file unchanged is never copied.
 */
export class PortionBuilder {
  readonly #raw: Buffer;
  #from = -1;
  #to = -1;
  #copied: Buffer | undefined;
  #length = 0;
  lines = 0;

  constructor(raw: Buffer) {
    this.#raw = raw;
  }

  /** Adds bytes `from` to `to` of the batch. */
  add(from: number, to: number): void {
    if (from !== this.#to) {
      this.#flush();
      this.#from = from;
    }
    this.#to = to;
  }

  /** Adds bytes that do not stand in the batch. */
  addBytes(bytes: Buffer): void {
    this.#flush();
    this.#reserve(bytes.length).set(bytes, this.#length);
    this.#length += bytes.length;
    this.#from = this.#to = -1;
  }

  take(): Buffer {
    if (this.#copied === undefined) {
      return this.#from === 0 && this.#to === this.#raw.length ? this.#raw : this.#raw.subarray(this.#from, this.#to);
    }
    this.#flush();
    this.#from = this.#to = -1;
    return this.#copied.subarray(0, this.#length);
  }

  #flush(): void {
    if (this.#from === -1) return;
    this.#reserve(this.#to - this.#from);
    this.#length += this.#raw.copy(this.#copied!, this.#length, this.#from, this.#to);
  }

  #reserve(bytes: number): Buffer {
    const wanted = this.#length + bytes;
    if (this.#copied === undefined || this.#copied.length < wanted) {
      const grown = Buffer.allocUnsafe(Math.max(1024, wanted, this.#length * 2));
      this.#copied?.copy(grown, 0, 0, this.#length);
      this.#copied = grown;
    }
    return this.#copied;
  }
}
