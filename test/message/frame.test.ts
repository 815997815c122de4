import assert from "node:assert/strict";
import test from "node:test";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { type LossReason, MAX_RAW_BYTES } from "../../src/message/batch.ts";
import {
  type BatchContent,
  decodeFrame,
  decodeFrames,
  encodeBatch,
  FRAME_HEADER_BYTES,
  frameLength,
  MAX_FRAME_BYTES,
  readUInt53,
  writeUInt53,
} from "../../src/message/frame.ts";
import { altered, content, contents } from "./samples.ts";

test("a decoded frame is the batch that was encoded", () => {
  fc.assert(
    fc.property(contents, (what) => {
      const batch = encodeBatch(what);
      const decoded = decodeFrame(batch.frame);
      assert.deepEqual(decoded, batch);
      for (const key of Object.keys(what) as (keyof BatchContent)[]) assert.deepEqual(decoded[key], what[key]);
    }),
  );
});

test("frames that stand one after another are decoded in order", () => {
  fc.assert(
    fc.property(fc.array(contents, { maxLength: 5 }), (list) => {
      const batches = list.map(encodeBatch);
      assert.deepEqual(decodeFrames(Buffer.concat(batches.map((batch) => batch.frame))), batches);
    }),
  );
});

test("a frame is decoded wherever it stands", () => {
  const { frame } = encodeBatch(content());
  const bytes = Buffer.concat([Buffer.alloc(13, 1), frame, Buffer.alloc(9, 2)]);
  assert.deepEqual(decodeFrame(bytes, 13), decodeFrame(frame));
});

test("encoding copies the content, so the buffer can be used again", () => {
  const body = Buffer.from("one\ntwo\n");
  const batch = encodeBatch(content({ body }));
  body.fill(0);
  assert.equal(batch.body.toString(), "one\ntwo\n");
  assert.equal(decodeFrame(batch.frame).body.toString(), "one\ntwo\n");
});

test("the layout is the one that the manual draws", () => {
  const losses = [{ reason: "spool-failed", messages: 2 ** 32 + 5 }] as const;
  const { frame } = encodeBatch(
    content({ sequence: 2 ** 40, createdUs: 3, losses, kind: "frames", body: Buffer.alloc(8) }),
  );
  assert.equal(frame.readUInt32BE(0), frame.length);
  assert.equal(frame.readUInt32BE(4), crc32(frame.subarray(8)));
  assert.deepEqual([...frame.subarray(8, 12)], [1, 2, 8, 8]);
  assert.equal(frame.readBigUInt64BE(28), 2n ** 40n);
  assert.equal(frame.readBigUInt64BE(36), 3n);
  assert.deepEqual([frame.readUInt32BE(44), frame.readUInt32BE(48), frame.readUInt32BE(52)], [2, 8, 0x0100_0000]);
  assert.equal(frame.toString("latin1", 56, 72), "coolsitewww@web1");
  assert.deepEqual([frame[72], frame.readBigUInt64BE(73)], [2, 2n ** 32n + 5n]);
  assert.equal(frame.length, 56 + 16 + 9 + 8);
});

// Damage -------------------------------------------------------------------------------------------------------------

const badFrame = { name: "LogspreadError", code: "BAD_FRAME", message: /^bad frame at byte \d+: .+\. .+/ };

test("every change of a single byte is refused", () => {
  const { frame } = encodeBatch(content({ losses: [{ reason: "spool-failed", messages: 1 }] }));
  for (let at = 0; at < frame.length; at++) {
    for (let xor = 1; xor < 256; xor++) {
      assert.throws(() => decodeFrames(altered(frame, (copy) => (copy[at]! ^= xor))), badFrame, `byte ${at} ^ ${xor}`);
    }
  }
});

test("any damage of any frame is refused", () => {
  fc.assert(
    fc.property(contents, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 8 }), (what, where, patch) => {
      const { frame } = encodeBatch(what);
      const at = where % frame.length;
      const damaged = altered(frame, (copy) => copy.set(patch.subarray(0, frame.length - at), at));
      if (!damaged.equals(frame)) assert.throws(() => decodeFrames(damaged), badFrame);
    }),
  );
});

test("every truncation is refused", () => {
  const { frame } = encodeBatch(content());
  for (let end = 1; end < frame.length; end++) assert.throws(() => decodeFrames(frame.subarray(0, end)), badFrame);
});

