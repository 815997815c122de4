import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { EventStream, eventOf } from "../../src/node/api/events.ts";
import { LiveStreams } from "../../src/node/api/metrics-live.ts";
import type { Query } from "../../src/outputs/metrics/messages.ts";
import { waitFor } from "../wait.ts";

const QUERY: Query = { kind: "overview", filter: { groups: [], servers: [] }, range: { lastS: 60 }, topRows: 1 };

/** A server that answers each request with a stream of events, and hands it over. */
async function serving(t: TestContext, begun: (stream: EventStream) => void): Promise<string> {
  const server = http.createServer((_, response) => begun(new EventStream(response)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A client that has the beginning of the answer and reads on when it is told to. */
function connect(t: TestContext, url: string): Promise<http.IncomingMessage> {
  return new Promise((resolve) => {
    const request = http.get(url, (response) => resolve(response));
    request.on("error", () => {});
    t.after(() => request.destroy());
  });
}

test("a client that does not read misses events, and gets the later ones whole", async (t) => {
  const streams: EventStream[] = [];
  const url = await serving(t, (stream) => streams.push(stream));
  const response = await connect(t, url);
  const json = Buffer.from(JSON.stringify("x".repeat(100_000)));
  const [stream] = streams;
  for (let id = 1; stream!.skipped < 50; id++) {
    stream!.send(eventOf("overview", id, json));
    assert.ok(id < 1000, "everything was kept for a client that reads nothing");
    await new Promise((resolve) => setImmediate(resolve));
  }
  let text = "";
  response.setEncoding("utf8").on("data", (piece: string) => (text += piece));
  let sent = 0;
  await waitFor(() => {
    stream!.send(eventOf("overview", 100_000 + ++sent, json));
    return text.includes("id: 10000");
  });
  const events = text.split("\n\n").slice(1, -1);
  for (const event of events) assert.match(event, /^id: \d+\nevent: overview\ndata: "x{100000}"$/);
});

test("a view is computed once a second for all who look at it, and not at all when nobody does", async (t) => {
  let asked = 0;
  const ask = async () => Buffer.from(String(++asked));
  const live = new LiveStreams({ ask, nowUs: () => Date.now() * 1000, report: () => {} });
  const url = await serving(t, (stream) => void live.follow(QUERY, stream));
  const clients = await Promise.all([1, 2, 3].map(() => connect(t, url)));
  const texts = ["", "", ""];
  for (const [i, client] of clients.entries()) {
    client.setEncoding("utf8").on("data", (piece: string) => (texts[i] += piece));
  }
  await waitFor(() => texts.every((text) => text.includes("data: 3\n")));
  assert.ok(asked <= 4, `it was asked ${asked} times`);
  for (const client of clients) client.destroy();
  await waitFor(() => live.views === 0);
  const before = asked;
  const again = await connect(t, url);
  await once(again, "data");
  // Of the view that nobody looked at any more, no timer was left that asks beside the new one's.
  assert.ok(asked <= before + 2, `it was asked ${asked - before} times for one who looks`);
});

test("only so many different views are followed at once", async (t) => {
  const ask = async () => Buffer.from("{}");
  const live = new LiveStreams({ ask, nowUs: () => Date.now() * 1000, report: () => {} });
  let next = 0;
  const url = await serving(t, (stream) => void live.follow({ ...QUERY, range: { lastS: ++next } }, stream));
  const clients = await Promise.all(Array.from({ length: 32 }, () => connect(t, url)));
  assert.throws(() => live.checkRoom({ ...QUERY, range: { lastS: 1000 } }), { code: "BUSY" });
  live.checkRoom({ ...QUERY, range: { lastS: 1 } });
  clients[0]!.destroy();
  await waitFor(() => live.views < 32);
  live.checkRoom({ ...QUERY, range: { lastS: 1000 } });
});
