/** The engine's own slices: set anew for each line. */
import { viewOf } from "./intern.ts";
import type { Slice } from "./request.ts";

const NOTHING = Buffer.alloc(0);
const NO_VIEW = viewOf(NOTHING);

export class OwnSlice implements Slice {
  bytes: Buffer = NOTHING;
  /** Of the same bytes. */
  view: DataView = NO_VIEW;
  from = 0;
  to = 0;

  set(bytes: Buffer, view: DataView, from: number, to: number): void {
    this.bytes = bytes;
    this.view = view;
    this.from = from;
    this.to = to;
  }

  /** The same when it is likely of the same bytes as before: storing references costs more than looking at them. */
  place(bytes: Buffer, view: DataView, from: number, to: number): void {
    if (this.bytes !== bytes) {
      this.bytes = bytes;
      this.view = view;
    }
    this.from = from;
    this.to = to;
  }

  clear(): void {
    this.from = 0;
    this.to = 0;
  }

  get empty(): boolean {
    return this.from === this.to;
  }

  toString(): string {
    return this.bytes.toString("utf8", this.from, this.to);
  }
}
