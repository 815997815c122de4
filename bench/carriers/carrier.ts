/** What carries lines from a socket or a pipe into a file: logspread, and what it is compared with. */
import type { Usage } from "../program.ts";

export interface Carrier {
  readonly name: string;
  /** Starts it on an empty folder. It carries to the file `output`, which it makes. */
  open(folder: string, output: string): Promise<RunningCarrier>;
}

export interface RunningCarrier {
  /** Where lines are to be written; the target of a shell's `>`. */
  readonly target: string;
  /** Its processes by name. */
  usage(): ReadonlyMap<string, Usage>;
  /** Bytes that it keeps besides the output, or undefined if it keeps none. */
  keptBytes(): number | undefined;
  close(): Promise<void>;
}
