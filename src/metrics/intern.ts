/**
 * Bytes to small integers: a value that was seen before gets its number without a string being made of it. Open addressing
 * over one arena of bytes. Bounded by entries and by bytes: a value that does not fit gets no number, and its owner decides
 * whether to forget others (`retain`) or to count it as OTHER.
 */
import { tableHash } from "./hash.ts";

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

export class Intern {
  /** Values that have a number: 0 to size - 1. */
  size = 0;
  /** Values refused because the table was full. */
  refused = 0;
  readonly limits: InternLimits;
  readonly #seed: number;
  /** Pairs: hash, number + 1 (0: free). */
  #slots: Int32Array;
  #mask: number;
  /** Pairs by number: where the value lies in the arena, and its length. */
  #places: Uint32Array;
  #arena: Buffer;
  #view: DataView;
  #used = 0;

  constructor(limits: InternLimits, seed: number) {
    this.limits = limits;
    this.#seed = seed;
    const first = Math.min(64, limits.entries);
    this.#slots = new Int32Array(slotsFor(first) * 2);
    this.#mask = slotsFor(first) - 1;
    this.#places = new Uint32Array(first * 2);
    this.#arena = Buffer.alloc(Math.min(2048, limits.bytes));
    this.#view = viewOf(this.#arena);
  }

  /** Entries for which there is room without growing; columns beside the table grow with it. */
  get room(): number {
    return this.#places.length / 2;
  }

  /** Bytes of memory held. */
  get memory(): number {
    return this.#slots.byteLength + this.#places.byteLength + this.#arena.length;
  }

  /** The number of the value, given to it now if it is new; NONE if it is new and does not fit. `view` is of the same bytes. */
  intern(bytes: Buffer, view: DataView, from: number, to: number): number {
    if (to - from > this.limits.keyBytes) to = from + this.limits.keyBytes;
    const hash = tableHash(view, from, to, this.#seed);
    const slots = this.#slots;
    const mask = this.#mask;
    let at = hash & mask;
    for (let probes = 0; ; probes++) {
      const number = slots[at * 2 + 1]! - 1;
      if (number < 0) return this.#insert(bytes, from, to, hash);
      if (slots[at * 2] === hash && this.#equals(number, view, from, to)) return number;
      if (probes === MAX_PROBES) {
        this.refused++;
        return NONE;
      }
      at = (at + 1) & mask;
    }
  }

  /** The number of the value if it has one, else NONE. */
  find(view: DataView, from: number, to: number): number {
    if (to - from > this.limits.keyBytes) to = from + this.limits.keyBytes;
    const hash = tableHash(view, from, to, this.#seed);
    for (let at = hash & this.#mask, probes = 0; probes <= MAX_PROBES; at = (at + 1) & this.#mask, probes++) {
      const number = this.#slots[at * 2 + 1]! - 1;
      if (number < 0) return NONE;
      if (this.#slots[at * 2] === hash && this.#equals(number, view, from, to)) return number;
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
    this.#slots.fill(0);
    this.size = 0;
    this.#used = 0;
  }

  /**
   * Forgets every value for which `kept` holds 0. The others keep their order and are numbered anew; the owner moves its
   * columns the same way.
   */
  retain(kept: Uint8Array): void {
    let size = 0;
    let used = 0;
    const places = this.#places;
    for (let number = 0; number < this.size; number++) {
      if (kept[number] === 0) continue;
      const from = places[number * 2]!;
      const length = places[number * 2 + 1]!;
      this.#arena.copyWithin(used, from, from + length);
      places[size * 2] = used;
      places[size * 2 + 1] = length;
      used += length;
      size++;
    }
    this.size = size;
    this.#used = used;
    this.#rehash(this.#slots.length / 2);
  }

  #equals(number: number, view: DataView, from: number, to: number): boolean {
    const length = this.#places[number * 2 + 1]!;
    if (length !== to - from) return false;
    const own = this.#view;
    let at = this.#places[number * 2]!;
    for (; from + 4 <= to; from += 4, at += 4) if (own.getInt32(at) !== view.getInt32(from)) return false;
    for (; from < to; from++, at++) if (own.getUint8(at) !== view.getUint8(from)) return false;
    return true;
  }

  #insert(bytes: Buffer, from: number, to: number, hash: number): number {
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
    this.#place(hash, number);
    return number;
  }

  #place(hash: number, number: number): void {
    let at = hash & this.#mask;
    while (this.#slots[at * 2 + 1] !== 0) at = (at + 1) & this.#mask;
    this.#slots[at * 2] = hash;
    this.#slots[at * 2 + 1] = number + 1;
  }

  #growArena(length: number): void {
    const wanted = Math.max(this.#arena.length * 2, this.#used + length);
    const grown = Buffer.alloc(Math.min(wanted, this.limits.bytes));
    this.#arena.copy(grown, 0, 0, this.#used);
    this.#arena = grown;
    this.#view = viewOf(grown);
  }

  #growEntries(): void {
    const room = Math.min(this.room * 2, this.limits.entries);
    const places = new Uint32Array(room * 2);
    places.set(this.#places);
    this.#places = places;
    this.#rehash(slotsFor(room));
  }

  #rehash(slots: number): void {
    const old = this.#slots;
    if (slots * 2 === old.length) this.#slots.fill(0);
    else this.#slots = new Int32Array(slots * 2);
    this.#mask = slots - 1;
    for (let number = 0; number < this.size; number++) {
      const from = this.#places[number * 2]!;
      this.#place(tableHash(this.#view, from, from + this.#places[number * 2 + 1]!, this.#seed), number);
    }
  }
}

/** At most two thirds full, a power of two. */
function slotsFor(entries: number): number {
  return 2 ** Math.ceil(Math.log2(entries * 1.5));
}

/** A view of the same bytes. */
export function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
