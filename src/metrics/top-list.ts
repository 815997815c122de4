/**
 * The values seen most often, in bounded memory, with a bound on what may be missing: Space-Saving (Metwally, Agrawal, El
 * Abbadi: "Efficient computation of frequent and top-k elements in data streams", ICDT 2005). As there, a value that takes
 * a forgotten one's place starts with the count that the forgotten may have had, its `over`; so the true count is between
 * `requests - over` and `requests`. Values are forgotten half a table at a time rather than one by one (Anderson et al.:
 * "A high-performance algorithm for identifying frequent items in data streams", IMC 2017): a request then costs one look
 * into a hash table and no list to keep sorted. A list of `capacity` rows has 2 * capacity places for each of its measures,
 * and no count is off by more than total / capacity.
 */
import type { ByteReader, ByteWriter } from "./bytes-codec.ts";
import { Intern, NONE, viewOf } from "./intern.ts";

/** Columns of a row. A row is one cache line. */
export const REQUESTS = 0;
/** How many requests at most are counted too many. */
export const OVER = 1;
export const BYTES = 2;
/** Requests answered with 5xx. */
export const ERRORS = 3;
/** Requests answered with 404. */
export const NOT_FOUND = 4;
/** Requests that said how long they took. */
export const TIMED = 5;
/** Their sum, µs. */
export const TIME_US = 6;
/** The list's owner's own: a number that comes with the value, NONE until set; not written by `encode`. */
export const AUX = 7;
export const COLUMNS = 8;

/** What is worth keeping a row for. */
export type Measure = typeof REQUESTS | typeof BYTES | typeof NOT_FOUND | typeof TIME_US;

export interface TopListLimits {
  /** Rows that are kept for each measure when others must go. */
  readonly capacity: number;
  /** Longer values are cut. */
  readonly keyBytes: number;
  /** Bytes of all values together. */
  readonly bytes: number;
}

export class TopList {
  readonly measures: readonly Measure[];
  readonly #intern: Intern;
  readonly #places: number;
  readonly #capacity: number;
  rows: Float64Array;
  /** No value without a row has more requests than this: what a new row starts with. */
  floor = 0;
  /** Requests of values that got no row. */
  other = 0;

  constructor(limits: TopListLimits, seed: number, measures: readonly Measure[] = [REQUESTS]) {
    this.measures = measures;
    this.#capacity = limits.capacity;
    this.#places = limits.capacity * (measures.length + 1);
    this.#intern = new Intern({ entries: this.#places, bytes: limits.bytes, keyBytes: limits.keyBytes }, seed);
    this.rows = new Float64Array(this.#intern.room * COLUMNS);
  }

  get size(): number {
    return this.#intern.size;
  }

  get memory(): number {
    return this.#intern.memory + this.rows.byteLength;
  }

  /**
   * Where the value's row begins in `rows`, made now if it has none; NONE if it cannot have one. Holds until the next call.
   * The caller adds to the columns.
   */
  rowOf(bytes: Buffer, view: DataView, from: number, to: number): number {
    const before = this.#intern.size;
    const number = this.#intern.intern(bytes, view, from, to);
    return number >= 0 && number < before ? number * COLUMNS : this.#newRow(bytes, view, from, to, number, before);
  }

  /** The same for a value whose 64 bits of hash are known, which must be those by the list's seed; it is not too long. */
  rowOfHashed(bytes: Buffer, view: DataView, from: number, to: number, high: number, low: number): number {
    const before = this.#intern.size;
    const number = this.#intern.internHashed(bytes, from, to, high, low);
    return number >= 0 && number < before ? number * COLUMNS : this.#newRow(bytes, view, from, to, number, before);
  }

  #newRow(bytes: Buffer, view: DataView, from: number, to: number, number: number, before: number): number {
    if (number === NONE) {
      if (before === 0) return this.#none();
      this.#forget();
      number = this.#intern.intern(bytes, view, from, to);
      if (number === NONE) return this.#none();
    }
    const row = number * COLUMNS;
    if (row === this.rows.length) {
      const grown = new Float64Array(this.#intern.room * COLUMNS);
      grown.set(this.rows);
      this.rows = grown;
    }
    this.rows.fill(0, row, row + COLUMNS);
    this.rows[row + REQUESTS] = this.floor;
    this.rows[row + OVER] = this.floor;
    this.rows[row + AUX] = NONE;
    return row;
  }

  #none(): number {
    this.other++;
    return NONE;
  }

