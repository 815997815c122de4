/** Lines that are read once, in order, with a bounded look ahead and a short look behind. */
import { countLines, NEWLINE } from "../message/lines.ts";

/** Whole lines that come from one place: each line ends in "\n". */
export interface Piece<From> {
  readonly kind: "lines";
  readonly bytes: Buffer;
  readonly from: From;
}

/** Lines that should stand here and cannot be had any more. Nobody looks past it before it has been dealt with. */
export interface Hole {
  readonly kind: "hole";
  readonly messages: number;
  readonly first: number;
  readonly last: number;
  readonly reason: string;
}

export interface Line<From> {
  /** Without the newline. */
  readonly bytes: Buffer;
  readonly from: From;
  /** Which of the lines of its piece it is, from 0. */
  readonly index: number;
}

/** Look ahead is at most this much, whatever the number of lines. */
const MAX_AHEAD_BYTES = 48 * 1024 * 1024;

/** So much behind the current piece can still be looked at. */
const MAX_BEHIND_BYTES = 16 * 1024 * 1024;
const MAX_BEHIND_PIECES = 4096;

export class LineSource<From> {
  readonly #pieces: AsyncIterator<Piece<From> | Hole>;
  readonly #behind: Piece<From>[] = [];
  #behindBytes = 0;
  /** Pieces read and not yet passed; the first holds the current line, which begins at `#offset` and is its `#index`th. */
  readonly #loaded: Piece<From>[] = [];
  #offset = 0;
  #index = 0;
  #hole: Hole | undefined;
  #ended = false;
  /** Lines from the current one on, as far as they have been looked at; and where the next look goes on. */
  #ahead: Line<From>[] = [];
  #aheadFirst = 0;
  #scan = { piece: 0, offset: 0, index: 0 };
  #aheadBytes = 0;
  /** Lines passed. */
  passed = 0;

  constructor(pieces: AsyncIterable<Piece<From> | Hole>) {
    this.#pieces = pieces[Symbol.asyncIterator]();
  }

  /** The piece with the current line, from that line on; or the hole that comes next; or undefined at the end. */
  async head(): Promise<Buffer | Hole | undefined> {
    if (this.#loaded.length === 0 && !(await this.#load())) return this.#hole;
    return this.#loaded[0]!.bytes.subarray(this.#offset);
  }

  /** Goes past `bytes` of the head; they end where a line ends. */
  pass(bytes: number): void {
    const piece = this.#loaded[0]!;
    const lines = countLines(piece.bytes.subarray(this.#offset, this.#offset + bytes));
    this.#offset += bytes;
    this.#index += lines;
    this.passed += lines;
    this.#dropPassed();
    this.#lookAnew();
  }

  /** Goes past a hole. */
  passHole(): void {
    this.#hole = undefined;
  }

  /** The line `ahead` lines after the current one; undefined past the end, a hole or the furthest look. */
  async line(ahead: number): Promise<Line<From> | undefined> {
    while (this.#ahead.length - this.#aheadFirst <= ahead) if (!(await this.#look())) return undefined;
    return this.#ahead[this.#aheadFirst + ahead];
  }

  /** Goes past lines that `line` has given. */
  passLines(count: number): void {
    for (let i = 0; i < count; i++) {
      const line = this.#ahead[this.#aheadFirst++]!;
      this.#offset += line.bytes.length + 1;
      this.#index++;
      this.#aheadBytes -= line.bytes.length;
      if (this.#dropPassed()) this.#scan.piece--;
    }
    this.passed += count;
    if (this.#aheadFirst > 4096 && this.#aheadFirst * 2 > this.#ahead.length) {
      this.#ahead = this.#ahead.slice(this.#aheadFirst);
      this.#aheadFirst = 0;
    }
  }

  /** Lines just passed, oldest first. */
  *behind(): Generator<Line<From>> {
    for (const piece of this.#behind) yield* linesOf(piece, piece.bytes.length);
    if (this.#loaded.length > 0) yield* linesOf(this.#loaded[0]!, this.#offset);
  }

  /** The place of the current line in its piece, for a source whose head has been seen. */
  current(): { readonly from: From; readonly index: number } | undefined {
    return this.#loaded[0] && { from: this.#loaded[0].from, index: this.#index };
  }

  async #load(): Promise<boolean> {
    while (!this.#ended && this.#hole === undefined) {
      const { value, done } = await this.#pieces.next();
      if (done) this.#ended = true;
      else if (value.kind === "hole") this.#hole = value;
      else if (value.bytes.length > 0) {
        this.#loaded.push(value);
        return true;
      }
    }
    return false;
  }

  async #look(): Promise<boolean> {
    const scan = this.#scan;
    if (this.#aheadBytes > MAX_AHEAD_BYTES) return false;
    if (scan.piece === this.#loaded.length && !(await this.#load())) return false;
    const piece = this.#loaded[scan.piece]!;
    const end = piece.bytes.indexOf(NEWLINE, scan.offset);
    const bytes = piece.bytes.subarray(scan.offset, end);
    this.#ahead.push({ bytes, from: piece.from, index: scan.index });
    this.#aheadBytes += bytes.length;
    if (end + 1 === piece.bytes.length) this.#scan = { piece: scan.piece + 1, offset: 0, index: 0 };
    else this.#scan = { piece: scan.piece, offset: end + 1, index: scan.index + 1 };
    return true;
  }

  #lookAnew(): void {
    this.#ahead = [];
    this.#aheadFirst = 0;
    this.#aheadBytes = 0;
    this.#scan = { piece: 0, offset: this.#offset, index: this.#index };
  }

  #dropPassed(): boolean {
    if (this.#offset < this.#loaded[0]!.bytes.length) return false;
    const passed = this.#loaded.shift()!;
    this.#behind.push(passed);
    this.#behindBytes += passed.bytes.length;
    while (this.#behindBytes > MAX_BEHIND_BYTES || this.#behind.length > MAX_BEHIND_PIECES) {
      this.#behindBytes -= this.#behind.shift()!.bytes.length;
    }
    this.#offset = 0;
    this.#index = 0;
    return true;
  }
}

function* linesOf<From>(piece: Piece<From>, upTo: number): Generator<Line<From>> {
  for (let at = 0, index = 0; at < upTo; index++) {
    const end = piece.bytes.indexOf(NEWLINE, at);
    yield { bytes: piece.bytes.subarray(at, end), from: piece.from, index };
    at = end + 1;
  }
}
