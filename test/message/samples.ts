/** Batches for the tests of this folder: made by hand, and by chance. */
import fc from "fast-check";
import { type BodyKind, type Compression, LOSS_REASONS } from "../../src/message/batch.ts";
import type { BatchContent } from "../../src/message/frame.ts";
import { groupNameFault, MAX_NAME_BYTES } from "../../src/message/names.ts";

export const label = {
  group: "coolsite",
  sender: "www@web1",
  producer: Buffer.alloc(16, 7),
  sequence: 1,
  createdUs: 0,
};

/** What a small batch of two lines holds; `changes` replace parts of it. */
export function content(changes: Partial<BatchContent> = {}): BatchContent {
  const body = changes.body ?? Buffer.from("GET /a\nGET /b\n");
  return {
    ...label,
    count: 2,
    kind: "lines",
    losses: [],
    compression: "none",
    rawBytes: body.length,
    body,
    ...changes,
  };
}

export const groupNames = fc
  .string({ unit: "binary", minLength: 1, maxLength: 30 })
  .filter((name) => groupNameFault(name) === undefined);

export const senderNames = fc
  .string({ unit: "binary", maxLength: 60 })
  .filter((name) => Buffer.byteLength(name) <= MAX_NAME_BYTES);

const uint53 = (min: number) =>
  fc.oneof(
    fc.constantFrom(min, Number.MAX_SAFE_INTEGER, 2 ** 32, 2 ** 32 - 1),
    fc.maxSafeNat().filter((n) => n >= min),
  );

const bytes = (minLength: number, maxLength: number) =>
  fc.uint8Array({ minLength, maxLength }).map((array) => Buffer.from(array));

const loss = fc.record({ reason: fc.constantFrom(...LOSS_REASONS), messages: uint53(0) }, { noNullPrototype: true });

/** Anything that a frame can hold. A frame does not look into the body, so that is any bytes. */
export const contents: fc.Arbitrary<BatchContent> = fc
  .record({
    group: groupNames,
    sender: senderNames,
    producer: bytes(16, 16),
    sequence: uint53(1),
    createdUs: uint53(0),
    kind: fc.constantFrom<BodyKind>("lines", "frames"),
    losses: fc.array(loss, { maxLength: 4 }),
    compression: fc.constantFrom<Compression>("none", "zstd"),
    body: bytes(0, 300),
    inflation: fc.nat(100_000),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ inflation, share, ...rest }) => {
    const rawBytes = rest.body.length + (rest.compression === "zstd" ? inflation : 0);
    const most = Math.floor(rawBytes / (rest.kind === "frames" ? 4 : 1));
    return { ...rest, rawBytes, count: Math.floor(most * share) };
  });

/** Messages as programs send them: text, binary, empty, with and without newlines. */
export const messageLists = fc.array(bytes(0, 60), { maxLength: 40 });

/** `frame` with `change` done to a copy of it. */
export function altered(frame: Buffer, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(frame);
  change(copy);
  return copy;
}
