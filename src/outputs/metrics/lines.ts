/** From a delivery to what the engine takes. */
import type { Batch } from "../../message/batch.ts";
import { messagesOf } from "../../message/body.ts";
import type { PlacedBatch } from "../../message/delivery.ts";
import { NEWLINE } from "../../message/lines.ts";
import type { Opener } from "../../message/opener.ts";
import type { Engine } from "../../metrics/engine.ts";

const BLANK = 32;

/** The web server that `sender` (user@host) is on. */
export function serverOf(sender: string): string {
  const host = sender.slice(sender.lastIndexOf("@") + 1);
  return host === "" ? sender : host;
}

/** Opens a batch and gives its lines to the engine. Rejects with BAD_FRAME. `before` is called just before. */
export async function addBatch(engine: Engine, opener: Opener, placed: PlacedBatch, before: () => void): Promise<void> {
  const { batch, busTimeUs } = placed;
  const raw = await opener.open(batch);
  try {
    const lines = batch.kind === "lines" ? raw : linesOfFrames(batch, raw);
    before();
    const { group, sender, createdUs } = batch;
    engine.add({ group, server: serverOf(sender), busTimeUs, createdUs }, lines);
  } finally {
    opener.release(raw);
  }
}

/** Messages that may hold newlines, as one line each. */
function linesOfFrames(batch: Batch, raw: Buffer): Buffer {
  const lines = Buffer.allocUnsafe(raw.length); // A length of four bytes goes, a newline comes.
  let end = 0;
  for (const message of messagesOf(batch, raw)) {
    const from = end;
    end += message.copy(lines, end);
    for (let at = lines.indexOf(NEWLINE, from); at !== -1 && at < end; at = lines.indexOf(NEWLINE, at + 1)) {
      lines[at] = BLANK;
    }
    lines[end++] = NEWLINE;
  }
  return lines.subarray(0, end);
}
