/**
 * Bytes to small integers: a value that was seen before gets its number without a string being made of it, and without a
 * look at the stored bytes: it is known by 64 bits of hash under a seed chosen by chance, which are the same for two of a
 * million values once in 37 million runs. So a look touches one place of one table. Bounded by entries and by bytes: a
 * value that does not fit gets no number, and its owner decides whether to forget others (`retain`) or to do without.
 */
import { hash64 } from "./hash.ts";

/** Instead of a number, for what does not fit. */
export const NONE = -1;

/** A value that cannot be placed within so many steps is refused: whoever aims at the table gains nothing. */
const MAX_PROBES = 128;

export interface InternLimits {
  /** Most values. */
  readonly entries: number;
  /** Most bytes of values together. */
  readonly bytes: number;
  /** A longer value is cut to this. */
  readonly keyBytes: number;
}

/** A slot holds the halves of the hash, the number + 1 (0: free), and nothing: 16 bytes, so that none lies on two cache lines. */
const SLOT = 4;

export class Intern {
  /** Values that have a number: 0 to size - 1. */
  size = 0;
  /** Values refused because the table was full. */
  refused = 0;
  readonly limits: InternLimits;
  readonly #seed: number;
  readonly #hash = new Int32Array(2);
  #slots: Int32Array;
  #spare: Int32Array = new Int32Array(0);
  #mask: number;
  /** Pairs by number: where the value lies in the arena, and its length. */
  #places: Uint32Array;
  #arena: Buffer;
  #used = 0;

  constructor(limits: InternLimits, seed: number) {
    this.limits = limits;
    this.#seed = seed;
    const first = Math.min(16, limits.entries);
    this.#slots = new Int32Array(slotsFor(first) * SLOT);
    this.#mask = slotsFor(first) - 1;
    this.#places = new Uint32Array(first * 2);
    this.#arena = Buffer.alloc(Math.min(512, limits.bytes));
  }

  /** Entries for which there is room without growing; columns beside the table grow with it. */
  get room(): number {
    return this.#places.length / 2;
  }

  /** Bytes of memory held. */
  get memory(): number {
    return this.#slots.byteLength + this.#spare.byteLength + this.#places.byteLength + this.#arena.length;
  }

