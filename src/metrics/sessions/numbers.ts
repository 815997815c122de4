import { highHash } from "../hash.ts";
import { NONE, viewOf } from "../intern.ts";

/** Names to small numbers; those beyond the last number share it. */
export class Numbers {
  readonly names: string[] = [];
  readonly #max: number;
  readonly #numbers = new Map<string, number>();
  readonly #hashes: number[] = [];
  #lastName: string | undefined;
  #lastNumber = 0;

  constructor(max: number) {
    this.#max = max;
  }

  numberOf(name: string): number {
    if (name === this.#lastName) return this.#lastNumber; // lines come in batches of one server
    let number = this.#numbers.get(name);
    if (number === undefined) {
      const full = this.names.length === this.#max - 1;
      number = full ? this.#add("(other)") : this.names.length < this.#max ? this.#add(name) : this.#max - 1;
    }
    this.#lastName = name;
    this.#lastNumber = number;
    return number;
  }

  find(name: string): number {
    return this.#numbers.get(name) ?? NONE;
  }

  /** 32 bits, the same in every process. */
  hashOf(number: number): number {
    return this.#hashes[number]!;
  }

  #add(name: string): number {
    const bytes = Buffer.from(name);
    this.#hashes.push(highHash(viewOf(bytes), 0, bytes.length));
    this.#numbers.set(name, this.names.length);
    return this.names.push(name) - 1;
  }
}
