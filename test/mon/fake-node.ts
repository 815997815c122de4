/** A node's metrics API over real HTTP: the test says what it answers. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import type { Overview } from "../../src/metrics/snapshot.ts";
import { overview } from "./overview.ts";

export interface FakeNode {
  readonly url: string;
  /** Paths with their queries, in the order in which they were asked for. */
  readonly asked: readonly string[];
  /** Sends this overview to all who follow, and is the answer from now on. */
  send(next: Overview): void;
  /** Breaks all connections, and answers none until `start`. */
  stop(): Promise<void>;
  /** At the same address again. */
  start(): Promise<void>;
}

export async function fakeNode(t: TestContext, first: Overview = overview()): Promise<FakeNode> {
  let current = first;
  const asked: string[] = [];
  const streams = new Set<ServerResponse>();
  const eventOf = (value: Overview) => `event: overview\nid: 1\ndata: ${JSON.stringify(value)}\n\n`;
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    asked.push(request.url!);
    const { pathname } = new URL(request.url!, "http://node");
    if (pathname === "/v1/metrics/live") {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(`: hello\n\n${eventOf(current)}`);
      streams.add(response.on("close", () => streams.delete(response)));
    } else if (pathname === "/v1/metrics/overview") {
      response.end(JSON.stringify(current));
    } else if (pathname === "/v1/groups") {
      response.end(JSON.stringify({ groups: [{ group: "coolsite" }, { group: "shop" }, { group: "$ledger" }] }));
    } else {
      response.writeHead(404, { "content-type": "application/problem+json" });
      response.end(JSON.stringify({ code: "NOT_FOUND", title: "Not found", detail: "there is no such thing" }));
    }
  };
  let server = createServer(answer);
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  t.after(stop);
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    send(next) {
      current = next;
      for (const stream of streams) stream.write(eventOf(next));
    },
    stop,
    async start() {
      server = createServer(answer);
      await listen(port);
    },
  };
}
