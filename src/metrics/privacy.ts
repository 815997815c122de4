/** What is taken out of a request before anything is stored or shown. Works on slices; what changes is written to a scratch buffer. */
import { createHmac, randomBytes } from "node:crypto";
import type { PrivacyConfig } from "./config.ts";
import { Intern, NONE, viewOf } from "./intern.ts";
import type { OwnSlice } from "./slice.ts";

const DOT = 46;
const COLON = 58;
const QUESTION = 63;
const AMPERSAND = 38;
const SEMICOLON = 59;
const EQUALS = 61;
const HASH = 35;
const ZERO = 48;
const STAR = 42;

/** Bytes of a hashed address, written in hexadecimal: 64 bits. */
const HASHED_BYTES = 16;
/** Addresses whose hash is known by heart; then all are forgotten and hashed again as they come. */
const HASHES = 50_000;

/** A page or referrer longer than this is cut before its parameters are looked through. */
const SCRATCH_BYTES = 16 * 1024;

export class Privacy {
  readonly #address: PrivacyConfig["address"];
  readonly #query: "keep" | "drop" | "names";
  readonly #names: readonly Buffer[];
  readonly #key: string | Buffer;
  readonly #hashed: Intern;
  readonly #hashes: Buffer;
  readonly #hashesView: DataView;
  readonly #addressScratch = Buffer.alloc(256);
  readonly #addressView = viewOf(this.#addressScratch);

  constructor(config: PrivacyConfig, seed: number) {
    this.#address = config.address;
    this.#query = typeof config.query === "string" ? config.query : "names";
    this.#names = typeof config.query === "string" ? [] : config.query.map((name) => Buffer.from(name));
    this.#key = config.secret ?? randomBytes(32);
    const entries = config.address === "hash" ? HASHES : 1;
    this.#hashed = new Intern({ entries, bytes: entries * 40, keyBytes: 255 }, seed);
    this.#hashes = Buffer.alloc(entries * HASHED_BYTES);
    this.#hashesView = viewOf(this.#hashes);
  }

  /** All stays as it is. */
  get keepsAll(): boolean {
    return this.#address === "keep" && this.#query === "keep";
  }

  address(slice: OwnSlice): void {
    if (this.#address === "keep" || slice.empty) return;
    if (this.#address === "hash") this.#hash(slice);
    else this.#truncate(slice);
  }

  /** For a page or a referrer; each needs a scratch of its own, as both are looked at together. */
  query(slice: OwnSlice, scratch: Scratch): void {
    if (this.#query === "keep") return;
    const at = indexOf(slice.bytes, QUESTION, slice.from, slice.to);
    if (at === -1) return;
    if (this.#query === "drop") slice.to = at;
    else this.#dropNames(slice, at, scratch);
  }

  #hash(slice: OwnSlice): void {
    const table = this.#hashed;
    let before = table.size;
    let number = table.intern(slice.bytes, slice.view, slice.from, slice.to);
    if (number === NONE) {
      table.clear();
      before = 0;
      number = table.intern(slice.bytes, slice.view, slice.from, slice.to);
      if (number === NONE) {
        slice.clear();
        return;
      }
    }
    const at = number * HASHED_BYTES;
    if (number >= before) {
      const digest = createHmac("sha256", this.#key).update(slice.bytes.subarray(slice.from, slice.to)).digest("hex");
      this.#hashes.write(digest.slice(0, HASHED_BYTES), at, "latin1");
    }
    slice.set(this.#hashes, this.#hashesView, at, at + HASHED_BYTES);
  }

  /** 192.0.2.17 -> 192.0.2.0; 2001:db8:1:2::5 -> 2001:db8:1::; a name's first label -> *. */
  #truncate(slice: OwnSlice): void {
    const { bytes, from } = slice;
    const to = Math.min(slice.to, from + this.#addressScratch.length - 2);
    const out = this.#addressScratch;
    let end = 0;
    let dots = 0;
    let colons = 0;
    let letters = 0;
    for (let at = from; at < to; at++) {
      const byte = bytes[at]!;
      if (byte === DOT) dots++;
      else if (byte === COLON) colons++;
      else if (byte < ZERO || byte > ZERO + 9) letters++;
    }
    if (colons > 0 && dots === 0) {
      for (let at = from, seen = 0; at < to; at++) {
        const byte = bytes[at]!;
        out[end++] = byte;
        if (byte !== COLON) continue;
        if (++seen === 3 || (at + 1 < to && bytes[at + 1] === COLON)) break;
      }
      out[end++] = COLON;
    } else if (dots === 3 && (letters === 0 || colons > 0)) {
      const last = bytes.lastIndexOf(DOT, to - 1);
      end = bytes.copy(out, 0, from, last + 1);
      out[end++] = ZERO;
    } else {
      out[end++] = STAR;
      const dot = indexOf(bytes, DOT, from, to);
      if (dot !== -1) end += bytes.copy(out, end, dot, to);
    }
    slice.set(out, this.#addressView, 0, end);
  }

  #dropNames(slice: OwnSlice, question: number, scratch: Scratch): void {
    const { bytes, from } = slice;
    const to = Math.min(slice.to, from + SCRATCH_BYTES);
    const out = scratch.bytes;
    let end = bytes.copy(out, 0, from, Math.min(question, to));
    let first = true;
    for (let at = question + 1; at < to; ) {
      let next = at;
      while (next < to && bytes[next] !== AMPERSAND && bytes[next] !== SEMICOLON && bytes[next] !== HASH) next++;
      if (!this.#dropped(bytes, at, next)) {
        out[end++] = first ? QUESTION : AMPERSAND;
        end += bytes.copy(out, end, at, next);
        first = false;
      }
      at = next + 1;
    }
    slice.set(out, scratch.view, 0, end);
  }

  #dropped(bytes: Buffer, from: number, to: number): boolean {
    let end = from;
    while (end < to && bytes[end] !== EQUALS) end++;
    for (const name of this.#names) {
      if (name.length === end - from && name.compare(bytes, from, end) === 0) return true;
    }
    return false;
  }
}

/** Buffer's own `indexOf` would look on to the end of the buffer, which holds many lines. */
function indexOf(bytes: Buffer, wanted: number, from: number, to: number): number {
  for (let at = from; at < to; at++) if (bytes[at] === wanted) return at;
  return -1;
}

/** Where a slice that privacy changes is written. */
export class Scratch {
  readonly bytes: Buffer = Buffer.alloc(SCRATCH_BYTES + 16);
  readonly view: DataView = viewOf(this.bytes);
}
