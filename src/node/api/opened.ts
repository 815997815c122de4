import { openBody } from "../../message/body.ts";
import type { PlacedBatch } from "../../message/delivery.ts";

/**
 * Opens bodies once for all followers that read them at the same time: the bus hands the same object to each, and what is
 * opened lives as long as that.
 */
export class Opened {
  readonly #bodies = new WeakMap<PlacedBatch, Promise<Buffer>>();

  of(placed: PlacedBatch): Promise<Buffer> {
    let body = this.#bodies.get(placed);
    if (body === undefined) {
      body = openBody(placed.batch);
      this.#bodies.set(placed, body);
    }
    return body;
  }
}
