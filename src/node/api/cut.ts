/** Cuts a stream of bytes at newlines into pieces that each become a batch. Works on whole chunks, never line by line. */
import { countLines, NEWLINE } from "../../message/lines.ts";
import { tooLarge } from "./problem.ts";

export interface CutLimits {
  /** Most bytes in a piece, unless a single line is longer. */
  readonly batchBytes: number;
  /** Longest line, bytes without its newline. */
  readonly messageBytes: number;
  /** The name of the setting of `messageBytes`, for the error. */
  readonly setting: string;
}

/** Whole lines, each ending in "\n"; `firstLine` is the number of the first one in the stream, from 1. */
export interface Piece {
  readonly bytes: Buffer;
  readonly firstLine: number;
  readonly lines: number;
}

const NEWLINE_BYTES = Buffer.from("\n");

export class Cutter {
  readonly #limits: CutLimits;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #hasLine = false;
  #line = 1;

  constructor(limits: CutLimits) {
    this.#limits = limits;
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    this.#hasLine ||= chunk.includes(NEWLINE);
  }

  /** Whether a whole line waits. */
  get hasLine(): boolean {
    return this.#hasLine;
  }

  /** Whether enough waits for a full piece. */
  get full(): boolean {
    return this.#bytes >= this.#limits.batchBytes;
  }

  /**
   * The next full piece or, if `early`, the whole lines that wait, as far as one piece holds them. Throws a Refusal for a
   * line that is too long.
   */
  take(early: boolean): Piece | undefined {
    if (!early && !this.full) return undefined;
    const bytes = this.#joined();
    const { batchBytes, messageBytes } = this.#limits;
    let end = bytes.lastIndexOf(NEWLINE, batchBytes - 1) + 1;
    if (end === 0) end = bytes.indexOf(NEWLINE) + 1; // One line that is longer than a piece.
    if (end === 0 && bytes.length > messageBytes) throw this.#tooLong(0);
    return end === 0 ? undefined : this.#cut(bytes, end);
  }

  /** What is left at the end of the stream, in pieces: a last line without its newline is a line too. */
  *rest(): Generator<Piece> {
    const bytes = this.#joined();
    if (bytes.length > 0 && bytes[bytes.length - 1] !== NEWLINE) this.add(NEWLINE_BYTES);
    for (let piece = this.take(true); piece !== undefined; piece = this.take(true)) yield piece;
  }

  #joined(): Buffer {
    const bytes = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks, this.#bytes);
    this.#chunks = bytes.length === 0 ? [] : [bytes];
    return bytes;
  }

  #cut(all: Buffer, end: number): Piece {
    const bytes = all.subarray(0, end);
    const rest = all.subarray(end);
    this.#checkLengths(bytes);
    const piece = { bytes, firstLine: this.#line, lines: countLines(bytes) };
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#bytes = rest.length;
    this.#hasLine = rest.includes(NEWLINE);
    this.#line += piece.lines;
    return piece;
  }

  /** Jumps from newline to newline, each the last within the longest line allowed: few steps where lines are short. */
  #checkLengths(bytes: Buffer): void {
    const { messageBytes } = this.#limits;
    for (let at = 0; bytes.length - at > messageBytes + 1; ) {
      const newline = bytes.lastIndexOf(NEWLINE, at + messageBytes);
      if (newline < at) throw this.#tooLong(countLines(bytes.subarray(0, at)));
      at = newline + 1;
    }
  }

  #tooLong(linesBefore: number): Error {
    const { messageBytes, setting } = this.#limits;
    return tooLarge(
      `line ${this.#line + linesBefore} is too long`,
      `it has more than ${messageBytes} bytes`,
      `Send shorter lines, or raise ${setting}`,
    );
  }
}
