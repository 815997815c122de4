import type { Bus, BusStatus, Cursor, Receipt } from "../../../src/bus/bus.ts";
import type { Batch } from "../../../src/message/batch.ts";
import { openBody } from "../../../src/message/body.ts";

/** A bus that keeps what it takes, and answers when the test lets it. */
export class MemoryBus implements Bus {
  readonly taken: Batch[] = [];
  /** Batches whose publish is not answered yet. */
  readonly waiting: { batch: Batch; resolve: (receipt: Receipt) => void; reject: (error: Error) => void }[] = [];
  /** Undefined: the bus is away, publishes wait. */
  answer: ((batch: Batch) => Error | undefined) | undefined = () => undefined;

  publish(batch: Batch): Promise<Receipt> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ batch, resolve, reject });
      queueMicrotask(() => this.settle());
    });
  }

  /** Comes back, or goes on. */
  settle(answer = this.answer): void {
    this.answer = answer;
    if (answer === undefined) return;
    for (const { batch, resolve, reject } of this.waiting.splice(0)) {
      const error = answer(batch);
      if (error !== undefined) {
        reject(error);
        continue;
      }
      this.taken.push(batch);
      resolve({ kind: "stored", position: this.taken.length, busTimeUs: 1 });
    }
  }

  /** As `close` of a remote bus does with what it could not send. */
  fail(error: Error): void {
    this.answer = undefined;
    for (const { reject } of this.waiting.splice(0)) reject(error);
  }

  get sequences(): number[] {
    return this.taken.map((batch) => batch.sequence);
  }

  async text(): Promise<string> {
    let text = "";
    for (const batch of this.taken) text += (await openBody(batch)).toString("latin1");
    return text;
  }

  subscribe(): never {
    throw new Error("not in this test");
  }

  cursor(): Cursor {
    throw new Error("not in this test");
  }

  status(): Promise<BusStatus> {
    throw new Error("not in this test");
  }

  async close(): Promise<void> {}
}