  /** The number of the value, given to it now if it is new; NONE if it is new and does not fit. `view` is of the same bytes. */
  intern(bytes: Buffer, view: DataView, from: number, to: number): number {
    if (to - from > this.limits.keyBytes) to = from + this.limits.keyBytes;
    const hash = this.#hash;
    hash64(view, from, to, this.#seed, hash);
    return this.internHashed(bytes, from, to, hash[0]!, hash[1]!);
  }

  /** The same for a value whose 64 bits of hash are known already. They are those by the table's seed. */
  internHashed(bytes: Buffer, from: number, to: number, first: number, second: number): number {
    const slots = this.#slots;
    const mask = this.#mask;
    let at = first & mask;
    for (let probes = 0; probes < MAX_PROBES; probes++) {
      const number = slots[at * SLOT + 2]!;
      if (number === 0) return this.#insert(bytes, from, to, first, second);
      if (slots[at * SLOT] === first && slots[at * SLOT + 1] === second) return number - 1;
      at = (at + 1) & mask;
    }
    this.refused++;
    return NONE;
  }

  /** The number of the value if it has one, else NONE. */
  find(view: DataView, from: number, to: number): number {
    if (to - from > this.limits.keyBytes) to = from + this.limits.keyBytes;
    hash64(view, from, to, this.#seed, this.#hash);
    const [first, second] = this.#hash;
    for (let at = first! & this.#mask, probes = 0; probes < MAX_PROBES; at = (at + 1) & this.#mask, probes++) {
      const number = this.#slots[at * SLOT + 2]!;
      if (number === 0) return NONE;
      if (this.#slots[at * SLOT] === first && this.#slots[at * SLOT + 1] === second) return number - 1;
    }
    return NONE;
  }

  /** The value, as bytes that hold until the table next changes. */
  bytesOf(number: number): Buffer {
    const at = this.#places[number * 2]!;
    return this.#arena.subarray(at, at + this.#places[number * 2 + 1]!);
  }

  text(number: number): string {
    return this.bytesOf(number).toString("utf8");
  }

  /** Forgets all. The memory stays for the next. */
  clear(): void {
    if (this.size > 0) this.#slots.fill(0);
    this.size = 0;
    this.#used = 0;
  }

  /**
   * Forgets every value for which `kept` holds 0. The others keep their order and are numbered anew; the owner moves its
   * columns the same way.
   */
  retain(kept: Uint8Array): void {
    const places = this.#places;
    const numbers = new Int32Array(this.size).fill(NONE);
    let size = 0;
    let used = 0;
    for (let number = 0; number < this.size; number++) {
      if (kept[number] === 0) continue;
      const from = places[number * 2]!;
      const length = places[number * 2 + 1]!;
      this.#arena.copyWithin(used, from, from + length);
      places[size * 2] = used;
      places[size * 2 + 1] = length;
      used += length;
      numbers[number] = size++;
    }
    this.size = size;
    this.#used = used;
    // A full list forgets again and again: the table of before serves as the next one's.
    const spare = this.#spare.length === this.#slots.length ? this.#spare.fill(0) : new Int32Array(this.#slots.length);
    this.#spare = this.#slots;
    this.#place(this.#slots, spare, numbers);
  }

  #insert(bytes: Buffer, from: number, to: number, first: number, second: number): number {
    const length = to - from;
    if (this.size === this.limits.entries || this.#used + length > this.limits.bytes) {
      this.refused++;
      return NONE;
    }
    if (this.#used + length > this.#arena.length) this.#growArena(length);
    if (this.size === this.room) this.#growEntries();
    const number = this.size++;
    bytes.copy(this.#arena, this.#used, from, to);
    this.#places[number * 2] = this.#used;
    this.#places[number * 2 + 1] = length;
    this.#used += length;
    put(this.#slots, this.#mask, first, second, number);
    return number;
  }

  #growArena(length: number): void {
    const wanted = Math.max(this.#arena.length * 2, this.#used + length);
    const grown = Buffer.alloc(Math.min(wanted, this.limits.bytes));
    this.#arena.copy(grown, 0, 0, this.#used);
    this.#arena = grown;
  }

  #growEntries(): void {
    const room = Math.min(this.room * 2, this.limits.entries);
    const places = new Uint32Array(room * 2);
    places.set(this.#places);
    this.#places = places;
    if (slotsFor(room) * SLOT > this.#slots.length) {
      this.#mask = slotsFor(room) - 1;
      this.#place(this.#slots, new Int32Array(slotsFor(room) * SLOT), undefined);
    }
  }

  /** Moves the slots to another table; `numbers` gives each number its new one, or NONE. */
  #place(from: Int32Array, to: Int32Array, numbers: Int32Array | undefined): void {
    for (let at = 0; at < from.length; at += SLOT) {
      if (from[at + 2] === 0) continue;
      const old = from[at + 2]! - 1;
      const number = numbers === undefined ? old : numbers[old]!;
      if (number !== NONE) put(to, this.#mask, from[at]!, from[at + 1]!, number);
    }
    this.#slots = to;
  }
}

function put(slots: Int32Array, mask: number, first: number, second: number, number: number): void {
  let at = first & mask;
  while (slots[at * SLOT + 2] !== 0) at = (at + 1) & mask;
  slots[at * SLOT] = first;
  slots[at * SLOT + 1] = second;
  slots[at * SLOT + 2] = number + 1;
}

/** At most two thirds full, a power of two. */
function slotsFor(entries: number): number {
  return 2 ** Math.ceil(Math.log2(entries * 1.5));
}

/** A view of the same bytes. */
export function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