test("every extension that is no frame is refused, and the byte where it starts is named", () => {
  const { frame } = encodeBatch(content());
  for (let more = 1; more < 70; more++) {
    const why = more < 4 ? /ends after/ : new RegExp(`^bad frame at byte ${frame.length}: length 0 is not between`);
    assert.throws(() => decodeFrames(Buffer.concat([frame, Buffer.alloc(more)])), { code: "BAD_FRAME", message: why });
  }
});

test("bytes by chance are refused and never crash", () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (bytes) => refused(Buffer.from(bytes))));
});

test("bytes by chance behind a right length and checksum decode to what encodes to them, or are refused", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: FRAME_HEADER_BYTES, maxLength: 120 }), (bytes) => {
      const frame = sealed(Buffer.from(bytes), (copy) => {
        copy.set([1, copy[9]! & 3, 1 + (copy[10]! & 3), copy[11]! & 3], 8);
        copy.set([0, 0], 28); // a sequence and a time that are in range
        copy.set([0, 0], 36);
        copy.set([0, 0, 0, copy[47]! & 7], 44);
        copy.writeUInt32BE(Math.max(0, copy.length - FRAME_HEADER_BYTES - copy[10]! - copy[11]!), 48);
        copy.writeUInt32BE(0, 52);
      });
      return refused(frame) || encodeBatch(decodeFrame(frame)).frame.equals(frame);
    }),
    { numRuns: 1000 },
  );
});

/** Whether `bytes` are refused as they must be; a crash or another error fails the test. */
function refused(bytes: Buffer): boolean {
  try {
    decodeFrames(bytes);
    return false;
  } catch (error) {
    assert.equal((error as { code?: string }).code, "BAD_FRAME");
    return true;
  }
}

// A faulty or hostile publisher: the length and the checksum are right ------------------------------------------------

/** `frame` with `change` done and its length and checksum made right again. */
function sealed(frame: Buffer, change: (copy: Buffer) => void): Buffer {
  return altered(frame, (copy) => {
    change(copy);
    copy.writeUInt32BE(copy.length, 0);
    copy.writeUInt32BE(crc32(copy.subarray(8)), 4);
  });
}

