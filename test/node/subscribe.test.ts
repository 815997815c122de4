import assert from "node:assert/strict";
import http from "node:http";
import net from "node:net";
import { type TestContext, test } from "node:test";
import { newProducer } from "../../src/message/batch.ts";
import { batchOfLines } from "../../src/message/body.ts";
import { type Delivery, decodeRecord, type Heartbeat, recordLength } from "../../src/message/delivery.ts";
import { encodeBatch } from "../../src/message/frame.ts";
import { waitFor } from "../wait.ts";
import { getText, messagesUrl, post, testNode } from "./running.ts";

const NDJSON = { "content-type": "application/x-ndjson" };
const FRAMES = { "content-type": "application/vnd.logspread.frames" };

interface Follow {
  readonly bytes: () => Buffer;
  readonly text: () => string;
  readonly ended: () => boolean;
  readonly headers: http.IncomingHttpHeaders;
  readonly response: http.IncomingMessage;
  close(): void;
}

/** Begins to follow; resolves when the headers have come. */
function follow(t: TestContext, url: string): Promise<Follow> {
  return new Promise((resolve, reject) => {
    const request = http.get(url, (response) => {
      const chunks: Buffer[] = [];
      let ended = false;
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => (ended = true));
      response.on("error", () => {});
      const bytes = () => Buffer.concat(chunks);
      resolve({
        bytes,
        text: () => bytes().toString(),
        ended: () => ended,
        headers: response.headers,
        response,
        close: () => request.destroy(),
      });
    });
    request.on("error", reject);
    t.after(() => request.destroy());
  });
}

function recordsIn(bytes: Buffer): (Delivery | Heartbeat)[] {
  const records: (Delivery | Heartbeat)[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = recordLength(bytes, at);
    if (length === undefined || at + length > bytes.length) break;
    records.push(decodeRecord(bytes, at));
    at += length;
  }
  return records;
}

test("a follower gets what was there and what comes", async (t) => {
  const { url } = await testNode(t);
  await post(messagesUrl(url), "old\n");
  const reader = await follow(t, messagesUrl(url, "web", "?follow=true&from=first"));
  await waitFor(() => reader.text() === "old\n");
  await post(messagesUrl(url), "new\n");
  await waitFor(() => reader.text() === "old\nnew\n");
});

test("a follower from new misses nothing that is published once it has the headers", async (t) => {
  const { url } = await testNode(t);
  await post(messagesUrl(url), "old\n");
  for (let i = 0; i < 20; i++) {
    const reader = await follow(t, messagesUrl(url, "web", "?follow=true"));
    await post(messagesUrl(url), `${i}\n`);
    await waitFor(() => reader.text() === `${i}\n`);
    reader.close();
  }
});

test("from takes a position, a time and a time ago", async (t) => {
  let now = 1_795_514_400_000_000;
  const { url } = await testNode(t, {}, { nowUs: () => now });
  for (const line of ["a", "b", "c"]) {
    await post(messagesUrl(url), line);
    now += 60e6;
  }
  for (const [from, expected] of [
    ["first", "a\nb\nc\n"],
    ["2", "b\nc\n"],
    ["4", ""],
    ["2026-11-24T10:01:00Z", "b\nc\n"],
    ["2026-11-24T10:01:00.000001Z", "c\n"],
    ["2026-11-24T11:01:00+01:00", "b\nc\n"],
    ["@1795514520", "c\n"],
    ["90s", "c\n"],
    ["-150s", "b\nc\n"],
    ["new", ""],
  ] as const) {
    assert.equal(await getText(messagesUrl(url, "web", `?from=${from}`)), expected, from);
  }
});

test("a wrong parameter is refused with what is allowed", async (t) => {
  const { url } = await testNode(t);
  for (const [query, expected] of [
    ["?from=yesterday", /first.*new.*position.*2026/],
    ["?from=17", /last one is 0/],
    ["?limit=0", /limit=100/],
    ["?follow=maybe", /follow=true or follow=false/],
    ["?format=xml", /text, ndjson or frames/],
    ["?form=text", /from, follow, limit and format/],
    ["?from=1&from=2", /given twice/],
  ] as const) {
    const response = await fetch(messagesUrl(url, "web", query));
    const json = (await response.json()) as { code: string; detail: string };
    assert.deepEqual([response.status, json.code], [400, "BAD_REQUEST"], query);
    assert.match(json.detail, expected);
    assert.equal(response.headers.get("content-type"), "application/problem+json");
  }
});

