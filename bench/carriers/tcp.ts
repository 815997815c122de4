/** Programs that read lines from a TCP port and are told everything in a configuration file. */
import { mkdirSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
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

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function untilListening(port: number, log: () => string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const connected = await new Promise<boolean>((resolve) => {
      const socket = net.connect(port, "127.0.0.1");
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    if (connected) return;
    await sleep(50);
  }
  throw new Error(`nothing listens at port ${port}: ${log().slice(-2000)}`);
}
