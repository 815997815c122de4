/** Publishes what an intake still held of a publisher that died: what is in the spool already is left out. */
import type { Batch } from "../message/batch.ts";
import type { LeftFill, LeftIntake } from "./intake.ts";
import type { Outlet } from "./outlet.ts";
import { PipeBatches } from "./pipe-batches.ts";
import { Sealer } from "./sealer.ts";

/** The last batch that the spool took. */
export type Appended = Pick<Batch, "producer" | "sequence">;

/**
 * Hands the left lines to `outlet` as the batches that their publisher would have made: same producer, same sequences, so
 * that dying in the middle of this and doing it again makes no duplicate. The line that was begun is published as it
 * stands, unless `goesOn`: the same pipe is read again and brings the rest. Returns what is left of it then.
 */
export async function publishLeft(
  left: LeftIntake,
  appended: Appended | undefined,
  goesOn: boolean,
  outlet: Outlet,
  nowUs: () => number,
): Promise<Buffer> {
  const at = appended === undefined ? -1 : left.fills.findLastIndex((fill) => isFrom(fill, appended));
  const sealer = new Sealer();
  let partial = left.partial;
  try {
    for (const [i, fill] of left.fills.entries()) {
      if (i < at) continue;
      const batches = new PipeBatches(fill.labels, sealer, nowUs);
      const portion = batches.portion(fill.lines);
      const done = i === at ? appended!.sequence - fill.firstSequence + 1 : 0;
      for await (const batch of batches.make(portion, fill.firstSequence, () => outlet.losses(), done)) {
        await outlet.publish(batch);
      }
      if (i < left.fills.length - 1 || partial.length === 0) continue;
      if (done > portion.batches) partial = partial.subarray(0, 0);
      if (goesOn || partial.length === 0) continue;
      // As a batch of its own behind the fill's others, so that it is known by its sequence.
      const rest = batches.portion(Buffer.concat([partial, Buffer.from("\n")]));
      for await (const batch of batches.make(rest, fill.firstSequence + portion.batches, () => outlet.losses())) {
        await outlet.publish(batch);
      }
      partial = partial.subarray(0, 0);
    }
  } finally {
    sealer.close();
  }
  return partial;
}

function isFrom(fill: LeftFill, { producer, sequence }: Appended): boolean {
  return fill.labels.producer.equals(producer) && fill.firstSequence <= sequence;
}