test("groups are chosen by a list with patterns; system groups only by name", async (t) => {
  const { url } = await testNode(t);
  for (const group of ["shop-a", "shop-b", "blog", "other"]) await post(messagesUrl(url, group), group);
  assert.equal(await getText(messagesUrl(url, "shop-*,blog")), "shop-a\nshop-b\nblog\n");
  assert.equal(await getText(messagesUrl(url, "*")), "shop-a\nshop-b\nblog\nother\n");
});

test("limit ends after so many messages, within a batch", async (t) => {
  const { url } = await testNode(t);
  await post(messagesUrl(url), "a\nb\nc\n");
  await post(messagesUrl(url), "d\ne\n");
  assert.equal(await getText(messagesUrl(url, "web", "?limit=2")), "a\nb\n");
  assert.equal(await getText(messagesUrl(url, "web", "?limit=4&follow=true&from=first")), "a\nb\nc\nd\n");
  const json = await getText(messagesUrl(url, "web", "?limit=4&format=ndjson"));
  assert.equal(json.trim().split("\n").length, 4);
});

test("NDJSON says the place, the bus's time to the microsecond, and the content", async (t) => {
  const { url } = await testNode(t, {}, { nowUs: () => 1_795_514_400_000_123 });
  await post(messagesUrl(url), "a\nb\n", { "logspread-sender": "apache@web1" });
  const lines = (await getText(messagesUrl(url), { accept: "application/x-ndjson" })).trim().split("\n");
  assert.deepEqual(JSON.parse(lines[1]!), {
    position: 1,
    index: 1,
    group: "web",
    sender: "apache@web1",
    busTime: "2026-11-24T10:00:00.000123Z",
    message: "b",
  });
});

test("in text a newline within a message is written as two characters", async (t) => {
  const { url } = await testNode(t);
  await post(messagesUrl(url), '{"message":"a\\nb"}\n{"message":"c"}\n', NDJSON);
  assert.equal(await getText(messagesUrl(url)), "a\\nb\nc\n");
  assert.equal(await getText(messagesUrl(url, "web", "?limit=1")), "a\\nb\n");
});

test("frames come as records that hold the very frames that were published", async (t) => {
  const { url } = await testNode(t);
  const label = { group: "web", sender: "t@t", producer: newProducer(), sequence: 1, createdUs: 5 };
  const { frame } = await batchOfLines(label, Buffer.from("compress me\n".repeat(1000)));
  await post(messagesUrl(url), frame, FRAMES);
  const response = await fetch(messagesUrl(url), { headers: { accept: "application/vnd.logspread.records" } });
  assert.equal(response.headers.get("content-type"), "application/vnd.logspread.records");
  const [record, ...rest] = recordsIn(Buffer.from(await response.arrayBuffer()));
  assert.ok(record?.kind === "batch" && record.position === 1 && record.batch.frame.equals(frame));
  assert.deepEqual(rest, []);
});

test("an idle subscription to frames is sent heartbeats with the last position", async (t) => {
  const { url } = await testNode(t, {}, { heartbeatMs: 20 });
  await post(messagesUrl(url), "a");
  const reader = await follow(t, messagesUrl(url, "web", "?follow=true&format=frames"));
  await waitFor(() => recordsIn(reader.bytes()).length >= 2);
  const [beat] = recordsIn(reader.bytes());
  assert.ok(beat?.kind === "heartbeat" && beat.lastPosition === 1);
});

/** A node whose retention has deleted the first batches. */
async function withRetention(t: TestContext) {
  const node = await testNode(t, {
    bus: { embedded: { segmentBytes: 1000, recentBytes: 1, retain: { bytes: 1000 } } },
  });
  let last = 0;
  await waitFor(async () => {
    const body = Array.from({ length: 20 }, () => Math.random().toString(36)).join("\n");
    last = (await post(messagesUrl(node.url), body)).json.lastPosition;
    return ((await (await fetch(`${node.url}/v1/groups`)).json()) as { firstPosition: number }).firstPosition > 3;
  });
  return { ...node, last };
}

