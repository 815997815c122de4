/** Tells pages from what they load, by the extension in the path. */

const SLASH = 47;
const DOT = 46;
const QUESTION = 63;
const SEMICOLON = 59;

/** Longer ones are no extensions. */
const MAX_EXTENSION = 16;

/** A test of target bytes: whether the path (up to "?" or ";") ends in a dot and one of `extensions`, in any case. */
export function assetTest(extensions: readonly string[]): (bytes: Uint8Array, from: number, to: number) => boolean {
  const hashes = new Set(
    extensions.map((extension) => hashOf(Buffer.from(extension), 0, Buffer.byteLength(extension))),
  );
  return (bytes, from, to) => {
    let end = from;
    let dot = -1;
    for (; end < to; end++) {
      const byte = bytes[end]!;
      if (byte === QUESTION || byte === SEMICOLON) break;
      if (byte === DOT) dot = end;
      else if (byte === SLASH) dot = -1;
    }
    return dot !== -1 && end - dot - 1 <= MAX_EXTENSION && hashes.has(hashOf(bytes, dot + 1, end));
  };
}

/** FNV-1a of the bytes, letters in lower case: 32 bits tell a few dozen extensions from everything else. */
function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5;
  for (let at = from; at < to; at++) {
    const byte = bytes[at]!;
    hash = Math.imul(hash ^ (byte >= 65 && byte <= 90 ? byte | 32 : byte), 0x01000193);
  }
  return hash;
}
