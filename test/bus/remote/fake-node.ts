/** A node of a few lines: keeps frames in memory as the bus would, and fails as a test tells it to. */
import http from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { TestContext } from "node:test";
import type { Receipt } from "../../../src/bus/bus.ts";
import type { Batch } from "../../../src/message/batch.ts";
import { openBody } from "../../../src/message/body.ts";
import { encodeHeartbeat, encodePlace, type PlacedBatch } from "../../../src/message/delivery.ts";
import { decodeFrames } from "../../../src/message/frame.ts";

/** What it does with a publish; `lose-answer`: takes it and breaks the connection. */
export type Mood =
  | { readonly kind: "well" }
  | {
      readonly kind: "status";
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body?: unknown;
    }
  | { readonly kind: "break" }
  | { readonly kind: "lose-answer" }
  | { readonly kind: "silent" };

export class FakeNode {
  readonly stored: PlacedBatch[] = [];
  duplicates = 0;
  /** Keep only counts: for tests of megabytes. */
  forget = false;
  requests = 0;
  /** Batches in each publish that was taken. */
  readonly groupSizes: number[] = [];
  /** Asked with each publish. */
  mood: (batches: readonly Batch[]) => Mood = () => ({ kind: "well" });
  /** Heartbeats while a subscription is idle. */
  heartbeatMs = 20;
  #last = new Map<string, number>();
  #server: http.Server | undefined;
  #sockets = new Set<Socket>();
  #followers = new Set<() => void>();
  #port = 0;
  #messages = 0;
  #socketPath: string | undefined;

  static async start(t: TestContext, socketPath?: string): Promise<FakeNode> {
    const node = new FakeNode();
    node.#socketPath = socketPath;
    await node.up();
    t.after(() => node.down());
    return node;
  }

  get url(): string {
    return this.#socketPath === undefined ? `http://127.0.0.1:${this.#port}` : `unix:${this.#socketPath}`;
  }

  /** Listens, at the same address as before. */
  async up(): Promise<void> {
    const server = http.createServer((request, response) => void this.#answer(request, response));
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket)).on("error", () => {});
    });
    await new Promise<void>((resolve, reject) => {
      server.on("error", reject);
      if (this.#socketPath === undefined) server.listen(this.#port, "127.0.0.1", resolve);
      else server.listen(this.#socketPath, resolve);
    });
    if (this.#socketPath === undefined) this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** As a kill -9 would: connections break. */
  async down(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  }

  breakConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Everything that was stored of `group`, one line after another. */
  async text(group?: string): Promise<string> {
    let text = "";
    for (const { batch } of this.stored) {
      if (group === undefined || batch.group === group) text += (await openBody(batch)).toString("latin1");
    }
    return text;
  }

  get messages(): number {
    return this.#messages;
  }

  store(batch: Batch): Receipt {
    const key = batch.producer.toString("hex");
    if (batch.sequence <= (this.#last.get(key) ?? 0)) {
      this.duplicates++;
      return { kind: "duplicate" };
    }
    this.#last.set(key, batch.sequence);
    const placed: PlacedBatch = {
      kind: "batch",
      position: this.stored.length + 1,
      busTimeUs: Date.now() * 1000,
      batch,
    };
    this.#messages += batch.count;
    if (!this.forget) this.stored.push(placed);
    for (const wake of this.#followers) wake();
    return { kind: "stored", position: placed.position, busTimeUs: placed.busTimeUs };
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    this.requests++;
    try {
      if (request.method === "POST") await this.#publish(request, response);
      else if (request.url === "/v1/groups") json(response, 200, this.#status());
      else await this.#subscribe(request, response);
    } catch (thrown) {
      if (!response.destroyed) json(response, 400, { code: "BAD_FRAME", detail: String(thrown) });
    }
  }

  #status() {
    return { firstPosition: 1, lastPosition: this.stored.length, bytes: 0, groups: [] };
  }

  async #publish(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
    const batches = decodeFrames(Buffer.concat(parts));
    const mood = this.mood(batches);
    switch (mood.kind) {
      case "well":
        this.groupSizes.push(batches.length);
        return json(response, 200, { receipts: batches.map((batch) => this.store(batch)) });
      case "status":
        return json(response, mood.status, mood.body ?? { detail: "as the test wished" }, mood.headers);
      case "break":
        return void request.socket.destroy();
      case "lose-answer":
        for (const batch of batches) this.store(batch);
        return void request.socket.destroy();
      case "silent":
        return;
      default:
        mood satisfies never;
    }
  }

  async #subscribe(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const url = new URL(request.url!, "http://node");
    const follow = url.searchParams.get("follow") === "true";
    let next = Number(url.searchParams.get("from")) || 1;
    response.writeHead(200);
    response.flushHeaders();
    while (!response.destroyed) {
      for (; next <= this.stored.length; next++) {
        const { position, busTimeUs, batch } = this.stored[next - 1]!;
        response.write(encodePlace(position, busTimeUs, batch.frame));
        response.write(batch.frame);
      }
      if (!follow) break;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => {
          response.write(encodeHeartbeat({ kind: "heartbeat", lastPosition: this.stored.length, busTimeUs: 1 }));
          done();
        }, this.heartbeatMs);
        const done = () => {
          clearTimeout(timer);
          this.#followers.delete(done);
          response.off("close", done);
          resolve();
        };
        this.#followers.add(done);
        response.on("close", done);
      });
    }
    response.end();
  }
}

function json(
  response: http.ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}
