/** A few names, such as methods or browsers, as small numbers, and counts by them that cost no look into a table. */
import { Intern, NONE, viewOf } from "./intern.ts";
import { AUX, BYTES, COLUMNS, ERRORS, NOT_FOUND, REQUESTS, TIME_US, TIMED, type TopList } from "./top-list.ts";

/** What no longer fits is called so. */
const OTHER = Buffer.from("(other)");

export class Names {
  readonly #intern: Intern;
  readonly #other: number;
  /** The name last looked up, if it has three to eight bytes: its length, its first and its last bytes. */
  #lastLength = 0;
  #lastHead = 0;
  #lastTail = 0;
  #last = NONE;

  constructor(entries: number, seed: number) {
    this.#intern = new Intern({ entries, bytes: entries * 48, keyBytes: 48 }, seed);
    this.#other = this.#intern.intern(OTHER, viewOf(OTHER), 0, OTHER.length);
  }

  get size(): number {
    return this.#intern.size;
  }

  /** The number of the name in `bytes`; that of (other) if there are too many. */
  number(bytes: Buffer, view: DataView, from: number, to: number): number {
    const length = to - from;
    if (length < 3 || length > 8) return this.#look(bytes, view, from, to);
    // Nearly every line has the same method and protocol as the one before.
    const short = length === 3;
    const head = short ? bytes[from]! | (bytes[from + 1]! << 8) | (bytes[from + 2]! << 16) : view.getInt32(from, true);
    const tail = short ? 0 : view.getInt32(to - 4, true);
    if (length === this.#lastLength && head === this.#lastHead && tail === this.#lastTail) return this.#last;
    this.#last = this.#look(bytes, view, from, to);
    this.#lastLength = length;
    this.#lastHead = head;
    this.#lastTail = tail;
    return this.#last;
  }

  #look(bytes: Buffer, view: DataView, from: number, to: number): number {
    const number = this.#intern.intern(bytes, view, from, to);
    return number === NONE ? this.#other : number;
  }

  numberOf(name: string): number {
    const bytes = Buffer.from(name);
    return this.number(bytes, viewOf(bytes), 0, bytes.length);
  }

  bytesOf(number: number): Buffer {
    return this.#intern.bytesOf(number);
  }
}

/** Counts by the numbers of names, until `drain` adds them to a list. */
export class NameCounts {
  readonly names: Names;
  rows: Float64Array = new Float64Array(8 * COLUMNS);

  constructor(names: Names) {
    this.names = names;
  }

  /** Where the row of a name begins. */
  rowOf(number: number): number {
    const row = number * COLUMNS;
    if (row >= this.rows.length) this.#grow();
    return row;
  }

  #grow(): void {
    const grown = new Float64Array(Math.max(this.names.size, 8) * 2 * COLUMNS);
    grown.set(this.rows);
    this.rows = grown;
  }

  /** Adds all counts to `list` and starts again from nothing. */
  drain(list: TopList): void {
    const rows = this.rows;
    for (let row = 0; row < rows.length; row += COLUMNS) {
      if (rows[row + REQUESTS] === 0) continue;
      const key = this.names.bytesOf(row / COLUMNS);
      const to = list.rowOf(key, viewOf(key), 0, key.length);
      if (to === NONE) continue;
      for (let column = REQUESTS; column < AUX; column++) list.rows[to + column]! += rows[row + column]!;
    }
    rows.fill(0);
  }
}

/** Adds a request to the row at `row`. */
export function count(rows: Float64Array, row: number, bytes: number, status: number, durationUs: number): void {
  rows[row + REQUESTS]!++;
  if (bytes > 0) rows[row + BYTES]! += bytes;
  if (status >= 500) rows[row + ERRORS]!++;
  else if (status === 404) rows[row + NOT_FOUND]!++;
  if (durationUs >= 0) {
    rows[row + TIMED]!++;
    rows[row + TIME_US]! += durationUs;
  }
}
