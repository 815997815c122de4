const MAGIC = 0xfd2fb528;
const DICTIONARY_BYTES = [0, 1, 2, 4] as const;
const SIZE_BYTES = [0, 2, 4, 8] as const;

/**
 * Whether `body` is exactly one zstd frame from its first to its last byte, by its block headers alone (RFC 8878, 3.1.1). A
 * decompressor that goes on from body to body would take a cut end, or bytes behind it, for part of the next.
 */
export function isOneZstdFrame(body: Buffer): boolean {
  if (body.length < 6 || body.readUInt32LE(0) !== MAGIC) return false;
  const descriptor = body[4]!;
  const single = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >> 6;
  const sizeBytes = sizeFlag === 0 && single ? 1 : SIZE_BYTES[sizeFlag as 0 | 1 | 2 | 3];
  let at = 5 + (single ? 0 : 1) + DICTIONARY_BYTES[(descriptor & 3) as 0 | 1 | 2 | 3] + sizeBytes;
  for (let last = false; !last; ) {
    if (at + 3 > body.length) return false;
    const header = body.readUIntLE(at, 3);
    last = (header & 1) === 1;
    const type = (header >> 1) & 3;
    if (type === 3) return false;
    at += 3 + (type === 1 ? 1 : header >> 3);
  }
  return at + ((descriptor & 4) !== 0 ? 4 : 0) === body.length;
}
