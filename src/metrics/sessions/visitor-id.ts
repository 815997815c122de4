/**
 * The id under which a visitor is shown: the 64-bit hash that tells visitors apart, enciphered with a key of the day. So the
 * id says nothing of the address to whoever lacks the salt, it is the same all day, a new one comes with the next day, and
 * the engine finds a visitor by an id without keeping a table of ids.
 */
import { createHash } from "node:crypto";

const DAY_US = 86_400e6;

/** Two 32-bit halves of a visitor's hash, as signed integers. */
export type VisitorHash = readonly [high: number, low: number];

export class VisitorIds {
  readonly #salt: Uint8Array;
  readonly #keys = new Map<number, Int32Array>();

  /** `salt`: bytes chosen by chance; whoever has them and a guess of a visitor can check the guess. */
  constructor(salt: Uint8Array) {
    this.#salt = salt;
  }

  /** The id at `timeUs`: 16 hexadecimal digits. */
  idOf(high: number, low: number, timeUs: number): string {
    const [a, b] = encipher(high, low, this.#keyOf(dayOf(timeUs)));
    return hex(a) + hex(b);
  }

  /** The hashes that `id` may stand for at `timeUs`: that of an id of today, and of yesterday. None if it is no id. */
  hashesOf(id: string, timeUs: number): VisitorHash[] {
    if (!/^[0-9a-f]{16}$/.test(id)) return [];
    const a = Number.parseInt(id.slice(0, 8), 16) | 0;
    const b = Number.parseInt(id.slice(8), 16) | 0;
    const day = dayOf(timeUs);
    return [day, day - 1].map((each) => decipher(a, b, this.#keyOf(each)));
  }

  #keyOf(day: number): Int32Array {
    let key = this.#keys.get(day);
    if (key === undefined) {
      const digest = createHash("sha256").update(this.#salt).update(`visitors of day ${day}`).digest();
      key = Int32Array.from([0, 4, 8, 12], (at) => digest.readInt32BE(at));
      if (this.#keys.size > 2) this.#keys.clear();
      this.#keys.set(day, key);
    }
    return key;
  }
}

function dayOf(timeUs: number): number {
  return Math.floor(timeUs / DAY_US);
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}

/** XTEA, 32 cycles (Needham and Wheeler, "Tea extensions", 1997): node:crypto has no cipher of 64-bit blocks any more. */
const CYCLES = 32;
const DELTA = 0x9e3779b9 | 0;

export function encipher(a: number, b: number, key: Int32Array): VisitorHash {
  let sum = 0;
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    a = (a + ((((b << 4) ^ (b >>> 5)) + b) ^ (sum + key[sum & 3]!))) | 0;
    sum = (sum + DELTA) | 0;
    b = (b + ((((a << 4) ^ (a >>> 5)) + a) ^ (sum + key[(sum >>> 11) & 3]!))) | 0;
  }
  return [a, b];
}

export function decipher(a: number, b: number, key: Int32Array): VisitorHash {
  let sum = Math.imul(DELTA, CYCLES);
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    b = (b - ((((a << 4) ^ (a >>> 5)) + a) ^ (sum + key[(sum >>> 11) & 3]!))) | 0;
    sum = (sum - DELTA) | 0;
    a = (a - ((((b << 4) ^ (b >>> 5)) + b) ^ (sum + key[sum & 3]!))) | 0;
  }
  return [a, b];
}
