/**
 * A copy of a line with room behind it for fields whose escapes have been undone, so that all places of a record are in
 * one buffer. The same buffer serves every line; it grows with the longest.
 */
export class Scratch {
  bytes: Buffer = Buffer.alloc(4096);
  #end = 0;

  /** Copies the line and moves the places of `extents` along. */
  take(line: Buffer, from: number, to: number, extents: Int32Array): void {
    const length = to - from;
    // A field's escapes undone are no longer than the field, and fields do not overlap but for doubled ones.
    if (this.bytes.length < length * 3) this.bytes = Buffer.alloc(length * 4);
    line.copy(this.bytes, 0, from, to);
    this.#end = length;
    for (let i = 0; i < extents.length; i++) if (extents[i]! >= 0) extents[i] = extents[i]! - from;
  }

  /** Where the next field goes. */
  get end(): number {
    return this.#end;
  }

  /** Says that path or field `index` is now what stands from the old end to `end`. */
  put(index: number, end: number, extents: Int32Array): void {
    extents[index * 2] = this.#end;
    extents[index * 2 + 1] = end;
    this.#end = end;
  }
}
