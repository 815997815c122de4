/**
 * What the bus knows beyond its records: the last sequence of every producer, and the totals of every group. Follows from
 * the records; the snapshot only spares reading all of them at start, and outlives those that retention deletes.
 *
 * Snapshot: "LSS1", CRC-32 of the rest, length of the JSON header, the header `{position, groups, producers}`, then per
 * producer, longest silent first, 16 bytes id, 8 bytes sequence. Integers little-endian.
 */
import { open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";
import type { PlacedBatch } from "../../message/delivery.ts";
import { systemCodeOf } from "../../message/error.ts";
import { syncFolder } from "../../segments/folder.ts";
import type { GroupStatus } from "../bus.ts";

const MAGIC = "LSS1";
const PREFIX_BYTES = 12;
const PRODUCER_BYTES = 24;

type Totals = { -readonly [K in keyof GroupStatus]: GroupStatus[K] };

export class BusState {
  readonly #maxProducers: number;
  /** Keyed by the id's bytes as latin1; in the order of their last batch, so the first one is the longest silent. */
  readonly #sequences = new Map<string, number>();
  readonly #groups = new Map<string, Totals>();
  /** The last position that is accounted for. */
  position = 0;

  constructor(maxProducers: number) {
    this.#maxProducers = maxProducers;
  }

  /** The last sequence stored of a producer, 0 if none. */
  lastSequence(producer: Buffer): number {
    return this.#sequences.get(producer.toString("latin1", 0, 16)) ?? 0;
  }

  groups(): GroupStatus[] {
    return [...this.#groups.values()].map((totals) => ({ ...totals }));
  }

  /** Accounts for a stored batch; batches come in position order. */
  note({ position, busTimeUs, batch }: PlacedBatch): void {
    this.position = position;
    const key = batch.producer.toString("latin1", 0, 16);
    this.#sequences.delete(key);
    this.#sequences.set(key, batch.sequence);
    if (this.#sequences.size > this.#maxProducers) {
      this.#sequences.delete(this.#sequences.keys().next().value!);
    }
    let totals = this.#groups.get(batch.group);
    if (totals === undefined) {
      totals = { group: batch.group, messages: 0, batches: 0, rawBytes: 0, lastPosition: 0, lastTimeUs: 0 };
      this.#groups.set(batch.group, totals);
    }
    totals.messages += batch.count;
    totals.batches++;
    totals.rawBytes += batch.rawBytes;
    totals.lastPosition = position;
    totals.lastTimeUs = busTimeUs;
  }

  /** Writes the snapshot so that either the old or the new one is there after a crash. Returns the position it covers. */
  async write(path: string): Promise<number> {
    const position = this.position;
    const bytes = this.#encode();
    const file = await open(`${path}.tmp`, "w", 0o640);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${path}.tmp`, path);
    await syncFolder(dirname(path));
    return position;
  }

  #encode(): Buffer {
    const header = Buffer.from(
      JSON.stringify({ position: this.position, groups: this.groups(), producers: this.#sequences.size }),
    );
    const bytes = Buffer.alloc(PREFIX_BYTES + header.length + this.#sequences.size * PRODUCER_BYTES);
    bytes.write(MAGIC, 0, "latin1");
    bytes.writeUInt32LE(header.length, 8);
    let at = PREFIX_BYTES + header.copy(bytes, PREFIX_BYTES);
    for (const [producer, sequence] of this.#sequences) {
      bytes.write(producer, at, "latin1");
      bytes.writeDoubleLE(sequence, at + 16);
      at += PRODUCER_BYTES;
    }
    bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4);
    return bytes;
  }

  /** Takes over the snapshot in `path`; false if there is none, or none that is whole: then all records must be read. */
  async load(path: string): Promise<boolean> {
    let bytes: Buffer;
    try {
      bytes = await readFile(path);
    } catch (thrown) {
      if (systemCodeOf(thrown) === "ENOENT") return false;
      throw thrown;
    }
    if (bytes.length < PREFIX_BYTES || bytes.toString("latin1", 0, 4) !== MAGIC) return false;
    if (bytes.readUInt32LE(4) !== crc32(bytes.subarray(8))) return false;
    let at = PREFIX_BYTES + bytes.readUInt32LE(8);
    const header = JSON.parse(bytes.toString("utf8", PREFIX_BYTES, at));
    this.position = header.position;
    for (const totals of header.groups as Totals[]) this.#groups.set(totals.group, totals);
    for (let i = 0; i < header.producers; i++, at += PRODUCER_BYTES) {
      this.#sequences.set(bytes.toString("latin1", at, at + 16), bytes.readDoubleLE(at + 16));
    }
    return true;
  }
}
