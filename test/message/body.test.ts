import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import test from "node:test";
import zlib from "node:zlib";
import fc from "fast-check";
import { type Batch, MAX_RAW_BYTES } from "../../src/message/batch.ts";
import { batchOfLines, batchOfMessages, messagesOf, openBody } from "../../src/message/body.ts";
import { decodeFrame, encodeBatch } from "../../src/message/frame.ts";
import { content, label, messageLists } from "./samples.ts";

async function messages(batch: Batch): Promise<Buffer[]> {
  return [...messagesOf(batch, await openBody(batch))].map((message) => Buffer.from(message));
}

test("any messages come out of a batch as they went in", async () => {
  await fc.assert(
    fc.asyncProperty(messageLists, async (list) => {
      const batch = await batchOfMessages(label, list);
      assert.equal(batch.count, list.length);
      assert.deepEqual(await messages(decodeFrame(batch.frame)), list);
    }),
  );
});

test("messages without a newline stand as lines, others as frames", async () => {
  const plain = [Buffer.from("a"), Buffer.alloc(0), Buffer.from([0, 255, 13])];
  assert.equal((await batchOfMessages(label, plain)).kind, "lines");
  assert.equal((await batchOfMessages(label, [...plain, Buffer.from("x\ny")])).kind, "frames");
});

test("lines are counted and come out byte for byte", async () => {
  const bytes = Buffer.from("GET /\n\nGET /\xe4\xff\0\n", "latin1");
  const batch = await batchOfLines(label, bytes);
  assert.deepEqual([batch.kind, batch.count, batch.rawBytes], ["lines", 3, bytes.length]);
  assert.deepEqual(await openBody(batch), bytes);
});

test("lines whose last one does not end are refused, so that no message is lost or joined", async () => {
  await assert.rejects(batchOfLines(label, Buffer.from("a\nb")), { code: "BAD_ARGUMENT", message: /newline/ });
});

test("a long body is compressed, one that zstd cannot shorten is not", async () => {
  const log = Buffer.from('127.0.0.1 - - [01/Jan/2026:00:00:00 +0000] "GET / HTTP/1.1" 200 512\n'.repeat(1000));
  const noise = createHash("shake256", { outputLength: 4096 }).update("noise").digest();
  assert.ok((await batchOfLines(label, log)).body.length < log.length / 10);
  const { compression, body } = await batchOfMessages(label, [noise]);
  assert.deepEqual([compression, body.length], ["none", noise.length + (noise.includes(10) ? 4 : 1)]);
});

test("compressed lines come out byte for byte", async () => {
  const bytes = Buffer.from(Array.from({ length: 2000 }, (_, i) => `line ${i}\n`).join(""));
  const batch = await batchOfLines(label, bytes);
  assert.equal(batch.compression, "zstd");
  assert.deepEqual(await openBody(decodeFrame(batch.frame)), bytes);
});

test("no messages make an empty batch, which may carry losses", async () => {
  const losses = [{ reason: "spool-failed", messages: 3 }] as const;
  const batch = await batchOfMessages({ ...label, losses }, []);
  assert.deepEqual([batch.count, batch.rawBytes, decodeFrame(batch.frame).losses], [0, 0, losses]);
  assert.deepEqual(await messages(batch), []);
});

test("a body over the limit is refused", async () => {
  const tooLong = Buffer.alloc(MAX_RAW_BYTES + 1, "\n");
  await assert.rejects(batchOfLines(label, tooLong), { code: "BAD_ARGUMENT", message: /longer than 16777216 bytes/ });
});

test("a body of just the limit goes through", async () => {
  const bytes = Buffer.alloc(MAX_RAW_BYTES, "\n");
  assert.equal((await openBody(await batchOfLines(label, bytes))).equals(bytes), true);
});

// What a faulty or hostile publisher can put into a frame that is right in itself ---------------------------------------

const badBody = { code: "BAD_FRAME", message: /^bad body in sequence 1 of producer (07){16} to coolsite: / };

