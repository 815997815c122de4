/**
 * Lines in the order of their own timestamps. The clock is bus time: when a batch arrives, every line older than
 * (its bus time - lateness) leaves the buffer, the oldest first, those of one time in bus order. So the order depends on
 * what is in the bus only: two writers agree, and one that was killed rebuilds its buffer by reading again from `resume`.
 */
import type { FilesCounters } from "./counters.ts";
import type { Parcel, Place } from "./parcel.ts";
import type { Portion } from "./portion.ts";

interface Waiting {
  readonly portion: Portion;
  readonly position: number;
}

export class EventOrder {
  readonly #latenessUs: number;
  readonly #maxBytes: number;
  readonly #counters: FilesCounters;
  readonly #buckets = new Map<number, Waiting[]>();
  readonly #times = new MinHeap();
  /** Portions that wait, by position; the first key is the oldest. */
  readonly #outstanding = new Map<number, number>();
  #position: number;
  #watermarkUs: number;

  /** `place`: how far an earlier run was; deliveries up to there only refill the buffer. */
  constructor(latenessMs: number, maxBytes: number, place: Place, counters: FilesCounters) {
    this.#latenessUs = latenessMs * 1000;
    this.#maxBytes = maxBytes;
    this.#position = place.position;
    this.#watermarkUs = place.watermarkUs;
    this.#counters = counters;
    counters.linesBuffered = 0;
    counters.bytesBuffered = 0;
  }

  /** Takes a delivery's portions and gives those that are due. */
  add(position: number, busTimeUs: number, portions: readonly Portion[]): Parcel {
    const again = position <= this.#position;
    for (const portion of portions) {
      // A clock that is ahead must not hold a line back for longer than the lateness.
      const eventUs = Math.min(portion.eventUs, busTimeUs);
      if (again && eventUs <= this.#watermarkUs) continue; // it had left the buffer before the restart
      if (eventUs < this.#watermarkUs) this.#counters.linesLate += portion.lines;
      this.#keep(eventUs, { portion, position });
    }
    if (again) return { place: this.#place(), busTimeUs, portions: [] };
    this.#position = position;
    this.#watermarkUs = Math.max(this.#watermarkUs, busTimeUs - this.#latenessUs);
    const due: Portion[] = [];
    while (this.#times.size > 0 && this.#times.min <= this.#watermarkUs) this.#release(due);
    while (this.#counters.bytesBuffered > this.#maxBytes) {
      this.#watermarkUs = Math.max(this.#watermarkUs, this.#times.min);
      this.#release(due);
    }
    return { place: this.#place(), busTimeUs, portions: due };
  }

  /** Goes on past positions that hold nothing for this output. */
  skip(position: number): Parcel {
    this.#position = Math.max(this.#position, position);
    return { place: this.#place(), busTimeUs: 0, portions: [] };
  }

  #place(): Place {
    const [oldest] = this.#outstanding.keys();
    return { position: this.#position, resume: oldest ?? this.#position + 1, watermarkUs: this.#watermarkUs };
  }

  #keep(eventUs: number, waiting: Waiting): void {
    const bucket = this.#buckets.get(eventUs);
    if (bucket) bucket.push(waiting);
    else {
      this.#buckets.set(eventUs, [waiting]);
      this.#times.push(eventUs);
    }
    this.#outstanding.set(waiting.position, (this.#outstanding.get(waiting.position) ?? 0) + 1);
    this.#counters.linesBuffered += waiting.portion.lines;
    this.#counters.bytesBuffered += waiting.portion.bytes.length;
  }

  #release(due: Portion[]): void {
    const eventUs = this.#times.pop();
    const bucket = this.#buckets.get(eventUs)!;
    this.#buckets.delete(eventUs);
    for (const { portion, position } of bucket) {
      due.push(portion);
      const left = this.#outstanding.get(position)! - 1;
      if (left === 0) this.#outstanding.delete(position);
      else this.#outstanding.set(position, left);
      this.#counters.linesBuffered -= portion.lines;
      this.#counters.bytesBuffered -= portion.bytes.length;
    }
  }
}

/** A binary heap of numbers, the least on top. */
class MinHeap {
  readonly #items: number[] = [];

  get size(): number {
    return this.#items.length;
  }

  get min(): number {
    return this.#items[0]!;
  }

  push(value: number): void {
    const items = this.#items;
    let at = items.length;
    items.push(value);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (items[parent]! <= value) break;
      items[at] = items[parent]!;
      at = parent;
    }
    items[at] = value;
  }

  pop(): number {
    const items = this.#items;
    const top = items[0]!;
    const value = items.pop()!;
    if (items.length === 0) return top;
    let at = 0;
    for (let child = 1; child < items.length; child = 2 * at + 1) {
      if (child + 1 < items.length && items[child + 1]! < items[child]!) child++;
      if (items[child]! >= value) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = value;
    return top;
  }
}
