/**
 * The click streams of all open visits in one bounded pool: 17 bytes a click, in blocks of 8 that are chained to the visit
 * they belong to. A visit keeps its latest clicks: 50 and a few more while there is room, and never fewer than 4.
 */

/** The most clicks of a visit that are told. */
export const MAX_CLICKS_TOLD = 50;

const BLOCK = 8;
/** Blocks of a visit: enough that 50 clicks are left after the oldest block went. */
const MAX_BLOCKS = 8;
const NONE = -1;

export class Clicks {
  /** By click: start µs, text number of the path, server, status, method. Open to the owner, who renumbers texts. */
  timeUs: Float64Array = new Float64Array(0);
  path: Int32Array = new Int32Array(0);
  server: Uint16Array = new Uint16Array(0);
  status: Uint16Array = new Uint16Array(0);
  method: Uint8Array = new Uint8Array(0);
  readonly #maxBlocks: number;
  readonly #maxVisits: number;
  /** By block: the next of its visit, or of the free ones. */
  #next = new Int32Array(0);
  #free = NONE;
  #made = 0;
  #used = 0;
  /** By visit. */
  #first = new Int32Array(0);
  #last = new Int32Array(0);
  #blocks = new Uint8Array(0);
  #fill = new Uint8Array(0);
  #visits = 0;

  constructor(maxClicks: number, maxVisits: number) {
    this.#maxVisits = maxVisits;
    this.#maxBlocks = Math.max(maxVisits, Math.floor(maxClicks / BLOCK));
  }

  get memory(): number {
    return this.#made * (BLOCK * 17 + 4) + this.#first.length * 10;
  }

  /** Makes room for visits numbered below `room`. */
  grow(room: number): void {
    this.#first = grown(this.#first, new Int32Array(room));
    this.#last = grown(this.#last, new Int32Array(room));
    this.#blocks = grown(this.#blocks, new Uint8Array(room));
    this.#fill = grown(this.#fill, new Uint8Array(room));
  }

  /** Begins the stream of `visit`. */
  open(visit: number): void {
    this.#visits++;
    const block = this.#take();
    this.#next[block] = NONE;
    this.#first[visit] = block;
    this.#last[visit] = block;
    this.#blocks[visit] = 1;
    this.#fill[visit] = 0;
  }

  append(visit: number, timeUs: number, path: number, server: number, status: number, method: number): void {
    if (this.#fill[visit] === BLOCK) this.#extend(visit);
    const at = this.#last[visit]! * BLOCK + this.#fill[visit]!++;
    this.timeUs[at] = timeUs;
    this.path[at] = path;
    this.server[at] = server;
    this.status[at] = status;
    this.method[at] = method;
  }

  /** Forgets the stream of `visit`. */
  close(visit: number): void {
    this.#visits--;
    this.#used -= this.#blocks[visit]!;
    this.#next[this.#last[visit]!] = this.#free;
    this.#free = this.#first[visit]!;
  }

  /** Calls `see` with the places of the clicks of `visit` in the columns, in the order in which they came, until it returns false. */
  forEachPlace(visit: number, see: (at: number) => boolean): void {
    const last = this.#last[visit]!;
    for (let block = this.#first[visit]!; ; block = this.#next[block]!) {
      const fill = block === last ? this.#fill[visit]! : BLOCK;
      for (let i = 0; i < fill; i++) if (!see(block * BLOCK + i)) return;
      if (block === last) return;
    }
  }

  /** Another block if there is one to spare: each visit that may yet come has one kept for it. Else the visit's oldest. */
  #extend(visit: number): void {
    const last = this.#last[visit]!;
    const spare = this.#maxBlocks - this.#used - (this.#maxVisits - this.#visits);
    let block = this.#first[visit]!;
    if (this.#blocks[visit]! < MAX_BLOCKS && spare > 0) {
      block = this.#take();
      this.#blocks[visit]!++;
    } else if (block === last) {
      this.#dropHalf(visit);
      return;
    } else this.#first[visit] = this.#next[block]!;
    this.#next[last] = block;
    this.#next[block] = NONE;
    this.#last[visit] = block;
    this.#fill[visit] = 0;
  }

  /** In the only block of `visit`: the later half moves to the front. */
  #dropHalf(visit: number): void {
    const from = this.#last[visit]! * BLOCK;
    for (const column of [this.timeUs, this.path, this.server, this.status, this.method]) {
      column.copyWithin(from, from + BLOCK / 2, from + BLOCK);
    }
    this.#fill[visit] = BLOCK / 2;
  }

  #take(): number {
    this.#used++;
    const block = this.#free;
    if (block !== NONE) {
      this.#free = this.#next[block]!;
      return block;
    }
    if (this.#made === this.#next.length) this.#growBlocks();
    return this.#made++;
  }

  #growBlocks(): void {
    const blocks = Math.min(Math.max(64, this.#made * 2), this.#maxBlocks);
    this.#next = grown(this.#next, new Int32Array(blocks));
    this.timeUs = grown(this.timeUs, new Float64Array(blocks * BLOCK));
    this.path = grown(this.path, new Int32Array(blocks * BLOCK));
    this.server = grown(this.server, new Uint16Array(blocks * BLOCK));
    this.status = grown(this.status, new Uint16Array(blocks * BLOCK));
    this.method = grown(this.method, new Uint8Array(blocks * BLOCK));
  }
}

/** `larger` with what `smaller` holds. */
export function grown<T extends Float64Array | Int32Array | Uint32Array | Uint16Array | Uint8Array>(
  smaller: T,
  larger: T,
): T {
  larger.set(smaller);
  return larger;
}
