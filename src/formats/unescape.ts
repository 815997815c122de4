/** Undoing escapes, from one buffer into another. What comes out is never longer than what went in. */

const BACKSLASH = 92;
const PERCENT = 37;
const PLUS = 43;
const SPACE = 32;

/** The byte that a letter behind a backslash stands for in JSON; 0: none. */
const SHORT = new Uint8Array(128);
for (const [letter, byte] of Object.entries({ '"': 34, "\\": 92, "/": 47, b: 8, f: 12, n: 10, r: 13, t: 9 })) {
  SHORT[letter.charCodeAt(0)] = byte;
}

/**
 * A JSON string's escapes, as UTF-8; `\xHH` too, which nginx writes into what should be JSON where `escape=json` was
 * forgotten. What is no escape stays. Returns the end in `out`.
 */
export function unescapeJson(bytes: Uint8Array, from: number, to: number, out: Uint8Array, at: number): number {
  let o = at;
  for (let p = from; p < to; p++) {
    const byte = bytes[p]!;
    if (byte !== BACKSLASH || p + 1 >= to) {
      out[o++] = byte;
      continue;
    }
    const letter = bytes[p + 1]!;
    const short = letter < 128 ? SHORT[letter]! : 0;
    if (short !== 0) {
      out[o++] = short;
      p++;
    } else if (letter === 117 && p + 6 <= to && hex(bytes, p + 2, 4) >= 0) {
      let code = hex(bytes, p + 2, 4);
      p += 5;
      if (code >= 0xd800 && code < 0xdc00 && p + 7 <= to && bytes[p + 1] === BACKSLASH && bytes[p + 2] === 117) {
        const low = hex(bytes, p + 3, 4);
        if (low >= 0xdc00 && low < 0xe000) {
          code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
          p += 6;
        }
      }
      o = utf8(code >= 0xd800 && code < 0xe000 ? 0xfffd : code, out, o);
    } else if (letter === 120 && p + 4 <= to && hex(bytes, p + 2, 2) >= 0) {
      out[o++] = hex(bytes, p + 2, 2);
      p += 3;
    } else out[o++] = byte;
  }
  return o;
}

/** `%HH`, and with `plus` also a plus for a blank. Returns the end in `out`, which may be `bytes` itself from `from` on. */
export function unescapeUrl(
  bytes: Uint8Array,
  from: number,
  to: number,
  out: Uint8Array,
  at: number,
  plus: boolean,
): number {
  let o = at;
  for (let p = from; p < to; p++) {
    const byte = bytes[p]!;
    if (byte === PERCENT && p + 3 <= to && hex(bytes, p + 1, 2) >= 0) {
      out[o++] = hex(bytes, p + 1, 2);
      p += 2;
    } else out[o++] = plus && byte === PLUS ? SPACE : byte;
  }
  return o;
}

/** `digits` hexadecimal digits as a number, or -1. */
function hex(bytes: Uint8Array, at: number, digits: number): number {
  let value = 0;
  for (let p = at; p < at + digits; p++) {
    const byte = bytes[p]!;
    const letter = byte | 32;
    const digit = byte >= 48 && byte <= 57 ? byte - 48 : letter >= 97 && letter <= 102 ? letter - 87 : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

function utf8(code: number, out: Uint8Array, at: number): number {
  let o = at;
  if (code < 0x80) out[o++] = code;
  else if (code < 0x800) {
    out[o++] = 0xc0 | (code >> 6);
    out[o++] = 0x80 | (code & 63);
  } else if (code < 0x10000) {
    out[o++] = 0xe0 | (code >> 12);
    out[o++] = 0x80 | ((code >> 6) & 63);
    out[o++] = 0x80 | (code & 63);
  } else {
    out[o++] = 0xf0 | (code >> 18);
    out[o++] = 0x80 | ((code >> 12) & 63);
    out[o++] = 0x80 | ((code >> 6) & 63);
    out[o++] = 0x80 | (code & 63);
  }
  return o;
}
