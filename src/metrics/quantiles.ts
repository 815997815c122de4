/**
 * Quantiles of a distribution in bounded memory: buckets of equal relative width, so that every quantile is given with the
 * same relative error, as in DDSketch (Masson, Rim, Lee: "DDSketch: a fast and fully-mergeable quantile sketch with
 * relative-error guarantees", PVLDB 12, 2019, arXiv:1908.10693; the mapping is its "linearly interpolated" one). A value's
 * bucket is its exponent and the first bits of its mantissa, read from the number as it lies in memory: no logarithm.
 */
import type { ByteReader, ByteWriter } from "./bytes-codec.ts";
import type { Quantiles as QuantilesShape } from "./snapshot.ts";

/** Values from 2^48 on (3,000 days in µs, 281 TB) count as that. */
const MAX_EXPONENT = 48;

const BIAS = 1023;

const number = new Float64Array(1);
const words = new Uint32Array(number.buffer);
/** Which of the two words holds exponent and first bits of the mantissa: the machine's byte order decides. */
number[0] = 1;
const HIGH = words[1] !== 0 ? 1 : 0;

export class Quantiles {
  count = 0;
  sum = 0;
  max = 0;
  /** Values below 1. */
  zeros = 0;
  /** Bits of the mantissa: 2^bits buckets from a power of two to the next. */
  readonly bits: number;
  readonly #shift: number;
  readonly #first: number;
  /** Counts of a window of the buckets; `#from` is the first one's index. */
  #counts: Float64Array = new Float64Array(0);
  #from = 0;

  /** With 6 bits the relative error is at most 1/128, with 4 at most 1/32. */
  constructor(bits = 6) {
    this.bits = bits;
    this.#shift = 20 - bits;
    this.#first = BIAS << bits;
  }

  /** Relative error at most: half a bucket at its lower end. */
  get error(): number {
    return 2 ** -(this.bits + 1);
  }

  get memory(): number {
    return this.#counts.byteLength;
  }

