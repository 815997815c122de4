/**
 * The wanted values of a JSON object, found in its bytes: keys are walked, what is not wanted is passed over, nothing is
 * built. Tolerant: it sees to it that it can go on, not that every byte is JSON.
 */
import { LogspreadError } from "../message/error.ts";
import { closingQuote } from "./quoted.ts";
import { unescapeJson } from "./unescape.ts";

const QUOTE = 34;
const BACKSLASH = 92;
const COMMA = 44;
const COLON = 58;
const OPEN = 123;
const CLOSE = 125;
const OPEN_LIST = 91;
const CLOSE_LIST = 93;

/** What is wanted at one place of the object. */
interface Node {
  /** Number of the path that ends here; -1 if none does. */
  leaf: number;
  /** Wanted keys, by their length. */
  readonly keys: { readonly bytes: Buffer; readonly node: Node }[][];
  /** Wanted items of a list. */
  readonly items: (Node | undefined)[];
}

/** Splits "request.headers.User-Agent[0]"; a backslash before a point makes it part of the key. Throws BAD_CONFIG. */
function stepsOf(path: string): (string | number)[] {
  const steps: (string | number)[] = [];
  const step = /(?:^|\.)((?:[^.[\]\\]|\\.)+)|\[(\d{1,3})\]/y;
  while (steps.length === 0 || step.lastIndex < path.length) {
    const found = step.exec(path);
    if (found === null || (steps.length === 0 && found[1] === undefined)) {
      throw new LogspreadError("BAD_CONFIG", {
        what: `path ${JSON.stringify(path)}`,
        why: "it does not say keys and list items",
        fix: "Write it as in request.headers.User-Agent[0]; \\. is a point within a key",
      });
    }
    steps.push(found[1] === undefined ? Number(found[2]) : found[1].replace(/\\(.)/g, "$1"));
  }
  return steps;
}

function emptyNode(): Node {
  return { leaf: -1, keys: [], items: [] };
}

export class JsonFields {
  /** Start and end of the value of path i at 2i and 2i + 1, strings without their quotes; -1 if absent or null. */
  readonly extents: Int32Array;
  /** 1 where path i's value is a string with backslashes in it. */
  readonly escaped: Uint8Array;
  /** Some string has backslashes. */
  anyEscaped = false;
  /** The path in whose value the object was cut, or -1. */
  cut = -1;
  readonly #root: Node;
  #at = 0;
  #key = Buffer.alloc(256);

  /** Several paths may be the same. Throws BAD_CONFIG for what is none. */
  constructor(paths: readonly string[]) {
    this.extents = new Int32Array(paths.length * 2);
    this.escaped = new Uint8Array(paths.length);
    this.#root = emptyNode();
    for (const [leaf, path] of paths.entries()) {
      let node = this.#root;
      for (const step of stepsOf(path)) {
        if (typeof step === "number") {
          node.items[step] ??= emptyNode();
          node = node.items[step];
        } else {
          const bytes = Buffer.from(step);
          const same = (node.keys[bytes.length] ??= []);
          let next = same.find((key) => key.bytes.equals(bytes));
          if (next === undefined) same.push((next = { bytes, node: emptyNode() }));
          node = next.node;
        }
      }
      node.leaf = leaf;
    }
  }

