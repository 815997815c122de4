/** What the node's thread and a metrics thread say to each other. */
import type { Report } from "../../message/report.ts";
import type { TopList } from "../../metrics/snapshot.ts";
import type { BusRequest, FromBus, PostedError } from "../bus-port/messages.ts";
import type { MetricsConfig } from "./config.ts";

/** Which part of the traffic a question is about. */
export interface Filter {
  readonly groups: readonly string[];
  readonly servers: readonly string[];
}

/** From when to when; `lastS`: so many seconds up to where the metrics are. */
export type Range = { readonly fromUs: number; readonly toUs: number } | { readonly lastS: number };

/** A question that a metrics thread answers with JSON (`traffic`: with Prometheus text). */
export type Query =
  | { readonly kind: "overview"; readonly filter: Filter; readonly range: Range; readonly topRows: number }
  | {
      readonly kind: "top";
      readonly list: TopList;
      readonly filter: Filter;
      readonly range: Range;
      readonly limit: number;
    }
  | { readonly kind: "sessions"; readonly filter: Filter; readonly limit: number; readonly text: string }
  | { readonly kind: "session"; readonly id: string }
  | { readonly kind: "anomalies"; readonly filter: Filter; readonly range: Range }
  | { readonly kind: "traffic" };

/** A past stretch of the bus, to be shown at `speed` times the speed at which it happened. */
export interface Replay {
  readonly filter: Filter;
  readonly fromUs: number;
  readonly toUs: number;
  readonly speed: number;
  readonly topRows: number;
}

/** What a thread is started with. */
export interface MetricsTask {
  readonly config: MetricsConfig;
  readonly historyPath: string;
  readonly node: string;
  readonly simulated: boolean;
  /** The last position that the bus had when the node started. */
  readonly startPosition: number;
  /** Of the live metrics; a replay counts for itself. */
  readonly counters: SharedArrayBuffer;
  readonly replay: Replay | undefined;
}

export type ToThread =
  | FromBus
  | { readonly kind: "abort" }
  /** It is `nowUs`, and the bus has come to `lastPosition`. */
  | { readonly kind: "tick"; readonly nowUs: number; readonly lastPosition: number }
  | { readonly kind: "ask"; readonly id: number; readonly query: Query };

export type FromThread =
  | BusRequest
  | {
      readonly kind: "report";
      readonly level: Parameters<Report>[0];
      readonly text: string;
      readonly fields: Record<string, unknown> | undefined;
    }
  | { readonly kind: "ready" }
  /** The answer to `ask`; undefined: there is no such thing. */
  | { readonly kind: "told"; readonly id: number; readonly text: Uint8Array<ArrayBuffer> | undefined }
  | { readonly kind: "failed"; readonly id: number; readonly error: PostedError }
  /** The next overview of a replay. */
  | { readonly kind: "shown"; readonly text: Uint8Array<ArrayBuffer> }
  | { readonly kind: "ended"; readonly error: PostedError | undefined };
