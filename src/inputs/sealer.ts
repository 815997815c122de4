/**
 * Makes a publisher's batches with one zstd context and one output buffer that live as long as the publisher:
 * `batchOfLines` makes a context of over a megabyte for each batch, which the garbage collector returns late (120 MB
 * resident in a publisher at full speed, 64 MB with this one, and 10% more CPU).
 */
import zlib from "node:zlib";
import type { Batch } from "../message/batch.ts";
import type { Label } from "../message/body.ts";
import { encodeBatch } from "../message/frame.ts";
import { countLines } from "../message/lines.ts";

/** As in message/body.ts: below this, compressing costs more than it saves. */
const MIN_COMPRESS_BYTES = 512;
/** Several batches fit, so that most come out in one piece. */
const OUTPUT_BYTES = 256 * 1024;
const LEVEL = 1;

export class Sealer {
  #zstd: zlib.ZstdCompress | undefined;
  #parts: Buffer[] = [];
  /** zlib's output buffer, and the one before it. */
  #output: ArrayBuffer | undefined;
  #used: ArrayBuffer | undefined;
  #failed: ((error: Error) => void) | undefined;

  /** Makes a batch of `lines`, each of which ends in "\n". One at a time; `lines` must not change meanwhile. */
  async seal(label: Label, lines: Buffer): Promise<Batch> {
    const header = { losses: [], ...label, kind: "lines", count: countLines(lines), rawBytes: lines.length } as const;
    if (lines.length >= MIN_COMPRESS_BYTES) {
      const body = await this.#compress(lines);
      if (body.length < lines.length) {
        const batch = encodeBatch({ ...header, compression: "zstd", body });
        this.#used?.transfer(0);
        this.#used = undefined;
        return batch;
      }
    }
    return encodeBatch({ ...header, compression: "none", body: lines });
  }

  close(): void {
    this.#zstd?.close();
    this.#zstd = undefined;
  }

  #compress(lines: Buffer): Promise<Buffer> {
    const zstd = (this.#zstd ??= this.#open());
    return new Promise((resolve, reject) => {
      this.#failed = reject;
      zstd.write(lines);
      // ZSTD_e_end closes the zstd frame; the next write begins another with the same context.
      zstd.flush(zlib.constants.ZSTD_e_end, () => {
        const parts = this.#parts;
        this.#parts = [];
        resolve(parts.length === 1 ? parts[0]! : Buffer.concat(parts));
      });
    });
  }

  #open(): zlib.ZstdCompress {
    const params = { [zlib.constants.ZSTD_c_compressionLevel]: LEVEL };
    const zstd = zlib.createZstdCompress({ chunkSize: OUTPUT_BYTES, params });
    zstd.on("data", (part: Buffer) => {
      // zlib fills one output buffer after the other: the one before is done with when its last part is in a frame.
      if (part.buffer !== this.#output) this.#used = this.#output;
      this.#output = part.buffer as ArrayBuffer;
      this.#parts.push(part);
    });
    zstd.on("error", (error) => {
      this.#zstd = undefined;
      this.#parts = [];
      this.#failed?.(error);
    });
    return zstd;
  }
}
