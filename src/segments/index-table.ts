/**
 * What is known of a segment's records without reading them: for each its offset, bus time, group and count. A struct of
 * arrays of 18 bytes a record, grown by doubling, because a segment of single-line batches holds 200,000 of them.
 *
 * Stored beside a sealed segment as zstd of: "LSI1", CRC-32 of the rest, length of the JSON header, the header
 * `{first, length, groups}`, then the arrays (Float64 times, Uint32 offsets, Uint32 counts, Uint16 groups; little-endian).
 */
import { crc32, zstdCompressSync, zstdDecompressSync } from "node:zlib";

const MAGIC = "LSI1";
const PREFIX_BYTES = 12;
const MAX_GROUPS = 65_536;

/** The offset of a position whose record is damaged: known to have been, not to be read. */
export const DAMAGED = 0xffff_ffff;

export class IndexTable {
  /** Position of the first entry; entry i is position `first + i`. */
  readonly first: number;
  #length = 0;
  #times = new Float64Array(64);
  #offsets = new Uint32Array(64);
  #counts = new Uint32Array(64);
  #groups = new Uint16Array(64);
  #names: string[] = [];
  #ids = new Map<string, number>();

  constructor(first: number) {
    this.first = first;
  }

  get length(): number {
    return this.#length;
  }

  /** The position after the last entry. */
  get next(): number {
    return this.first + this.#length;
  }

  /** True if `add` has room for one more name; a segment with too many is sealed early. */
  get hasRoomForGroup(): boolean {
    return this.#names.length < MAX_GROUPS;
  }

  add(offset: number, timeUs: number, group: string, count: number): void {
    if (this.#length === this.#times.length) this.#grow();
    let id = this.#ids.get(group);
    if (id === undefined) {
      id = this.#names.push(group) - 1;
      this.#ids.set(group, id);
    }
    this.#times[this.#length] = timeUs;
    this.#offsets[this.#length] = offset;
    this.#counts[this.#length] = count;
    this.#groups[this.#length] = id;
    this.#length++;
  }

  offsetOf(position: number): number {
    return this.#offsets[position - this.first]!;
  }

  countOf(position: number): number {
    return this.#counts[position - this.first]!;
  }

  groupOf(position: number): string {
    return this.#names[this.#groups[position - this.first]!]!;
  }

  timeOf(position: number): number {
    return this.#times[position - this.first]!;
  }

  /** The first position whose bus time is `timeUs` or later, or `next`. */
  positionAt(timeUs: number): number {
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#times[middle]! < timeUs) low = middle + 1;
      else high = middle;
    }
    return this.first + low;
  }

  /** Messages of the wanted groups at positions `from` to `last`. */
  messages(from: number, last: number, wanted: (group: string) => boolean): number {
    const take = this.#names.map(wanted);
    let sum = 0;
    const end = Math.min(last - this.first + 1, this.#length);
    for (let i = Math.max(0, from - this.first); i < end; i++) if (take[this.#groups[i]!]) sum += this.#counts[i]!;
    return sum;
  }

  /** For each position whether its group is wanted, with the test of a name made once. */
  wantedAt(wanted: (group: string) => boolean): (position: number) => boolean {
    const take: boolean[] = [];
    return (position) => {
      const id = this.#groups[position - this.first]!;
      return (take[id] ??= wanted(this.#names[id]!));
    };
  }

  encode(): Buffer {
    const n = this.#length;
    const header = Buffer.from(JSON.stringify({ first: this.first, length: n, groups: this.#names }));
    const arrays = [this.#times, this.#offsets, this.#counts, this.#groups];
    const raw = Buffer.concat([
      Buffer.alloc(PREFIX_BYTES),
      header,
      ...arrays.map((a) => Buffer.from(a.buffer, 0, n * a.BYTES_PER_ELEMENT)),
    ]);
    raw.write(MAGIC, 0, "latin1");
    raw.writeUInt32LE(header.length, 8);
    raw.writeUInt32LE(crc32(raw.subarray(8)), 4);
    return zstdCompressSync(raw);
  }

  /** The table that `encode` wrote, or undefined if `bytes` are anything else: then the segment is read through. */
  static decode(bytes: Buffer): IndexTable | undefined {
    try {
      const raw = zstdDecompressSync(bytes);
      if (raw.toString("latin1", 0, 4) !== MAGIC || raw.readUInt32LE(4) !== crc32(raw.subarray(8))) return undefined;
      let at = PREFIX_BYTES + raw.readUInt32LE(8);
      const header = JSON.parse(raw.toString("utf8", PREFIX_BYTES, at));
      const table = new IndexTable(header.first);
      const take = (bytesEach: number) => {
        const part = raw.buffer.slice(raw.byteOffset + at, raw.byteOffset + at + header.length * bytesEach);
        at += header.length * bytesEach;
        return part;
      };
      table.#length = header.length;
      table.#names = header.groups;
      table.#ids = new Map(table.#names.map((name, id) => [name, id]));
      table.#times = new Float64Array(take(8));
      table.#offsets = new Uint32Array(take(4));
      table.#counts = new Uint32Array(take(4));
      table.#groups = new Uint16Array(take(2));
      return table;
    } catch {
      return undefined;
    }
  }

  #grow(): void {
    const size = Math.max(64, this.#length * 2);
    const grown = <T extends Float64Array | Uint32Array | Uint16Array>(to: T, from: T): T => {
      to.set(from);
      return to;
    };
    this.#times = grown(new Float64Array(size), this.#times);
    this.#offsets = grown(new Uint32Array(size), this.#offsets);
    this.#counts = grown(new Uint32Array(size), this.#counts);
    this.#groups = grown(new Uint16Array(size), this.#groups);
  }
}
