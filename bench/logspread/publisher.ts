/** A publisher of the program under test, which reads a pipe as a web server's piped logger does. */
import { closeSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Surroundings } from "../benchmark.ts";
import { type Fifo, makeFifo } from "../fifo.ts";
import { type Program, start } from "../program.ts";
import { GROUP } from "./node.ts";

export interface PublisherUnderTest {
  readonly program: Program;
  readonly pipe: Fifo;
  /** Ends the input and waits for the end of the publisher; throws if it was not a good one. */
  finish(): Promise<void>;
}

/** Starts `logspread publish` on `folder`; `pipe` may hold lines already. */
export function startPublisher(
  { node, program }: Surroundings,
  folder: string,
  url: string,
  pipe?: Fifo,
): PublisherUnderTest {
  mkdirSync(folder, { recursive: true });
  const from = pipe ?? makeFifo(join(folder, "pipe"));
  const log = join(folder, "publisher.log");
  const args = [program, "publish", "--group", GROUP, "--to", url, "--spool", join(folder, "spool")];
  const running = start(node, args, { stdin: from.read, log });
  closeSync(from.read);
  return {
    program: running,
    pipe: from,
    async finish() {
      from.end();
      const code = await running.ended;
      if (code !== 0) throw new Error(`the publisher ended with exit code ${code}: ${running.text()}`);
    },
  };
}
