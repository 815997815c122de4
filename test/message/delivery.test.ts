import assert from "node:assert/strict";
import test from "node:test";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import {
  DELIVERY_HEADER_BYTES,
  decodeRecord,
  encodeGap,
  encodeHeartbeat,
  encodePlace,
  type Gap,
  type Heartbeat,
  recordLength,
} from "../../src/message/delivery.ts";
import { encodeBatch, MAX_FRAME_BYTES } from "../../src/message/frame.ts";
import { altered, content, contents } from "./samples.ts";

const places = fc.record({ position: fc.maxSafeNat(), busTimeUs: fc.maxSafeNat() });

function placed(position: number, busTimeUs: number, frame: Buffer): Buffer {
  return Buffer.concat([encodePlace(position, busTimeUs, frame), frame]);
}

const gap: Gap = { kind: "gap", first: 5, last: 9, messages: 1234, reason: "retention" };
const heartbeat: Heartbeat = { kind: "heartbeat", lastPosition: 77, busTimeUs: 88 };
/** One record of each kind. */
const records = {
  batch: placed(17, 1_700_000_000_000_000, encodeBatch(content()).frame),
  gap: encodeGap(gap),
  heartbeat: encodeHeartbeat(heartbeat),
};

test("a decoded record is the batch in its place", () => {
  fc.assert(
    fc.property(contents, places, (what, { position, busTimeUs }) => {
      const batch = encodeBatch(what);
      assert.deepEqual(decodeRecord(placed(position, busTimeUs, batch.frame)), {
        kind: "batch",
        position,
        busTimeUs,
        batch,
      });
    }),
  );
});

test("gaps and heartbeats go through as they are", () => {
  const numbers = fc.tuple(fc.maxSafeNat(), fc.maxSafeNat(), fc.maxSafeNat());
  fc.assert(
    fc.property(numbers, fc.constantFrom("retention", "damage"), ([a, b, messages], reason) => {
      const lost = { kind: "gap", first: Math.min(a, b), last: Math.max(a, b), messages, reason } as const;
      assert.deepEqual(decodeRecord(encodeGap(lost)), lost);
      const beat = { kind: "heartbeat", lastPosition: a, busTimeUs: b } as const;
      assert.deepEqual(decodeRecord(encodeHeartbeat(beat)), beat);
    }),
  );
});

test("records of all kinds that stand one after another are told apart", () => {
  const stream = Buffer.concat([records.heartbeat, records.batch, records.gap, records.batch]);
  const kinds: string[] = [];
  for (let at = 0; at < stream.length; at += recordLength(stream, at)!) kinds.push(decodeRecord(stream, at).kind);
  assert.deepEqual(kinds, ["heartbeat", "batch", "gap", "batch"]);
});

const bad = { name: "LogspreadError", code: "BAD_FRAME", message: /^bad record at byte \d+: .+\. .+/ };

for (const [kind, record] of Object.entries(records)) {
  test(`${kind}: the length is known as soon as its first bytes are there, and undefined before`, () => {
    const enough = kind === "batch" ? DELIVERY_HEADER_BYTES + 4 : DELIVERY_HEADER_BYTES;
    for (let end = 0; end < record.length; end++) {
      assert.equal(recordLength(record.subarray(0, end)), end < enough ? undefined : record.length);
    }
  });

  test(`${kind}: every change of a single byte is refused`, () => {
    for (let at = 0; at < record.length; at++) {
      for (let xor = 1; xor < 256; xor++) {
        // Whole records follow, as on a disk: another length must not find its checksum in them.
        const bytes = Buffer.concat([altered(record, (copy) => (copy[at]! ^= xor)), records.batch]);
        assert.throws(() => decodeRecord(bytes), bad, `byte ${at} ^ ${xor}`);
      }
    }
  });

  test(`${kind}: every truncation is refused`, () => {
    for (let end = 0; end < record.length; end++) assert.throws(() => decodeRecord(record.subarray(0, end)), bad);
  });
}

test("a frame under another frame's place is refused", () => {
  const other = encodeBatch(content({ sequence: 2 })).frame;
  const swapped = Buffer.concat([records.batch.subarray(0, DELIVERY_HEADER_BYTES), other]);
  assert.throws(() => decodeRecord(swapped), { code: "BAD_FRAME", message: /at byte 4: the checksum of its place/ });
});

test("bytes by chance are no record", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 0, maxLength: 80 }), (bytes) => {
      assert.throws(() => decodeRecord(Buffer.from(bytes)), bad);
    }),
  );
});

test("a length over the limit is refused before its bytes are waited for", () => {
  for (const length of [MAX_FRAME_BYTES + 1, 0xffff_ffff, 0]) {
    const bytes = altered(records.batch, (copy) => copy.writeUInt32BE(length, DELIVERY_HEADER_BYTES)).subarray(0, 28);
    assert.throws(() => recordLength(bytes), { code: "BAD_FRAME", message: /at byte 24: length \d+ is not between/ });
  }
});

test("what follows a record is named by its byte if it is none", () => {
  const bytes = Buffer.concat([records.gap, Buffer.alloc(100, "x")]);
  const message = new RegExp(`^bad answer of the node at byte ${records.gap.length}: no record starts here`);
  assert.throws(() => recordLength(bytes, records.gap.length, "answer of the node"), { code: "BAD_FRAME", message });
});

for (const [fault, byte, change] of [
  ["a position over 2^53", 8, (c) => (c[8] = 255)],
  ["a reason from the future", 24, (c) => (c[39] = 2)],
  ["a count over 2^53", 24, (c) => (c[24] = 255)],
  ["a last position before the first", 8, (c) => (c[23] = 4)],
] as [string, number, (copy: Buffer) => unknown][]) {
  test(`a gap with ${fault} and a right checksum is refused`, () => {
    const record = altered(records.gap, (copy) => {
      change(copy);
      copy.writeUInt32BE(crc32(copy.subarray(8)), 4);
    });
    assert.throws(() => decodeRecord(record), {
      code: "BAD_FRAME",
      message: new RegExp(`^bad record at byte ${byte}: `),
    });
  });
}