  /** The row of a value if it has one, else NONE; gives none a row. */
  find(key: Buffer): number {
    const number = this.#intern.find(viewOf(key), 0, key.length);
    return number === NONE ? NONE : number * COLUMNS;
  }

  /** The value whose row begins at `row`. */
  keyAt(row: number): Buffer {
    return this.#intern.bytesOf(row / COLUMNS);
  }

  clear(): void {
    this.#intern.clear();
    this.floor = 0;
    this.other = 0;
  }

  /**
   * Beginnings of the rows with most of `column`, most first, at most `limit`; rows with nothing of it are left out. Equals
   * are in the order of their values, so the same counts give the same list.
   */
  top(column: number, limit: number): number[] {
    const rows = this.rows;
    const chosen = this.#largest(column, limit);
    if (chosen.length === limit && limit < this.size) {
      const least = chosen.reduce((value, row) => Math.min(value, rows[row + column]!), Number.POSITIVE_INFINITY);
      const equals: number[] = [];
      for (let row = 0; row < this.size * COLUMNS; row += COLUMNS) if (rows[row + column] === least) equals.push(row);
      const above = chosen.filter((row) => rows[row + column]! > least);
      const first = equals.sort((a, b) => this.#byKey(a, b)).slice(0, limit - above.length);
      return this.#sorted([...above, ...first], column);
    }
    return this.#sorted(chosen, column);
  }

  #sorted(starts: number[], column: number): number[] {
    const rows = this.rows;
    return starts.sort((a, b) => rows[b + column]! - rows[a + column]! || this.#byKey(a, b));
  }

  #byKey(a: number, b: number): number {
    return this.keyAt(a).compare(this.keyAt(b));
  }

