/** Numbers and bytes in a row, small numbers in few bytes: what a sketch is written as for another thread or for SQLite. */
import { LogspreadError } from "../message/error.ts";

const SCRATCH = Buffer.alloc(8);

export class ByteWriter {
  #bytes: Buffer = Buffer.alloc(1024);
  #at = 0;

  /** A non-negative safe integer: seven bits a byte, lowest first, the eighth bit says that more follow (LEB128). */
  integer(value: number): void {
    this.#room(8);
    while (value >= 0x80) {
      this.#bytes[this.#at++] = (value % 0x80) | 0x80;
      value = Math.floor(value / 0x80);
    }
    this.#bytes[this.#at++] = value;
  }

  /** Any number, exactly: an integer where it is one that is small, else eight bytes. */
  number(value: number): void {
    if (Number.isSafeInteger(value) && value >= 0 && value < 2 ** 52) {
      this.integer(value + 1);
      return;
    }
    this.integer(0);
    this.#room(8);
    this.#bytes.writeDoubleLE(value, this.#at);
    this.#at += 8;
  }

  bytes(value: Uint8Array): void {
    this.integer(value.length);
    this.#room(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  /** What was written. */
  finish(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#at));
  }

  #room(more: number): void {
    if (this.#at + more <= this.#bytes.length) return;
    const grown = Buffer.alloc(Math.max(this.#bytes.length * 2, this.#at + more));
    this.#bytes.copy(grown);
    this.#bytes = grown;
  }
}

export class ByteReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  integer(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined || scale > 2 ** 49) throw this.damaged("it ends early");
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }

  number(): number {
    const integer = this.integer();
    if (integer > 0) return integer - 1;
    if (this.#at + 8 > this.#bytes.length) throw this.damaged("it ends early");
    this.#bytes.copy(SCRATCH, 0, this.#at, this.#at + 8);
    this.#at += 8;
    return SCRATCH.readDoubleLE(0);
  }

  /** A view of the bytes. */
  bytes(): Buffer {
    const length = this.integer();
    if (this.#at + length > this.#bytes.length) throw this.damaged("it ends early");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** The error to throw when what is read makes no sense. */
  damaged(why: string): LogspreadError {
    return new LogspreadError("BAD_FRAME", {
      what: `cannot read a metrics rollup at byte ${this.#at}`,
      why,
      fix: "Delete the metrics history; it is rebuilt from the bus as far as that reaches",
    });
  }
}
