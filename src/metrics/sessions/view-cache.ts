import { viewOf } from "../intern.ts";

/** A view of the buffer that the slices of one field point into: the same for all lines of a batch, so it is made once for them. */
export class ViewCache {
  #bytes: Buffer | undefined;
  #view: DataView = new DataView(new ArrayBuffer(0));

  of(bytes: Buffer): DataView {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = viewOf(bytes);
    }
    return this.#view;
  }
}