for (const [fault, byte, why, change] of [
  ["a version from the future", 8, /version 2 is not known/, (c) => (c[8] = 2)],
  ["flags from the future", 9, /flags 0x04 are not known/, (c) => (c[9] = 4)],
  ["a group's name longer than the frame", 10, /names and losses are longer than the frame/, (c) => (c[10] = 100)],
  ["a sender's name longer than allowed", 11, /sender's name is over 200/, (c) => (c[11] = 201)],
  ["more losses than the frame can hold", 10, /names and losses are longer than the frame/, (c) => (c[52] = 255)],
  ["an empty group", 56, /of its group's name: it is empty/, (c) => (c[10] = 0)],
  ["a group's name with a slash", 56, /of its group's name: it contains "\/"/, (c) => (c[57] = 0x2f)],
  ["a group's name that is not UTF-8", 56, /its names are not UTF-8/, (c) => (c[57] = 0xff)],
  ["a sender's name that is not UTF-8", 56, /its names are not UTF-8/, (c) => (c[64] = 0xff)],
  ["sequence 0", 28, /sequence is out of range/, (c) => c.fill(0, 28, 36)],
  ["a sequence over 2^53", 28, /sequence is out of range/, (c) => (c[28] = 1)],
  ["a time over 2^53", 36, /creation time is out of range/, (c) => (c[36] = 255)],
  [
    "more messages than fit",
    44,
    /4294967295 messages cannot stand in a body of 14/,
    (c) => c.writeUInt32BE(2 ** 32 - 1, 44),
  ],
  ["a body of another size", 48, /body of 15 bytes announced, 14 there/, (c) => c.writeUInt32BE(15, 48)],
  ["a body over the limit", 48, /body of 4294967295 bytes is over/, (c) => c.writeUInt32BE(2 ** 32 - 1, 48)],
  ["bytes that must be zero", 53, /must be zero/, (c) => (c[54] = 1)],
] as [string, number, RegExp, (copy: Buffer) => unknown][]) {
  test(`${fault}: refused at byte ${byte}`, () => {
    const frame = sealed(encodeBatch(content()).frame, change);
    const message = new RegExp(`^bad frame at byte ${byte}: .*${why.source}`);
    assert.throws(() => decodeFrame(frame), { code: "BAD_FRAME", message });
  });
}

test("a loss for an unknown reason, or of too many messages, is refused", () => {
  const { frame } = encodeBatch(content({ losses: [{ reason: "spool-failed", messages: 1 }] }));
  const reason = sealed(frame, (copy) => (copy[72] = 9));
  assert.throws(() => decodeFrame(reason), { code: "BAD_FRAME", message: /at byte 72: reason 9/ });
  const messages = sealed(frame, (copy) => (copy[73] = 255));
  assert.throws(() => decodeFrame(messages), { code: "BAD_FRAME", message: /at byte 73: the count of a loss/ });
});

test("the byte that is named counts from the start of the buffer, and the source is named", () => {
  const good = encodeBatch(content()).frame;
  const bad = sealed(good, (copy) => (copy[8] = 2));
  const bytes = Buffer.concat([good, bad]);
  const message = new RegExp(`^bad body of POST at byte ${good.length + 8}: version 2`);
  assert.throws(() => decodeFrames(bytes, "body of POST"), { code: "BAD_FRAME", message });
});

test("a length that no frame has is refused before anything is read or allocated for it", () => {
  for (const length of [0, 1, FRAME_HEADER_BYTES - 1, MAX_FRAME_BYTES + 1, 0x7fff_ffff, 0xffff_ffff]) {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(length);
    assert.throws(() => frameLength(bytes), { code: "BAD_FRAME", message: new RegExp(`at byte 0: length ${length} `) });
  }
});

test("the longest frame that can be encoded is one that can be decoded", () => {
  const reason: LossReason = "spool-failed";
  const losses = Array.from({ length: 255 }, () => ({ reason, messages: 1 }));
  const names = { group: "g".repeat(200), sender: "s".repeat(200) };
  const batch = encodeBatch(content({ ...names, losses, body: Buffer.alloc(MAX_RAW_BYTES) }));
  assert.equal(batch.frame.length, MAX_FRAME_BYTES);
  assert.equal(decodeFrame(batch.frame).losses.length, 255);
});

for (const [fault, why, changes] of [
  ["a group with a blank", /group's name: it contains " "/, { group: "a b" }],
  ["a sender of 201 bytes", /sender's name is longer than 200 bytes/, { sender: "x".repeat(201) }],
  ["a sender with half a character", /sender's name is not well-formed/, { sender: "\ud800" }],
  ["a producer of 15 bytes", /a producer is 16 bytes, not 15/, { producer: Buffer.alloc(15) }],
  ["sequence 0", /sequence 0 is not 1 or more/, { sequence: 0 }],
  ["sequence 1.5", /sequence 1.5 is not 1 or more/, { sequence: 1.5 }],
  ["a time before 1970", /created -1 is not a time/, { createdUs: -1 }],
  ["half a message", /count 0.5/, { count: 0.5 }],
  ["more messages than bytes", /15 messages cannot stand in 14 bytes/, { count: 15 }],
  ["a body that is too long", /longer than 16777216 bytes/, { rawBytes: MAX_RAW_BYTES + 1, compression: "zstd" }],
  ["sizes that disagree", /its sizes disagree/, { rawBytes: 13 }],
  ["a size that is no number", /a body of NaN bytes/, { rawBytes: Number.NaN, compression: "zstd" }],
  ["a loss of -1 messages", /a loss of -1 messages/, { losses: [{ reason: "spool-failed", messages: -1 }] }],
] as [string, RegExp, Partial<BatchContent>][]) {
  test(`no frame is made of ${fault}`, () => {
    assert.throws(() => encodeBatch(content(changes)), { code: "BAD_ARGUMENT", message: why });
  });
}

test("8-byte integers go through as they are, and those over 2^53 are told apart", () => {
  const bytes = Buffer.alloc(8);
  fc.assert(
    fc.property(fc.maxSafeNat(), (value) => {
      writeUInt53(bytes, value, 0);
      return bytes.readBigUInt64BE() === BigInt(value) && readUInt53(bytes, 0) === value;
    }),
  );
  bytes.writeBigUInt64BE(2n ** 53n);
  assert.equal(readUInt53(bytes, 0), undefined);
});
