import { LOSS_REASONS, type Loss, type LossReason } from "../../message/batch.ts";

/** Running totals of what a publisher had to drop, as its frames report them. */
export class Losses {
  #totals = new Map<LossReason, number>();
  #list: readonly Loss[] = [];

  add(reason: LossReason, messages: number): void {
    if (messages === 0) return;
    this.#totals.set(reason, (this.#totals.get(reason) ?? 0) + messages);
    this.#list = LOSS_REASONS.filter((r) => this.#totals.has(r)).map((r) => ({
      reason: r,
      messages: this.#totals.get(r)!,
    }));
  }

  /** One entry a reason that has occurred. The same array until the next loss. */
  get list(): readonly Loss[] {
    return this.#list;
  }

  get messages(): number {
    return this.#list.reduce((sum, loss) => sum + loss.messages, 0);
  }
}
