/**
 * 64-bit hashes of bytes, as two 32-bit halves. Eight bytes at a time through a DataView, which V8 turns into two loads: on
 * a 110-byte agent several times as fast as a loop over bytes. Each half ends in a finalizer of its own (MurmurHash3's, by
 * Appleby, and one by Wellons, "hash-prospector"; both public domain).
 */

const A = 0x9e3779b1 | 0;
const B = 0x85ebca77 | 0;

/** Seed of hashes that must be the same on every machine: those of sketches that merge. */
export const FIXED = 0x2545f491;

/** Puts the two halves into `out[0]` and `out[1]`. `seed` is chosen by chance for tables, so that nobody can aim at one. */
export function hash64(view: DataView, from: number, to: number, seed: number, out: Int32Array): void {
  let a = seed ^ (to - from);
  let b = Math.imul(seed, A) + B;
  let at = from;
  for (; at + 8 <= to; at += 8) {
    a = Math.imul(a ^ view.getInt32(at, true), A);
    b = Math.imul(b ^ view.getInt32(at + 4, true), B);
    a ^= a >>> 15;
    b ^= b >>> 13;
  }
  if (at + 4 <= to) {
    a = Math.imul(a ^ view.getInt32(at, true), A);
    a ^= a >>> 15;
    at += 4;
  }
  for (; at < to; at++) {
    b = Math.imul(b ^ view.getUint8(at), A);
    b ^= b >>> 13;
  }
  // Each lane reaches both halves: one alone has seen half of the bytes.
  const c = mix(a) + b;
  out[0] = mix(c);
  out[1] = remix(c ^ Math.imul(a, B) ^ ((b << 16) | (b >>> 16)));
}

/** MurmurHash3's 32-bit finalizer: every bit of `h` reaches every bit of the result. */
export function mix(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** A second 32-bit finalizer, with other constants. */
export function remix(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x21f0aaad);
  h = Math.imul(h ^ (h >>> 15), 0x735a2d97);
  return h ^ (h >>> 15);
}

const SCRATCH = new Int32Array(2);

/** First half of the fixed hash; for where speed does not matter. */
export function highHash(view: DataView, from: number, to: number): number {
  hash64(view, from, to, FIXED, SCRATCH);
  return SCRATCH[0]!;
}

/** The other half. */
export function lowHash(view: DataView, from: number, to: number): number {
  hash64(view, from, to, FIXED, SCRATCH);
  return SCRATCH[1]!;
}
