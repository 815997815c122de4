import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** A port that nobody listens at just now: for programs that cannot choose one themselves. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Waits until somebody listens at `port`; throws what `said` returns if nobody does. */
export async function untilListening(port: number, said: () => string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const connected = await new Promise<boolean>((resolve) => {
      const socket = net.connect(port, "127.0.0.1");
      socket.once("error", () => resolve(false));
      socket.once("connect", () => {
        socket.destroy();
        resolve(true);
      });
    });
    if (connected) return;
    await sleep(50);
  }
  throw new Error(`nothing listens at port ${port}: ${said().slice(-2000)}`);
}