function compressed(raw: Buffer, rawBytes: number, params = {}): Batch {
  return encodeBatch(
    content({ compression: "zstd", body: zlib.zstdCompressSync(raw, { params }), rawBytes, count: 0 }),
  );
}

test("a body that inflates to more than it announced is refused, and no more is ever allocated for it", async () => {
  const bomb = compressed(Buffer.alloc(256 * 1024 * 1024), 1000);
  assert.ok(bomb.frame.length < 100_000);
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  const opening = assert.rejects(openBody(bomb), badBody);
  const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().arrayBuffers)), 1);
  await opening.finally(() => clearInterval(watch));
  assert.ok(Math.max(most, process.memoryUsage().arrayBuffers) - before < 1024 * 1024);
});

test("a body that inflates to less than it announced is refused", async () => {
  await assert.rejects(openBody(compressed(Buffer.alloc(999), 1000)), {
    ...badBody,
    message: /it holds 999 bytes, not 1000/,
  });
});

test("a body that is not zstd, or is cut, is refused", async () => {
  const raw = Buffer.from("some line\n".repeat(200));
  const whole = zlib.zstdCompressSync(raw);
  for (const body of [raw, whole.subarray(0, -1), whole.subarray(0, 5), Buffer.alloc(0)]) {
    await assert.rejects(openBody(encodeBatch(content({ compression: "zstd", body, rawBytes: raw.length }))), badBody);
  }
});

test("a body that asks for a window of 128 MiB is refused", async () => {
  const raw = Buffer.alloc(2000, "line\n");
  /** A zstd frame of one stored block that asks for a window of 2^log bytes (RFC 8878, section 3.1.1). */
  const asking = (log: number) => {
    const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, (log - 10) << 3, 0, 0, 0]);
    header.writeUIntLE((raw.length << 3) | 1, 6, 3);
    const body = Buffer.concat([header, raw]);
    return encodeBatch(content({ compression: "zstd", body, rawBytes: raw.length, count: 400 }));
  };
  assert.deepEqual(await openBody(asking(24)), raw);
  await assert.rejects(openBody(asking(27)), { ...badBody, message: /too much memory/ });
});

for (const [fault, why, kind, count, bytes] of [
  ["fewer lines than announced", /it holds 2 messages, not 3/, "lines", 3, "a\nb\n"],
  ["more lines than announced", /2 bytes follow its 1 messages/, "lines", 1, "a\nb\n"],
  ["a last line that does not end", /1 bytes follow its 1 messages/, "lines", 1, "a\nb"],
  ["a message that is cut", /message 0 of 1 is cut/, "frames", 1, "\0\0\0\x05abc"],
  ["a length that is cut", /message 1 of 2 is cut/, "frames", 2, "\0\0\0\x01a\0\0\0"],
  ["a message of 4 GiB", /message 0 of 1 is cut/, "frames", 1, "\xff\xff\xff\xffabc"],
  ["bytes behind the last message", /1 bytes follow its 1 messages/, "frames", 1, "\0\0\0\0x"],
] as [string, RegExp, "lines" | "frames", number, string][]) {
  test(`a body of ${kind} with ${fault} is refused`, async () => {
    const batch = encodeBatch(content({ kind, count, body: Buffer.from(bytes, "latin1") }));
    await assert.rejects(messages(batch), { ...badBody, message: why });
  });
}

test("any body of any kind gives as many messages as announced or is refused", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 40 }),
      fc.constantFrom("lines" as const, "frames" as const),
      fc.nat(10),
      async (bytes, kind, count) => {
        fc.pre(count * (kind === "frames" ? 4 : 1) <= bytes.length);
        const batch = encodeBatch(content({ kind, count, body: Buffer.from(bytes) }));
        try {
          assert.equal((await messages(batch)).length, count);
        } catch (error) {
          assert.equal((error as { code?: string }).code, "BAD_FRAME");
        }
      },
    ),
  );
});
