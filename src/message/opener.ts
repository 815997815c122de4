/**
 * Opens bodies one after another with one zstd context, into large buffers that are given back at once. `openBody` makes a
 * context and a buffer for each body, of which V8 hears a megabyte and a half and answers with a full collection every few
 * batches: that was a third of a busy node's CPU.
 */
import zlib from "node:zlib";
import type { Batch } from "./batch.ts";
import { badBody, openBody, WINDOW_LOG_MAX } from "./body.ts";
import { reasonOf } from "./error.ts";
import { giveBack } from "./memory.ts";
import { isOneZstdFrame } from "./zstd-frame.ts";

/** Bodies follow each other in buffers of this size; one that crosses the end of a buffer is copied together. */
const BUFFER_BYTES = 4 * 1024 * 1024;

export class Opener {
  #zstd: zlib.ZstdDecompress | undefined;
  #parts: Buffer[] = [];
  #bytes = 0;
  #limit = 0;
  #fail: (error: unknown) => void = () => {};
  #last: Promise<unknown> = Promise.resolve();
  /** For each buffer the bodies in it that were not released. */
  readonly #inUse = new Map<ArrayBufferLike, number>();
  /** The buffer that is being filled. */
  #current: ArrayBufferLike | undefined;

  /** The body as it was before compression, valid until `release`. Rejects with BAD_FRAME as `openBody` does. */
  open(batch: Batch): Promise<Buffer> {
    if (batch.compression === "none") return Promise.resolve(batch.body);
    if (!isOneZstdFrame(batch.body)) return openBody(batch);
    const opened = this.#last.then(() => this.#open(batch));
    this.#last = opened.catch(() => {});
    return opened;
  }

  /** Nobody reads any more what `open` returned. */
  release(raw: Buffer): void {
    const uses = this.#inUse.get(raw.buffer);
    if (uses === undefined) return;
    this.#inUse.set(raw.buffer, uses - 1);
    this.#giveBackUnused(raw.buffer);
  }

  close(): void {
    this.#zstd?.destroy();
    this.#zstd = undefined;
  }

  async #open(batch: Batch): Promise<Buffer> {
    this.#zstd ??= this.#create();
    this.#limit = batch.rawBytes;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#fail = reject;
    let raw: Buffer;
    try {
      this.#zstd.write(batch.body, () => resolve());
      await promise;
      if (this.#bytes !== batch.rawBytes) throw new Error(`it holds ${this.#bytes} bytes, not ${batch.rawBytes}`);
      raw = this.#parts.length === 1 ? this.#parts[0]! : joined(this.#parts, this.#bytes);
    } catch (error) {
      this.close();
      throw badBody(batch, reasonOf(error), error);
    } finally {
      this.#moveOn(this.#parts.at(-1)?.buffer);
      this.#parts = [];
      this.#bytes = 0;
    }
    this.#inUse.set(raw.buffer, (this.#inUse.get(raw.buffer) ?? 0) + 1);
    return raw;
  }

  #moveOn(current: ArrayBufferLike | undefined): void {
    if (current === undefined || current === this.#current) return;
    const before = this.#current;
    this.#current = current;
    if (before !== undefined) this.#giveBackUnused(before);
  }

  #giveBackUnused(buffer: ArrayBufferLike): void {
    if (buffer === this.#current || (this.#inUse.get(buffer) ?? 0) > 0) return;
    this.#inUse.delete(buffer);
    giveBack(new Uint8Array(buffer));
  }

  #create(): zlib.ZstdDecompress {
    const params = { [zlib.constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX };
    const zstd = zlib.createZstdDecompress({ chunkSize: BUFFER_BYTES, params });
    zstd.on("data", (part: Buffer) => {
      if (zstd !== this.#zstd) return;
      this.#parts.push(part);
      this.#bytes += part.length;
      // A few bytes can claim to be gigabytes: stop at once.
      if (this.#bytes > this.#limit) zstd.destroy(new Error(`it holds more than ${this.#limit} bytes`));
    });
    zstd.on("error", (error) => this.#fail(error));
    return zstd;
  }
}

/** As Buffer.concat, but never in the pool that Node's small buffers share, which is not ours to give back. */
function joined(parts: readonly Buffer[], bytes: number): Buffer {
  const whole = Buffer.allocUnsafeSlow(bytes);
  let at = 0;
  for (const part of parts) at += part.copy(whole, at);
  return whole;
}
