import type { Outlet } from "../../src/inputs/outlet.ts";
import type { Batch, Loss } from "../../src/message/batch.ts";
import { openBody } from "../../src/message/body.ts";

/** Keeps batches in memory; the test says when each is taken. */
export class MemoryOutlet implements Outlet {
  readonly batches: Batch[] = [];
  idle = true;
  lost: readonly Loss[] = [];
  #listeners: (() => void)[] = [];
  #held: (() => void)[] | undefined;

  publish(batch: Batch): Promise<void> {
    this.batches.push(batch);
    return this.#held === undefined ? Promise.resolve() : new Promise((resolve) => this.#held!.push(resolve));
  }

  onIdle(listener: () => void): void {
    this.#listeners.push(listener);
  }

  losses(): readonly Loss[] {
    return this.lost;
  }

  becomeIdle(): void {
    this.idle = true;
    for (const listener of this.#listeners) listener();
  }

  /** From now on a publish waits for `release`. */
  hold(): void {
    this.#held = [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const resolve of held) resolve();
  }

  async text(group?: string): Promise<string> {
    let text = "";
    for (const batch of this.batches) {
      if (group === undefined || batch.group === group) text += (await openBody(batch)).toString("latin1");
    }
    return text;
  }
}
