/** The latest lines that did not parse, for whoever wants to see why. */
import type { Reason } from "../formats/line-parser.ts";

export interface UnparsedLine {
  readonly group: string;
  readonly server: string;
  readonly timeUs: number;
  readonly reason: Reason;
  /** Its beginning, as it came or masked; make it harmless before showing it. */
  readonly line: Buffer;
}

const MOST = 20;
const MOST_BYTES = 400;

export class UnparsedSamples {
  readonly #asTheyCame: boolean;
  readonly #lines: UnparsedLine[] = [];
  #next = 0;

  /** `asTheyCame`: else letters and digits are masked, as nobody knows where in such a line an address stands. */
  constructor(asTheyCame: boolean) {
    this.#asTheyCame = asTheyCame;
  }

  add(sample: UnparsedLine): void {
    const line = Buffer.from(sample.line.subarray(0, MOST_BYTES));
    if (!this.#asTheyCame) mask(line);
    this.#lines[this.#next] = { ...sample, line };
    this.#next = (this.#next + 1) % MOST;
  }

  /** Oldest first. */
  latest(): UnparsedLine[] {
    return [...this.#lines.slice(this.#next), ...this.#lines.slice(0, this.#next)];
  }
}

/** Keeps the shape: "192.0.2.1 - bob" becomes "999.9.9.9 - xxx". */
function mask(line: Buffer): void {
  for (let i = 0; i < line.length; i++) {
    const byte = line[i]!;
    if (byte >= 48 && byte <= 57) line[i] = 57;
    else if ((byte | 32) >= 97 && (byte | 32) <= 122) line[i] = 120;
    else if (byte >= 128) line[i] = 120;
  }
}
