/**
 * Producers for clients that do not count for themselves, such as curl. A producer is lent to one request at a time, so
 * that its sequence has one writer, and is used again by the sender's next request: the bus keeps something of every
 * producer it ever saw, so a new one for each request would be a leak.
 */
import { newProducer } from "../../message/batch.ts";

export interface Lease {
  readonly sender: string;
  readonly producer: Buffer;
  /** The sequence to use next. */
  sequence: number;
}

/** Idle producers that are kept; beyond, the one that has been idle longest is forgotten. */
const MAX_IDLE = 1024;

export class Producers {
  readonly #idle = new Map<string, Lease[]>();
  #count = 0;

  /** Producers that are kept for their sender's next request. */
  get idle(): number {
    return this.#count;
  }

  lend(sender: string): Lease {
    const idle = this.#idle.get(sender);
    const lease = idle?.pop();
    if (lease === undefined) return { sender, producer: newProducer(), sequence: 1 };
    this.#count--;
    if (idle!.length === 0) this.#idle.delete(sender);
    return lease;
  }

  /** Takes a producer back. Not for one whose last publish failed: its sequence may be taken or not. */
  takeBack(lease: Lease): void {
    const idle = this.#idle.get(lease.sender) ?? [];
    idle.push(lease);
    this.#idle.delete(lease.sender); // To the end: the map's order is the order of use.
    this.#idle.set(lease.sender, idle);
    if (++this.#count <= MAX_IDLE) return;
    const [oldest, leases] = this.#idle.entries().next().value!;
    leases.shift();
    this.#count--;
    if (leases.length === 0) this.#idle.delete(oldest);
  }
}
