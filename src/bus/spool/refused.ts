import { appendFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Batch } from "../../message/batch.ts";
import { LogspreadError, reasonOf } from "../../message/error.ts";
import type { Report } from "../../message/report.ts";

/** Most that is kept of refused batches; what comes after is only counted. */
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Batches that no node will ever take (too large for it, or not understood): set aside as frames, one after another, in the
 * file `refused` of the slot, so that they neither block the queue nor get lost.
 */
export class Refused {
  #path: string | undefined;
  #report: Report;
  #messages = 0;
  #lost = 0;

  /** Without a folder they are only counted. */
  constructor(folder: string | undefined, report: Report) {
    this.#path = folder === undefined ? undefined : join(folder, "refused");
    this.#report = report;
  }

  /** Messages refused so far, and those among them that could not be kept. */
  get counts(): { messages: number; lost: number } {
    return { messages: this.#messages, lost: this.#lost };
  }

  setAside(batch: Batch, why: string): void {
    this.#messages += batch.count;
    const where = this.#keep(batch.frame);
    if (where === undefined) this.#lost += batch.count;
    this.#report(
      "error",
      `the bus refused a batch of ${batch.count} line(s) to ${batch.group}: ${why}; ${where ?? "it is lost"}`,
      { refused: this.#messages, refusedAndLost: this.#lost },
    );
  }

  #keep(frame: Buffer): string | undefined {
    if (this.#path === undefined) return undefined;
    try {
      if (sizeOf(this.#path) + frame.length > MAX_BYTES) return undefined;
      appendFileSync(this.#path, frame, { mode: 0o640 });
      return `it is set aside in ${this.#path}`;
    } catch (thrown) {
      this.#report("error", `cannot set a batch aside in ${this.#path}: ${reasonOf(thrown)}`);
      return undefined;
    }
  }
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
}

const REFUSALS: ReadonlySet<string> = new Set(["BAD_ARGUMENT", "BAD_FRAME", "BAD_REQUEST", "TOO_LARGE"]);

/** Whether a failed publish will fail for ever: the batch itself is at fault. */
export function isRefusal(thrown: unknown): boolean {
  return thrown instanceof LogspreadError && REFUSALS.has(thrown.code);
}
