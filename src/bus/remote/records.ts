/** Cuts a subscription's body, as it arrives, into deliveries and heartbeats. */
import { type Delivery, decodeRecord, type Heartbeat, recordLength } from "../../message/delivery.ts";

/** Yields each record once it is whole. Throws BAD_FRAME for damage, and if the body ends within a record. */
export async function* recordsOf(
  chunks: AsyncIterable<Buffer>,
  where: string,
): AsyncGenerator<Delivery | Heartbeat, void, undefined> {
  let parts: Buffer[] = [];
  let bytes = 0;
  // What is needed before it is worth looking: large records are put together once, not with every chunk.
  let needed = 0;
  for await (const chunk of chunks) {
    parts.push(chunk);
    bytes += chunk.length;
    if (bytes < needed) continue;
    const whole = parts.length === 1 ? chunk : Buffer.concat(parts, bytes);
    let at = 0;
    let length = recordLength(whole, at, where);
    while (length !== undefined && at + length <= whole.length) {
      yield decodeRecord(whole, at, where);
      at += length;
      length = recordLength(whole, at, where);
    }
    const rest = whole.subarray(at);
    parts = rest.length === 0 ? [] : [rest];
    bytes = rest.length;
    needed = length ?? 0;
  }
  if (bytes > 0) throw new Error(`the answer of ${where} ended in the middle of a record`);
}
