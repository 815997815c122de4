import assert from "node:assert/strict";
import test from "node:test";
import { decipher, encipher } from "../../../src/metrics/sessions/visitor-id.ts";

/** Published test vectors of XTEA: key, plain text and cipher text. */
const VECTORS = [
  ["000102030405060708090a0b0c0d0e0f", "4142434445464748", "497df3d072612cb5"],
  ["000102030405060708090a0b0c0d0e0f", "4141414141414141", "e78f2d13744341d8"],
  ["00000000000000000000000000000000", "4142434445464748", "a0390589f8b8efa5"],
] as const;

function wordsOf(hex: string): Int32Array {
  const bytes = Buffer.from(hex, "hex");
  return Int32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readInt32BE(i * 4));
}

for (const [key, clear, secret] of VECTORS) {
  test(`XTEA turns ${clear} into ${secret} and back`, () => {
    const [a, b] = wordsOf(clear);
    const [c, d] = wordsOf(secret);
    assert.deepEqual(encipher(a!, b!, wordsOf(key)), [c, d]);
    assert.deepEqual(decipher(c!, d!, wordsOf(key)), [a, b]);
  });
}
