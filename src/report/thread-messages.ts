/** What the main thread and its counting threads say to each other. */
import type { ParserOptions } from "../formats/line-parser.ts";
import type { Format } from "../formats/parser-for.ts";
import type { CounterResult, CounterSettings } from "./counter.ts";
import type { Part } from "./input.ts";

/** What a thread is started with. */
export interface ThreadSettings extends CounterSettings {
  readonly parser: ParserOptions;
  /** Path of a MaxMind file. */
  readonly countries: string | undefined;
  readonly seed: number;
}

export type ToThread =
  | { readonly kind: "part"; readonly part: Part; readonly format: Format }
  | { readonly kind: "end" };

export type FromThread =
  | { readonly kind: "read"; readonly bytes: number }
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly path: string; readonly why: string }
  | { readonly kind: "result"; readonly result: CounterResult };
