/** The lines that should stand in files, from the bus: what a file output would write. */
import type { Bus } from "../bus/bus.ts";
import { openBody } from "../message/body.ts";
import type { From, PlacedBatch } from "../message/delivery.ts";
import { LogspreadError } from "../message/error.ts";
import type { Portion } from "../outputs/files/portion.ts";
import type { Hole, Piece } from "./line-source.ts";

/** Where a line of the bus stands. */
export interface BusPlace {
  readonly position: number;
  /** µs since the epoch. */
  readonly busTimeUs: number;
  readonly group: string;
  readonly sender: string;
  /** 32 hexadecimal digits. */
  readonly producer: string;
  readonly sequence: number;
  /** Its piece holds all messages of the batch, so that a line's index in it is the message's. */
  readonly whole: boolean;
}

export interface BusLinesOptions {
  readonly groups: readonly string[];
  readonly from: From;
  /** The last position that counts. */
  readonly to: number;
  /** What a file output makes of a batch (`Sorter.sort`). */
  sort(placed: PlacedBatch, raw: Buffer): readonly Portion[];
  /** Whether a portion is meant for the files that are looked at. */
  wanted(portion: Portion, placed: PlacedBatch): boolean;
  /** Told of each batch before its lines. */
  seen(placed: PlacedBatch): void;
}

/** Yields the lines in the bus's order; what retention or damage has taken is a hole. */
export async function* linesOfBus(bus: Bus, options: BusLinesOptions): AsyncGenerator<Piece<BusPlace> | Hole> {
  const { groups, from, to } = options;
  const stop = new AbortController();
  for await (const delivery of bus.subscribe({ groups, from, follow: false }, stop.signal)) {
    if (delivery.kind === "gap") {
      if (delivery.first > to) return;
      if (delivery.messages > 0) yield { ...delivery, kind: "hole" };
      continue;
    }
    const { position, busTimeUs, batch } = delivery;
    if (position > to) return;
    options.seen(delivery);
    let portions: readonly Portion[];
    try {
      portions = options.sort(delivery, await openBody(batch));
    } catch (error) {
      if (!(error instanceof LogspreadError && error.code === "BAD_FRAME")) throw error;
      yield { kind: "hole", messages: batch.count, first: position, last: position, reason: "damage" };
      continue;
    }
    for (const portion of portions) {
      if (!options.wanted(portion, delivery)) continue;
      const { group, sender, sequence } = batch;
      const producer = batch.producer.toString("hex");
      const whole = portion.lines === batch.count;
      yield {
        kind: "lines",
        bytes: portion.bytes,
        from: { position, busTimeUs, group, sender, producer, sequence, whole },
      };
    }
  }
}
