/**
 * Publishing: all batches that wait go in one request, one request at a time, so that their order holds. What became of a
 * request that broke off is unknown; it is simply sent again, because publishing is idempotent.
 */
import type { Batch } from "../../message/batch.ts";
import { LogspreadError, reasonOf } from "../../message/error.ts";
import type { Receipt } from "../bus.ts";
import type { Answer } from "./http-node.ts";
import type { Nodes } from "./nodes.ts";
import { complaintOf, errorOf, isFinal } from "./problem.ts";

export const FRAMES_TYPE = "application/vnd.logspread.frames";

/** A request is not made longer than this, unless by a single batch. */
const REQUEST_BYTES = 1024 * 1024;

interface Waiting {
  readonly batch: Batch;
  resolve(receipt: Receipt): void;
  reject(error: unknown): void;
}

export class Sender {
  #nodes: Nodes;
  #giveUpAfterMs: number;
  #queue: Waiting[] = [];
  #pumping: Promise<void> | undefined;
  #closing = new AbortController();

  constructor(nodes: Nodes, giveUpAfterMs: number) {
    this.#nodes = nodes;
    this.#giveUpAfterMs = giveUpAfterMs;
  }

  publish(batch: Batch): Promise<Receipt> {
    if (this.#closing.signal.aborted) return Promise.reject(closedError());
    return new Promise((resolve, reject) => {
      this.#queue.push({ batch, resolve, reject });
      // After the current turn, so that what is published together is sent together.
      this.#pumping ??= Promise.resolve().then(() => this.#pump());
    });
  }

  /** What is waiting is rejected, unless it has been sent and the answer comes. */
  async close(): Promise<void> {
    this.#closing.abort(closedError());
    await this.#pumping;
  }

  async #pump(): Promise<void> {
    while (this.#queue.length > 0) {
      const group = this.#take();
      try {
        await this.#deliver(group);
      } catch (thrown) {
        // Nothing behind may overtake it, so all that waits fails with it.
        for (const { reject } of [...group, ...this.#queue.splice(0)]) reject(thrown);
      }
    }
    this.#pumping = undefined;
  }

  #take(): Waiting[] {
    let bytes = 0;
    let n = 0;
    for (const { batch } of this.#queue) {
      bytes += batch.frame.length;
      if (n > 0 && bytes > REQUEST_BYTES) break;
      n++;
    }
    return this.#queue.splice(0, n);
  }

  async #deliver(group: readonly Waiting[]): Promise<void> {
    const answer = await this.#send(group.map(({ batch }) => batch.frame));
    if (!isFinal(answer)) return settle(group, answer);
    if (group.length === 1) return group[0]!.reject(errorOf(answer, "the node refused a batch"));
    // One of them is at fault; alone, it cannot take the others with it.
    for (const waiting of group) {
      const single = await this.#send([waiting.batch.frame]);
      if (isFinal(single)) waiting.reject(errorOf(single, "the node refused a batch"));
      else settle([waiting], single);
    }
  }

  /** Sends until a node takes or finally refuses it. */
  async #send(body: readonly Buffer[]): Promise<Answer> {
    const headers = { "content-type": FRAMES_TYPE };
    for (;;) {
      let why: string;
      let retryAfterMs: number | undefined;
      try {
        const request = { method: "POST", path: "/v1/groups/*/messages", headers, body } as const;
        const answer = await this.#nodes.current.ask(request, this.#closing.signal);
        if (isFinal(answer) || receiptsIn(answer, body.length) !== undefined) {
          this.#nodes.succeeded();
          return answer;
        }
        why = answer.status < 300 ? "its answer is not that of a logspread node" : complaintOf(answer);
        retryAfterMs = answer.retryAfterMs;
      } catch (thrown) {
        why = reasonOf(thrown);
      }
      if (this.#closing.signal.aborted) throw closedError();
      if (this.#nodes.failingMs > this.#giveUpAfterMs) throw unreachableError(why);
      await this.#nodes.failed(why, retryAfterMs, this.#closing.signal).catch(() => {});
      if (this.#closing.signal.aborted) throw closedError();
    }
  }
}

function settle(group: readonly Waiting[], answer: Answer): void {
  const receipts = receiptsIn(answer, group.length)!;
  for (const [i, { resolve }] of group.entries()) resolve(receipts[i]!);
}

/** The receipts, if the answer has one for each batch. */
function receiptsIn(answer: Answer, count: number): Receipt[] | undefined {
  if (answer.status !== 200) return undefined;
  try {
    const { receipts } = JSON.parse(answer.body.toString()) as { receipts: Receipt[] };
    return receipts.length === count && receipts.every(isReceipt) ? receipts : undefined;
  } catch {
    return undefined;
  }
}

function isReceipt(receipt: Receipt): boolean {
  if (receipt.kind === "duplicate") return true;
  return receipt.kind === "stored" && Number.isSafeInteger(receipt.position) && Number.isSafeInteger(receipt.busTimeUs);
}

export function closedError(): LogspreadError {
  return new LogspreadError("BUS_CLOSED", {
    what: "the request was not sent",
    why: "the connection to the bus is closed",
    fix: "Open it again; what was not acknowledged may be published again, it makes no duplicate",
  });
}

export function unreachableError(why: string): LogspreadError {
  return new LogspreadError("BUS_UNREACHABLE", {
    what: "no node answers",
    why,
    fix: "Start one with `logspread up`, or name another with --to",
  });
}