test("what retention deleted is told as a gap: a record, an object, a trailer", async (t) => {
  const { url } = await withRetention(t);
  const frames = await fetch(messagesUrl(url, "web", "?from=1&format=frames"));
  const [record] = recordsIn(Buffer.from(await frames.arrayBuffer()));
  assert.ok(record?.kind === "gap" && record.first === 1 && record.reason === "retention");
  assert.equal(record.messages, record.last * 20);
  const [object] = (await getText(messagesUrl(url, "web", "?from=1&format=ndjson"))).split("\n");
  const { gap } = JSON.parse(object!);
  assert.deepEqual([gap.first, gap.reason, gap.messages % 20], [1, "retention", 0]);
  const reader = await follow(t, messagesUrl(url, "web", "?from=1"));
  await waitFor(reader.ended);
  assert.equal(Number(reader.response.trailers["logspread-missing-messages"]) % 20, 0);
});

test("a batch that cannot be opened is told as a gap and does not end the subscription", async (t) => {
  const { url } = await testNode(t);
  const header = { group: "web", sender: "t@t", producer: newProducer(), createdUs: 5, losses: [], count: 3 };
  const broken = encodeBatch({
    ...header,
    sequence: 1,
    kind: "lines",
    compression: "zstd",
    rawBytes: 100,
    body: Buffer.from("this is no zstd"),
  });
  assert.equal((await post(messagesUrl(url), broken.frame, FRAMES)).status, 200);
  await post(messagesUrl(url), "after\n");
  assert.equal(await getText(messagesUrl(url)), "after\n");
  const [gap, message] = (await getText(messagesUrl(url, "web", "?format=ndjson"))).trim().split("\n");
  assert.deepEqual(JSON.parse(gap!), { gap: { first: 1, last: 1, messages: 3, reason: "damage" } });
  assert.equal(JSON.parse(message!).message, "after");
});

async function followers(url: string): Promise<number> {
  return Number(/^logspread_followers (\d+)$/m.exec(await getText(`${url}/metrics`))![1]);
}

test("a client that goes away frees its subscription at once", async (t) => {
  const { url } = await testNode(t);
  const readers = await Promise.all(
    Array.from({ length: 5 }, () => follow(t, messagesUrl(url, "web", "?follow=true&format=frames"))),
  );
  assert.equal(await followers(url), 5);
  for (const reader of readers) reader.close();
  await waitFor(async () => (await followers(url)) === 0);
});

test("a client that does not read holds nobody up, loses nothing, and the node does not gather for it", async (t) => {
  const { url } = await testNode(t);
  const { hostname, port } = new URL(url);
  const lazy = net.connect(Number(port), hostname);
  t.after(() => lazy.destroy());
  lazy.pause();
  lazy.write("GET /v1/groups/web/messages?follow=true&from=first HTTP/1.0\r\nLogspread-Subscriber: lazy\r\n\r\n");
  await waitFor(async () => (await followers(url)) === 1);
  const eager = await follow(t, messagesUrl(url, "web", "?follow=true"));
  const body = `${"0123456789abcdef".repeat(64)}\n`.repeat(1000);
  const posts = 40;
  for (let i = 0; i < posts; i++) await post(messagesUrl(url), body);
  await waitFor(() => eager.bytes().length === posts * body.length);
  // Its subscription waits on disk: of some 40 batches, only what fits the network's buffers and one more MiB was taken.
  const lag = /^logspread_subscriber_lag_positions\{subscriber="lazy",.*\} (\d+)$/m.exec(
    await getText(`${url}/metrics`),
  );
  assert.ok(Number(lag?.[1]) > posts / 2, `lag ${lag?.[1]}`);
  let received = 0;
  lazy.on("data", (chunk) => (received += chunk.length));
  lazy.resume();
  await waitFor(() => received > posts * body.length);
});

test("a stop ends followers cleanly, and cuts what should have had an end", async (t) => {
  const node = await testNode(t);
  await post(messagesUrl(node.url), "a\n");
  const reader = await follow(t, messagesUrl(node.url, "web", "?follow=true&from=first"));
  await waitFor(() => reader.text() === "a\n");
  await node.close();
  await waitFor(reader.ended);
  assert.equal(reader.response.complete, true);
});
