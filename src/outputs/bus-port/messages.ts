/** What the bus's thread and an output's thread say to each other about the bus, and how errors cross. */
import type { BusStatus, Subscription } from "../../bus/bus.ts";
import type { Gap } from "../../message/delivery.ts";
import { type ErrorCode, LogspreadError, reasonOf } from "../../message/error.ts";

/** A batch on its way: `frame` is a copy of its own, so that it can be handed over. */
export interface PostedBatch {
  readonly kind: "batch";
  readonly position: number;
  readonly busTimeUs: number;
  readonly frame: Uint8Array<ArrayBuffer>;
}

/** What the bus's side says. */
export type FromBus =
  /** The next of subscription `id`. */
  | { readonly kind: "delivery"; readonly id: number; readonly delivery: PostedBatch | Gap }
  | { readonly kind: "end"; readonly id: number; readonly error: PostedError | undefined }
  /** The answer to call `id`. */
  | { readonly kind: "answer"; readonly id: number; readonly value: BusStatus | number | undefined }
  | { readonly kind: "refused"; readonly id: number; readonly error: PostedError };

/** What the other thread asks of the bus. */
export type BusRequest =
  | { readonly kind: "subscribe"; readonly id: number; readonly what: Subscription }
  | { readonly kind: "unsubscribe"; readonly id: number }
  /** So many deliveries of a subscription were taken: as many more may come. */
  | { readonly kind: "taken"; readonly id: number; readonly bytes: number }
  | { readonly kind: "status"; readonly id: number }
  | { readonly kind: "read"; readonly id: number; readonly name: string }
  | { readonly kind: "commit"; readonly id: number; readonly name: string; readonly position: number };

export interface PostedError {
  readonly message: string;
  readonly stack: string | undefined;
  readonly known: { code: ErrorCode; what: string; why: string; fix: string } | undefined;
}

/** An error as it can be posted. */
export function postedError(error: unknown): PostedError {
  const known =
    error instanceof LogspreadError
      ? { code: error.code, what: error.what, why: error.why, fix: error.fix }
      : undefined;
  return { message: reasonOf(error), stack: error instanceof Error ? error.stack : undefined, known };
}

/** A posted error as it was, or as near as it can be. */
export function errorOf({ message, stack, known }: PostedError): Error {
  const error = known ? new LogspreadError(known.code, known) : new Error(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