  /** The rows with most of `column`, in no order. Of equals at the limit, some. */
  #largest(column: number, limit: number): number[] {
    const rows = this.rows;
    const size = this.size;
    const found: number[] = [];
    if (size <= limit) {
      for (let row = 0; row < size * COLUMNS; row += COLUMNS) if (rows[row + column]! > 0) found.push(row);
      return found;
    }
    const values = new Float64Array(size);
    for (let i = 0; i < size; i++) values[i] = rows[i * COLUMNS + column]!;
    const least = nthSmallest(values, size - limit);
    for (let row = 0; row < size * COLUMNS; row += COLUMNS) if (rows[row + column]! > least) found.push(row);
    if (least <= 0) return found;
    for (let row = 0; row < size * COLUMNS && found.length < limit; row += COLUMNS) {
      if (rows[row + column] === least) found.push(row);
    }
    return found;
  }

  /** Keeps the `capacity` best rows of each measure. */
  #forget(): void {
    const kept = new Uint8Array(this.size);
    // Fewer when long values fill the arena before the rows are all taken: else nothing would be freed.
    const each = Math.min(this.#capacity, Math.floor(this.size / (this.measures.length + 1)));
    for (const measure of this.measures) for (const row of this.#largest(measure, each)) kept[row / COLUMNS] = 1;
    const rows = this.rows;
    let to = 0;
    for (let number = 0; number < kept.length; number++) {
      const from = number * COLUMNS;
      if (kept[number] === 0) {
        if (rows[from + REQUESTS]! > this.floor) this.floor = rows[from + REQUESTS]!;
        continue;
      }
      rows.copyWithin(to, from, from + COLUMNS);
      to += COLUMNS;
    }
    this.#intern.retain(kept);
  }

  /**
   * Adds the other list's rows to these. A value that one side does not have may have had as much there as that side's
   * `floor`: it is added to count and `over`, so that the bounds still hold.
   */
  merge(other: TopList): void {
    for (let row = 0; row < other.size * COLUMNS; row += COLUMNS)
      this.#addRow(other.keyAt(row), other.rows, row, other.floor);
    this.#raise(other.floor);
    this.other += other.other;
  }

  /** Writes the best `limit` rows of each measure (all, if there are no more) as `readInto` takes them. */
  encode(into: ByteWriter, limit: number): void {
    const chosen = new Set<number>();
    for (const measure of this.measures) for (const row of this.#largest(measure, limit)) chosen.add(row);
    let floor = this.floor;
    for (let row = 0; row < this.size * COLUMNS; row += COLUMNS) {
      if (this.rows[row + REQUESTS]! > floor && !chosen.has(row)) floor = this.rows[row + REQUESTS]!;
    }
    into.number(floor);
    into.number(this.other);
    into.integer(chosen.size);
    for (const row of chosen) {
      into.bytes(this.keyAt(row));
      for (let column = 0; column < AUX; column++) into.number(this.rows[row + column]!);
    }
  }

  /** Adds what `encode` wrote to these rows. */
  mergeEncoded(from: ByteReader): void {
    const { floor, other } = eachRow(from, (key, row, floor) => this.#addRow(key, row, 0, floor));
    this.#raise(floor);
    this.other += other;
  }

  #addRow(key: Buffer, source: Float64Array, at: number, floor: number): void {
    const row = this.rowOf(key, viewOf(key), 0, key.length);
    if (row === NONE) {
      this.other += source[at + REQUESTS]! - source[at + OVER]! - 1;
      return;
    }
    const rows = this.rows;
    // `#raise` adds the other's floor to every row in the end; what the other knows of the value stands instead of it.
    rows[row + REQUESTS]! += source[at + REQUESTS]! - floor;
    rows[row + OVER]! += source[at + OVER]! - floor;
    for (let column = BYTES; column <= TIME_US; column++) rows[row + column]! += source[at + column]!;
    if (source[at + AUX] !== NONE) rows[row + AUX] = source[at + AUX]!;
  }

  #raise(floor: number): void {
    if (floor === 0) return;
    for (let row = 0; row < this.size * COLUMNS; row += COLUMNS) {
      this.rows[row + REQUESTS]! += floor;
      this.rows[row + OVER]! += floor;
    }
    this.floor += floor;
  }
}

/**
 * The value that `values` would have at `n` if they were sorted; they are left in another order. Hoare's quickselect (1961):
 * a full list forgets often, and sorting took four times as long.
 */
export function nthSmallest(values: Float64Array, n: number): number {
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const pivot = values[(low + high) >> 1]!;
    let i = low;
    let j = high;
    while (i <= j) {
      while (values[i]! < pivot) i++;
      while (values[j]! > pivot) j--;
      if (i > j) break;
      const swapped = values[i]!;
      values[i++] = values[j]!;
      values[j--] = swapped;
    }
    if (n <= j) high = j;
    else if (n >= i) low = i;
    else return values[n]!;
  }
  return values[n]!;
}

/** Goes through what `encode` wrote: `take` gets each value with its columns, which hold until the next, and the list's floor. */
export function eachRow(
  from: ByteReader,
  take: (key: Buffer, row: Float64Array, floor: number) => void,
): { floor: number; other: number } {
  const floor = from.number();
  const other = from.number();
  const row = new Float64Array(COLUMNS);
  row[AUX] = NONE;
  for (let count = from.integer(); count > 0; count--) {
    const key = from.bytes();
    for (let column = 0; column < AUX; column++) row[column] = from.number();
    take(key, row, floor);
  }
  return { floor, other };
}
