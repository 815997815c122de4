/** The site that a referrer names: "https://user@www.example.org:443/path" is of www.example.org. */

const SLASH = 47;
const COLON = 58;
const AT = 64;
const QUESTION = 63;
const HASH = 35;
const BRACKET = 91;

/** Where the host begins, or -1 if `bytes` from `from` to `to` are no URL with a host. */
export function siteFrom(bytes: Buffer, from: number, to: number): number {
  // "http://": the scheme is short.
  const last = Math.min(to - 2, from + 20);
  for (let at = from; at < last; at++) {
    if (bytes[at] !== COLON) continue;
    if (bytes[at + 1] !== SLASH || bytes[at + 2] !== SLASH || at + 3 >= to) return -1;
    return pastUser(bytes, at + 3, to);
  }
  return -1;
}

function pastUser(bytes: Buffer, from: number, to: number): number {
  for (let at = from; at < to; at++) {
    const byte = bytes[at];
    if (byte === SLASH || byte === QUESTION || byte === HASH) break;
    if (byte === AT) return at + 1;
  }
  return from;
}

/** Where the host that begins at `from` ends. */
export function siteTo(bytes: Buffer, from: number, to: number): number {
  let at = from;
  if (bytes[at] === BRACKET) while (at < to && bytes[at] !== BRACKET + 2) at++;
  for (; at < to; at++) {
    const byte = bytes[at];
    if (byte === SLASH || byte === COLON || byte === QUESTION || byte === HASH) break;
  }
  return at;
}
