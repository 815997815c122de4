/** What whole lines become: one batch, or one for each group that a field of the lines names. */
import type { Batch, Loss } from "../message/batch.ts";
import { GroupField, gather, type Split } from "./group-field.ts";
import type { Labels } from "./intake.ts";
import type { Sealer } from "./sealer.ts";

/** Lines and how they are split; the number of batches is known before they are made, because sequences depend on it. */
export interface Portion {
  readonly lines: Buffer;
  readonly split: Split | undefined;
  readonly batches: number;
}

export class PipeBatches {
  readonly labels: Labels;
  #sealer: Sealer;
  #field: GroupField | undefined;
  #scratch = Buffer.alloc(0);
  #nowUs: () => number;

  constructor(labels: Labels, sealer: Sealer, nowUs: () => number) {
    this.labels = labels;
    this.#sealer = sealer;
    this.#nowUs = nowUs;
    if (labels.groupField > 0) this.#field = new GroupField(labels.groupField, labels.group);
  }

  portion(lines: Buffer): Portion {
    if (lines.length === 0) return { lines, split: undefined, batches: 0 };
    const split = this.#field?.split(lines);
    return { lines, split, batches: split === undefined ? 1 : split.groups.length };
  }

  /** The batches of a portion from number `skip` on; the first of them all has sequence `firstSequence`. One portion at a time. */
  async *make(portion: Portion, firstSequence: number, losses: () => readonly Loss[], skip = 0): AsyncGenerator<Batch> {
    const { producer, sender } = this.labels;
    for (let i = skip; i < portion.batches; i++) {
      const found = portion.split?.groups[i];
      if (found !== undefined && this.#scratch.length < portion.lines.length) {
        this.#scratch = Buffer.allocUnsafeSlow(Math.max(portion.lines.length, 2 * this.#scratch.length));
      }
      const lines = found === undefined ? portion.lines : gather(portion.lines, found, this.#scratch);
      const group = found?.group ?? this.labels.group;
      const label = {
        group,
        sender,
        producer,
        sequence: firstSequence + i,
        createdUs: this.#nowUs(),
        losses: losses(),
      };
      yield await this.#sealer.seal(label, lines);
    }
  }
}
