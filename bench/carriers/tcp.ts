/** Programs that read lines from a TCP port and are told everything in a configuration file. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { freePort, untilListening } from "../ports.ts";
import { start } from "../program.ts";
import type { Carrier } from "./carrier.ts";

export interface CommandLine {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** `configure` writes the configuration and says how the program is started. */
export function tcpCarrier(
  name: string,
  configure: (folder: string, port: number, output: string) => CommandLine,
): Carrier {
  return {
    name,
    async open(folder, output) {
      mkdirSync(folder, { recursive: true });
      const port = await freePort();
      const { command, args, env } = configure(folder, port, output);
      const program = start(command, args, { env, log: join(folder, "log") });
      await untilListening(port, () => program.text());
      return {
        target: `/dev/tcp/127.0.0.1/${port}`,
        usage: () => new Map([[name, program.usage()]]),
        keptBytes: () => undefined,
        async close() {
          await program.end();
        },
      };
    },
  };
}