  /** Takes a value of 0 or more; what stands behind the point is noticed from 1 on. */
  add(value: number): void {
    this.count++;
    this.sum += value;
    if (value > this.max) this.max = value;
    if (value < 1) {
      this.zeros++;
      return;
    }
    number[0] = value;
    const at = (words[HIGH]! >>> this.#shift) - this.#first - this.#from;
    if (at >= 0 && at < this.#counts.length) this.#counts[at]!++;
    else this.#addOutside(at + this.#from, 1);
  }

  #addOutside(index: number, count: number): void {
    const buckets = 1 << this.bits;
    const bucket = Math.min(index, MAX_EXPONENT * buckets - 1);
    const octave = bucket - (bucket % buckets);
    if (this.#counts.length === 0) {
      this.#from = octave;
      this.#counts = new Float64Array(buckets);
    }
    const from = Math.min(this.#from, octave);
    const to = Math.max(this.#from + this.#counts.length, octave + buckets);
    if (to - from > this.#counts.length) {
      const grown = new Float64Array(to - from);
      grown.set(this.#counts, this.#from - from);
      this.#counts = grown;
      this.#from = from;
    }
    this.#counts[bucket - this.#from]! += count;
  }

  /** The value that a share `q` of all values is at or below. */
  quantile(q: number): number {
    if (this.count === 0) return 0;
    const rank = Math.max(1, Math.ceil(q * this.count));
    let seen = this.zeros;
    if (rank <= seen) return 0;
    for (let i = 0; i < this.#counts.length; i++) {
      seen += this.#counts[i]!;
      if (seen >= rank) return Math.min(middleOf(this.#from + i, this.bits), this.max);
    }
    return this.max;
  }

  /** The sum of ln(value + 1) over all values, as exact as the buckets. */
  logSum(): number {
    let sum = 0;
    for (let i = 0; i < this.#counts.length; i++) {
      if (this.#counts[i]! > 0) sum += this.#counts[i]! * Math.log(middleOf(this.#from + i, this.bits) + 1);
    }
    return sum;
  }

  merge(other: Quantiles): void {
    this.count += other.count;
    this.sum += other.sum;
    this.zeros += other.zeros;
    if (other.max > this.max) this.max = other.max;
    for (let i = 0; i < other.#counts.length; i++) {
      const count = other.#counts[i]!;
      if (count > 0) this.#addFrom(other.#from + i, other.bits, count);
    }
  }

  /** A sketch with more bits is folded into fewer; one with fewer is taken at its buckets' lower ends. */
  #addFrom(index: number, bits: number, count: number): void {
    const own = bits >= this.bits ? index >> (bits - this.bits) : index << (this.bits - bits);
    const at = own - this.#from;
    if (at >= 0 && at < this.#counts.length) this.#counts[at]! += count;
    else this.#addOutside(own, count);
  }

  /** What has been added since `earlier`, an older copy of this, with `bits` of precision; `max` is the bucket's, not exact. */
  since(earlier: Quantiles, bits: number): Quantiles {
    const made = new Quantiles(bits);
    made.count = this.count - earlier.count;
    made.sum = this.sum - earlier.sum;
    made.zeros = this.zeros - earlier.zeros;
    if (made.count === 0) return made;
    for (let i = 0; i < this.#counts.length; i++) {
      const before = earlier.#counts[this.#from + i - earlier.#from] ?? 0;
      const count = this.#counts[i]! - before;
      if (count <= 0) continue;
      made.#addFrom(this.#from + i, this.bits, count);
      made.max = Math.min(this.max, middleOf(this.#from + i, this.bits));
    }
    return made;
  }

  /** Makes this a copy of `other`, which has the same precision. */
  copy(other: Quantiles): void {
    this.count = other.count;
    this.sum = other.sum;
    this.max = other.max;
    this.zeros = other.zeros;
    if (this.#counts.length !== other.#counts.length) this.#counts = other.#counts.slice();
    else this.#counts.set(other.#counts);
    this.#from = other.#from;
  }

  clear(): void {
    this.count = 0;
    this.sum = 0;
    this.max = 0;
    this.zeros = 0;
    this.#counts.fill(0);
  }

  encode(into: ByteWriter): void {
    into.integer(this.bits);
    into.number(this.count);
    into.number(this.sum);
    into.number(this.max);
    into.number(this.zeros);
    let last = 0;
    for (let i = 0; i < this.#counts.length; i++) {
      if (this.#counts[i] === 0) continue;
      into.integer(this.#from + i - last + 1); // the distance to the bucket before; 0 ends the list
      into.integer(this.#counts[i]!);
      last = this.#from + i;
    }
    into.integer(0);
  }

  mergeEncoded(from: ByteReader): void {
    const bits = from.integer();
    this.count += from.number();
    this.sum += from.number();
    this.max = Math.max(this.max, from.number());
    this.zeros += from.number();
    for (let index = 0, step = from.integer(); step > 0; step = from.integer()) {
      index += step - 1;
      this.#addFrom(index, bits, from.integer());
    }
  }

  /** For a snapshot, each value times `unit`; null without values. */
  shape(unit: number): QuantilesShape | null {
    if (this.count === 0) return null;
    const at = (q: number) => this.quantile(q) * unit;
    return {
      count: this.count,
      mean: (this.sum / this.count) * unit,
      p50: at(0.5),
      p90: at(0.9),
      p95: at(0.95),
      p99: at(0.99),
      max: this.max * unit,
      error: this.error,
    };
  }
}

/** What is as far from either end of the bucket, relatively. */
function middleOf(index: number, bits: number): number {
  const buckets = 1 << bits;
  const part = index % buckets;
  const octave = 2 ** ((index - part) / buckets);
  const low = octave * (1 + part / buckets);
  const high = octave * (1 + (part + 1) / buckets);
  return (2 * low * high) / (low + high);
}
