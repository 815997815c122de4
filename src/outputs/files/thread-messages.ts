/** What the node's thread and the file output's thread say to each other. */
import type { Report } from "../../message/report.ts";
import type { BusRequest, FromBus, PostedError } from "../bus-port/messages.ts";
import type { NamedFilesConfig } from "./config.ts";

/** What the thread is started with. */
export interface ThreadTask {
  readonly config: NamedFilesConfig;
  readonly stateFolder: string;
  readonly bootId: string;
  readonly counters: SharedArrayBuffer;
}

export type ToThread = FromBus | { readonly kind: "abort" } | { readonly kind: "reopen" };

export type FromThread =
  | BusRequest
  | {
      readonly kind: "report";
      readonly level: Parameters<Report>[0];
      readonly text: string;
      readonly fields: Record<string, unknown> | undefined;
    }
  | { readonly kind: "ended"; readonly error: PostedError | undefined };