  /** Finds the values in the object from `from` to `to`. `cut`: it ends too early; what came before is found. */
  scan(bytes: Buffer, from: number, to: number): "whole" | "cut" | "bad" {
    this.extents.fill(-1);
    this.escaped.fill(0);
    this.anyEscaped = false;
    this.cut = -1;
    this.#at = skipBlanks(bytes, from, to);
    if (bytes[this.#at] !== OPEN || this.#at >= to) return "bad";
    this.#at++;
    if (this.#object(bytes, to, this.#root)) return "whole";
    return this.#at >= to ? "cut" : "bad";
  }

  /** Behind its opening brace. False if it does not end as it should; then #at tells where. */
  #object(bytes: Buffer, to: number, node: Node): boolean {
    let at = skipBlanks(bytes, this.#at, to);
    if (at < to && bytes[at] === CLOSE) {
      this.#at = at + 1;
      return true;
    }
    for (;;) {
      this.#at = at;
      if (at >= to || bytes[at] !== QUOTE) return false;
      const start = ++at;
      let escaped = false;
      for (; at < to && bytes[at] !== QUOTE; at++) {
        if (bytes[at] !== BACKSLASH) continue;
        escaped = true;
        at++;
      }
      if (at >= to) {
        this.#at = to;
        return false;
      }
      const child = escaped ? this.#escapedKey(bytes, start, at, node) : childOf(bytes, start, at, node);
      at = skipBlanks(bytes, at + 1, to);
      this.#at = at;
      if (at >= to || bytes[at] !== COLON) return false;
      this.#at = skipBlanks(bytes, at + 1, to);
      if (!this.#value(bytes, to, child)) return false;
      at = skipBlanks(bytes, this.#at, to);
      this.#at = at;
      if (at >= to) return false;
      const next = bytes[at];
      if (next === CLOSE) {
        this.#at = at + 1;
        return true;
      }
      if (next !== COMMA) return false;
      at = skipBlanks(bytes, at + 1, to);
    }
  }

  #escapedKey(bytes: Buffer, from: number, to: number, node: Node): Node | undefined {
    if (to - from > this.#key.length) return undefined; // longer than any that is wanted, escaped or not
    return childOf(this.#key, 0, unescapeJson(bytes, from, to, this.#key, 0), node);
  }

  #list(bytes: Buffer, to: number, node: Node): boolean {
    this.#at = skipBlanks(bytes, this.#at, to);
    if (this.#at < to && bytes[this.#at] === CLOSE_LIST) {
      this.#at++;
      return true;
    }
    for (let item = 0; ; item++) {
      if (!this.#value(bytes, to, node.items[item])) return false;
      this.#at = skipBlanks(bytes, this.#at, to);
      if (this.#at >= to) return false;
      const next = bytes[this.#at];
      if (next !== COMMA && next !== CLOSE_LIST) return false;
      this.#at++;
      if (next === CLOSE_LIST) return true;
      this.#at = skipBlanks(bytes, this.#at, to);
    }
  }

  #value(bytes: Buffer, to: number, node: Node | undefined): boolean {
    const start = this.#at;
    if (start >= to) return false;
    const byte = bytes[start]!;
    const leaf = node === undefined ? -1 : node.leaf;
    if (byte === QUOTE) {
      if (leaf < 0) {
        const end = closingQuote(bytes, start + 1, to);
        this.#at = Math.min(end + 1, to);
        return end < to;
      }
      return this.#string(bytes, start + 1, to, leaf);
    }
    if (byte === OPEN || byte === OPEN_LIST) {
      this.#at++;
      if (node !== undefined && byte === OPEN && node.keys.length > 0) return this.#object(bytes, to, node);
      if (node !== undefined && byte === OPEN_LIST && node.items.length > 0) return this.#list(bytes, to, node);
      return this.#nested(bytes, to);
    }
    let end = start;
    while (end < to && !endsScalar(bytes[end]!)) end++;
    this.#at = end;
    if (end === start) return false;
    // A number at the very end may be the beginning of a longer one.
    if (leaf >= 0) {
      const isNumber = byte === 45 || (byte >= 48 && byte <= 57);
      this.extents[leaf * 2] = isNumber && end < to ? start : -1;
      this.extents[leaf * 2 + 1] = isNumber && end < to ? end : -1;
    }
    return true;
  }

  #string(bytes: Buffer, start: number, to: number, leaf: number): boolean {
    let end = start;
    let escaped = 0;
    for (; end < to; end++) {
      const byte = bytes[end];
      if (byte === QUOTE) break;
      if (byte !== BACKSLASH) continue;
      escaped = 1;
      end++;
    }
    if (end >= to) {
      end = to;
      this.cut = leaf;
    }
    this.extents[leaf * 2] = start;
    this.extents[leaf * 2 + 1] = end;
    this.escaped[leaf] = escaped;
    if (escaped === 1) this.anyEscaped = true;
    this.#at = Math.min(end + 1, to);
    return this.cut < 0;
  }

  /** Passes over an object or list of which nothing is wanted, however deep. */
  #nested(bytes: Buffer, to: number): boolean {
    let depth = 1;
    let at = this.#at;
    while (at < to) {
      const byte = bytes[at]!;
      if (byte === QUOTE) at = closingQuote(bytes, at + 1, to);
      else if (byte === OPEN || byte === OPEN_LIST) depth++;
      else if ((byte === CLOSE || byte === CLOSE_LIST) && --depth === 0) {
        this.#at = at + 1;
        return true;
      }
      at++;
    }
    this.#at = to;
    return false;
  }
}

function skipBlanks(bytes: Buffer, from: number, to: number): number {
  let at = from;
  while (at < to && bytes[at]! <= 32) at++;
  return at;
}

function childOf(bytes: Buffer, from: number, to: number, node: Node): Node | undefined {
  const same = node.keys[to - from];
  if (same === undefined) return undefined;
  for (let i = 0; i < same.length; i++) {
    const key = same[i]!;
    let at = 0;
    while (at < key.bytes.length && bytes[from + at] === key.bytes[at]) at++;
    if (at === key.bytes.length) return key.node;
  }
  return undefined;
}

function endsScalar(byte: number): boolean {
  return byte === COMMA || byte === CLOSE || byte === CLOSE_LIST || byte <= 32 || byte === QUOTE || byte === COLON;
}
