/**
 * A batch's content: made once by the publisher, opened only by outputs that must look inside. Compression runs on
 * Node's thread pool, so the event loop stays free for accepting.
 */
import { promisify } from "node:util";
import zlib from "node:zlib";
import { type Batch, type BatchHeader, type BodyKind, MAX_RAW_BYTES } from "./batch.ts";
import { LogspreadError, reasonOf } from "./error.ts";
import { encodeBatch } from "./frame.ts";
import { countLines, NEWLINE } from "./lines.ts";

/** Level 1: on access logs it compresses as well as level 3 at 1.2 to 1.4 times the speed. */
const LEVEL = 1;

/** A shorter body is stored as it is: below this, zstd's own header and the trip to the thread pool cost more than they save. */
const MIN_COMPRESS_BYTES = 512;

const zstdCompress = promisify(zlib.zstdCompress) as (b: Uint8Array, o: zlib.ZstdOptions) => Promise<Buffer>;
const zstdDecompress = promisify(zlib.zstdDecompress) as (b: Uint8Array, o: zlib.ZstdOptions) => Promise<Buffer>;

/** What a publisher says of a batch; the rest follows from the content. */
export type Label = Omit<BatchHeader, "count" | "kind" | "losses"> & { readonly losses?: BatchHeader["losses"] };

/**
 * Makes a batch of `bytes`, which must not change until the promise resolves. They are lines that each end in "\n"; throws
 * BAD_ARGUMENT if the last one does not.
 */
export async function batchOfLines(label: Label, bytes: Buffer): Promise<Batch> {
  if (bytes.length > 0 && bytes.at(-1) !== NEWLINE) {
    throw new LogspreadError("BAD_ARGUMENT", {
      what: "cannot make a batch",
      why: "its last line does not end in a newline",
      fix: "Correct the publisher: it must cut what it sends at the last newline",
    });
  }
  return seal(label, "lines", countLines(bytes), bytes);
}

/** Makes a batch of any messages: `lines` if none holds a newline, else `frames`. */
export function batchOfMessages(label: Label, messages: readonly Uint8Array[]): Promise<Batch> {
  const kind = messages.some((m) => m.includes(NEWLINE)) ? "frames" : "lines";
  const parts: Uint8Array[] = [];
  for (const message of messages) {
    if (kind === "frames") parts.push(lengthPrefix(message.length), message);
    else parts.push(message, NEWLINE_BYTES);
  }
  return seal(label, kind, messages.length, Buffer.concat(parts));
}

const NEWLINE_BYTES = Buffer.from("\n");

function lengthPrefix(length: number): Buffer {
  const prefix = Buffer.allocUnsafe(4);
  prefix.writeUInt32BE(length);
  return prefix;
}

async function seal(label: Label, kind: BodyKind, count: number, raw: Buffer): Promise<Batch> {
  const header = { losses: [], ...label, kind, count, rawBytes: raw.length };
  if (raw.length >= MIN_COMPRESS_BYTES && raw.length <= MAX_RAW_BYTES) {
    // One output chunk that surely holds the result: the default of 16 KiB would cross to the pool for each.
    const chunkSize = raw.length + (raw.length >> 7) + 1024;
    const params = { [zlib.constants.ZSTD_c_compressionLevel]: LEVEL };
    const body = await zstdCompress(raw, { chunkSize, params });
    if (body.length < raw.length) return encodeBatch({ ...header, compression: "zstd", body });
  }
  return encodeBatch({ ...header, compression: "none", body: raw });
}

/**
 * Log2 of the most memory that a compressed body may ask for to be opened: enough for the largest body. zstd's own limit
 * is 128 MiB, which a few bytes could claim.
 */
export const WINDOW_LOG_MAX = Math.ceil(Math.log2(MAX_RAW_BYTES));

/**
 * The body as it was before compression. Throws BAD_FRAME if it does not decompress to the announced size, which is also
 * the most that is ever allocated for it.
 */
export async function openBody(batch: Batch): Promise<Buffer> {
  if (batch.compression === "none") return batch.body;
  let raw: Buffer;
  try {
    const size = Math.max(batch.rawBytes, 64);
    const params = { [zlib.constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX };
    raw = await zstdDecompress(batch.body, { chunkSize: size, maxOutputLength: size, params });
  } catch (cause) {
    throw badBody(batch, reasonOf(cause), cause);
  }
  if (raw.length !== batch.rawBytes) throw badBody(batch, `it holds ${raw.length} bytes, not ${batch.rawBytes}`);
  return raw;
}

/**
 * The messages of an opened body, without newline or length, as views of `raw`. Yields exactly `batch.count` messages or
 * throws BAD_FRAME. For readers that need single messages; whoever can should work on the whole body.
 */
export function* messagesOf(batch: Batch, raw: Buffer): Generator<Buffer> {
  let at = 0;
  for (let i = 0; i < batch.count; i++) {
    let end: number;
    if (batch.kind === "lines") {
      end = raw.indexOf(NEWLINE, at);
      if (end === -1) throw badBody(batch, `it holds ${i} messages, not ${batch.count}`);
      yield raw.subarray(at, end);
      at = end + 1;
    } else {
      end = at + 4 <= raw.length ? at + 4 + raw.readUInt32BE(at) : Number.POSITIVE_INFINITY;
      if (end > raw.length) throw badBody(batch, `message ${i} of ${batch.count} is cut`);
      yield raw.subarray(at + 4, end);
      at = end;
    }
  }
  if (at !== raw.length) throw badBody(batch, `${raw.length - at} bytes follow its ${batch.count} messages`);
}

/** BAD_FRAME for a body that is not what its header says. */
export function badBody(batch: Batch, why: string, cause?: unknown): LogspreadError {
  return new LogspreadError(
    "BAD_FRAME",
    {
      what: `bad body in sequence ${batch.sequence} of producer ${batch.producer.toString("hex")} to ${batch.group}`,
      why,
      fix: "It was made by a faulty publisher; the batch is skipped and counted",
    },
    { cause },
  );
}
