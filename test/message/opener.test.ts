import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import zlib from "node:zlib";
import type { Batch } from "../../src/message/batch.ts";
import { batchOfMessages, openBody } from "../../src/message/body.ts";
import { encodeBatch } from "../../src/message/frame.ts";
import { Opener } from "../../src/message/opener.ts";
import { isOneZstdFrame } from "../../src/message/zstd-frame.ts";
import { label } from "./samples.ts";

/** A batch of about `bytes` of text that compresses. */
async function batchOfBytes(bytes: number): Promise<Batch> {
  const word = randomBytes(8).toString("hex");
  return await batchOfMessages(label, [Buffer.from(`${word} and again `.repeat(Math.ceil(bytes / 27)))]);
}

/** A batch whose body claims to be `rawBytes` long. */
function lying(body: Buffer, rawBytes: number): Batch {
  return encodeBatch({ ...label, losses: [], kind: "lines", count: 1, compression: "zstd", rawBytes, body });
}

test("bodies of any size, asked for at once, come out as openBody gives them, in buffers that are used again", async () => {
  const opener = new Opener();
  for (let round = 0; round < 4; round++) {
    const sizes = [10, 1000, 600_000, 3_000_000, 5, 4_194_304, 70_000, 900_000, 9_000_000, 1_000_000];
    const batches = await Promise.all(sizes.map(batchOfBytes));
    const opened = await Promise.all(batches.map((batch) => opener.open(batch)));
    for (const [i, batch] of batches.entries()) assert.ok(opened[i]!.equals(await openBody(batch)), `body ${i}`);
    for (const raw of opened) opener.release(raw);
  }
  opener.close();
});

test("small bodies that cross from buffer to buffer can be released like any other", async () => {
  const opener = new Opener();
  const batch = await batchOfBytes(3000);
  const expected = await openBody(batch);
  for (let i = 0; i < 6000; i++) {
    const raw = await opener.open(batch);
    assert.ok(raw.equals(expected), `body ${i}`);
    opener.release(raw);
  }
  opener.close();
});

test("what was not released keeps its bytes while later bodies come and go", async () => {
  const opener = new Opener();
  const kept = await opener.open(await batchOfBytes(300_000));
  const before = Buffer.from(kept);
  for (let i = 0; i < 40; i++) opener.release(await opener.open(await batchOfBytes(700_000)));
  assert.ok(kept.equals(before));
});

test("a body that is damaged, cut, too long or too short is judged as openBody does, and the next one opens", async () => {
  const opener = new Opener();
  const whole = zlib.zstdCompressSync(Buffer.from("a line\n".repeat(1000)));
  const bomb = zlib.zstdCompressSync(Buffer.alloc(8 * 1024 * 1024));
  const bad: [Buffer, number][] = [
    [randomBytes(200), 7000],
    [whole.subarray(0, whole.length - 3), 7000],
    [whole, 6999],
    [whole, 7001],
    [bomb, 1000],
    [Buffer.concat([whole, Buffer.from("rest")]), 7000],
  ];
  for (const [body, rawBytes] of bad) {
    const batch = lying(body, rawBytes);
    // Whatever openBody says of it, and no more than that.
    const expected = await openBody(batch).catch((error) => error.code);
    assert.deepEqual(await opener.open(batch).catch((error) => error.code), expected);
    assert.equal((await opener.open(lying(whole, 7000))).toString(), "a line\n".repeat(1000));
  }
});

test("exactly one whole zstd frame is told from all else", () => {
  const text = Buffer.from("some text, and again some text\n".repeat(20_000));
  const { ZSTD_c_checksumFlag, ZSTD_c_compressionLevel } = zlib.constants;
  for (const raw of [Buffer.alloc(0), Buffer.from("x"), text, randomBytes(400_000), Buffer.alloc(1_000_000)]) {
    for (const params of [{}, { [ZSTD_c_checksumFlag]: 1 }, { [ZSTD_c_compressionLevel]: 19 }]) {
      const frame = zlib.zstdCompressSync(raw, { params });
      assert.ok(isOneZstdFrame(frame));
      for (const cut of [1, 3, 4, 10]) assert.ok(!isOneZstdFrame(frame.subarray(0, Math.max(0, frame.length - cut))));
      assert.ok(!isOneZstdFrame(Buffer.concat([frame, frame])));
      assert.ok(!isOneZstdFrame(Buffer.concat([frame, Buffer.from([0])])));
    }
  }
});
