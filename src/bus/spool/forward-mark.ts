/**
 * How far a spool has been forwarded: a small file of two copies, rewritten in turn and in place, so that a kill or power
 * cut in a write leaves the other. Never fsynced: an old mark only means that the bus is sent duplicates, which it knows.
 *
 *     offset size  field (integers big-endian) of each copy, 64 bytes apart
 *       0      4   CRC-32 of bytes 4 to 48
 *       4      1   1: everything was forwarded and the publisher ended in good order
 *       8      8   count of writes: the higher copy is the valid one
 *      16      8   position of the last batch that the bus has acknowledged
 *      24     16   its producer
 *      40      8   its sequence
 */
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { Batch } from "../../message/batch.ts";
import { readUInt53, writeUInt53 } from "../../message/frame.ts";

const COPY_BYTES = 64;
const USED_BYTES = 48;

/** The last acknowledged batch; position 0: none yet. */
export interface Forwarded {
  readonly position: number;
  readonly last: Pick<Batch, "producer" | "sequence"> | undefined;
  readonly clean: boolean;
}

const NOTHING: Forwarded = { position: 0, last: undefined, clean: true };

export class ForwardMark {
  #fd: number;
  #copy = Buffer.alloc(USED_BYTES);
  #writes: number;
  #forwarded: Forwarded;

  private constructor(fd: number, writes: number, forwarded: Forwarded) {
    this.#fd = fd;
    this.#writes = writes;
    this.#forwarded = forwarded;
  }

  static open(folder: string): ForwardMark {
    const fd = openSync(pathIn(folder), "a+", 0o640);
    closeSync(fd);
    const rewritable = openSync(pathIn(folder), "r+");
    const { writes, forwarded } = readCopies(rewritable);
    return new ForwardMark(rewritable, writes, forwarded);
  }

  /** What the mark in `folder` says, without holding the folder. */
  static peek(folder: string): Forwarded {
    let fd: number;
    try {
      fd = openSync(pathIn(folder), "r");
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return NOTHING;
      throw thrown;
    }
    try {
      return readCopies(fd).forwarded;
    } finally {
      closeSync(fd);
    }
  }

  get forwarded(): Forwarded {
    return this.#forwarded;
  }

  /** Throws the system's error if it cannot be written. */
  write({ position, last, clean }: Forwarded): void {
    // A copy: the batch's own memory may be given back.
    const forwarded = {
      position,
      clean,
      last: last && { producer: Buffer.from(last.producer), sequence: last.sequence },
    };
    this.#forwarded = forwarded;
    const copy = this.#copy;
    copy[4] = forwarded.clean ? 1 : 0;
    writeUInt53(copy, ++this.#writes, 8);
    writeUInt53(copy, forwarded.position, 16);
    copy.fill(0, 24, 48);
    if (forwarded.last !== undefined) {
      copy.set(forwarded.last.producer, 24);
      writeUInt53(copy, forwarded.last.sequence, 40);
    }
    copy.writeUInt32BE(crc32(copy.subarray(4)), 0);
    writeSync(this.#fd, copy, 0, USED_BYTES, (this.#writes % 2) * COPY_BYTES);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

function pathIn(folder: string): string {
  return join(folder, "forwarded");
}

function readCopies(fd: number): { writes: number; forwarded: Forwarded } {
  const bytes = Buffer.alloc(2 * COPY_BYTES);
  readSync(fd, bytes, 0, bytes.length, 0);
  let best = { writes: 0, forwarded: NOTHING };
  for (const copy of [bytes.subarray(0, USED_BYTES), bytes.subarray(COPY_BYTES, COPY_BYTES + USED_BYTES)]) {
    if (copy.readUInt32BE(0) !== crc32(copy.subarray(4))) continue;
    const writes = readUInt53(copy, 8);
    const position = readUInt53(copy, 16);
    const sequence = readUInt53(copy, 40);
    if (writes === undefined || position === undefined || sequence === undefined || writes <= best.writes) continue;
    const last = sequence === 0 ? undefined : { producer: Buffer.from(copy.subarray(24, 40)), sequence };
    best = { writes, forwarded: { position, last, clean: copy[4] === 1 } };
  }
  return best;
}
