/**
 * What is usual is learned from blocks of ten seconds, and from each only half a minute after it ended: a fault that is
 * being noticed just now must not pass for usual meanwhile.
 */

export const BLOCK_S = 10;
const DELAY_BLOCKS = 3;

export class Blocks<Block> {
  current: Block;
  readonly #make: () => Block;
  readonly #waiting: Block[] = [];

  constructor(make: () => Block) {
    this.#make = make;
    this.current = make();
  }

  /** Ends the current block if `nowS` is its last second; returns the one that is old enough to learn from, if any. */
  turn(nowS: number): Block | undefined {
    if (nowS % BLOCK_S !== BLOCK_S - 1) return undefined;
    this.#waiting.push(this.current);
    this.current = this.#make();
    return this.#waiting.length > DELAY_BLOCKS ? this.#waiting.shift() : undefined;
  }
}
