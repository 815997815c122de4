import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import http from "node:http";
import { test } from "node:test";
import zlib from "node:zlib";
import { newProducer } from "../../src/message/batch.ts";
import { batchOfLines } from "../../src/message/body.ts";
import { waitFor } from "../wait.ts";
import { getText, messagesUrl, post, testNode } from "./running.ts";

const FRAMES = { "content-type": "application/vnd.logspread.frames" };
const NDJSON = { "content-type": "application/x-ndjson" };

test("lines that are published come back as they were, the last without newline too", async (t) => {
  const { url } = await testNode(t);
  const { status, json } = await post(messagesUrl(url), "one\ntwo\r\n\nthree");
  assert.equal(status, 200);
  assert.deepEqual(json, { group: "web", messages: 4, batches: 1, duplicates: 0, firstPosition: 1, lastPosition: 1 });
  assert.equal(await getText(messagesUrl(url)), "one\ntwo\r\n\nthree\n");
});

test("bytes that are not UTF-8 pass unchanged", async (t) => {
  const { url } = await testNode(t);
  const bytes = Buffer.concat([Buffer.from(randomBytes(5000).filter((b) => b !== 10)), Buffer.from("\n")]);
  await post(messagesUrl(url), bytes);
  const back = Buffer.from(await (await fetch(messagesUrl(url))).arrayBuffer());
  assert.ok(back.equals(bytes));
});

test("an empty body stores nothing and says so", async (t) => {
  const { url } = await testNode(t);
  const { json } = await post(messagesUrl(url), "");
  assert.deepEqual(json, {
    group: "web",
    messages: 0,
    batches: 0,
    duplicates: 0,
    firstPosition: null,
    lastPosition: null,
  });
});

test("a long body becomes batches of at most 1 MiB, every line once and in order", async (t) => {
  const { url } = await testNode(t);
  const lines = Array.from({ length: 40_000 }, (_, i) => `line ${i} ${"x".repeat(i % 200)}`);
  const text = `${lines.join("\n")}\n`;
  const { json } = await post(messagesUrl(url), text);
  assert.equal(json.messages, 40_000);
  assert.ok(
    json.batches >= text.length / 2 ** 20 && json.batches <= 2 + text.length / 2 ** 19,
    `${json.batches} batches`,
  );
  assert.equal(await getText(messagesUrl(url)), text);
});

for (const [encoding, compress] of [
  ["gzip", zlib.gzipSync],
  ["zstd", zlib.zstdCompressSync],
] as const) {
  test(`a ${encoding} body is decoded`, async (t) => {
    const { url } = await testNode(t);
    const { status, json } = await post(messagesUrl(url), compress("a\nb\n"), { "content-encoding": encoding });
    assert.deepEqual([status, json.messages], [200, 2]);
    assert.equal(await getText(messagesUrl(url)), "a\nb\n");
  });
}

test("lines of a body that pauses are readable before it ends", async (t) => {
  const { url } = await testNode(t);
  const request = http.request(messagesUrl(url), { method: "POST" });
  const answered = new Promise<http.IncomingMessage>((resolve) => request.once("response", resolve));
  request.write("early\nhal");
  await waitFor(async () => (await getText(messagesUrl(url))) === "early\n");
  request.end("f\n");
  assert.equal((await answered).statusCode, 200);
  assert.equal(await getText(messagesUrl(url)), "early\nhalf\n");
});

test("the sender is the header's, or the address", async (t) => {
  const { url } = await testNode(t);
  await post(messagesUrl(url), "a");
  await post(messagesUrl(url), "b", { "logspread-sender": "apache@web1" });
  const lines = (await getText(messagesUrl(url, "web", "?format=ndjson"))).trim().split("\n");
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).sender),
    ["http@127.0.0.1", "apache@web1"],
  );
});

test("a second try with the same producer and sequence stores nothing", async (t) => {
  const { url } = await testNode(t);
  const headers = { "logspread-producer": "0123456789abcdef0123456789abcdef", "logspread-sequence": "7" };
  const first = await post(messagesUrl(url), "a\nb\n", headers);
  const second = await post(messagesUrl(url), "a\nb\n", headers);
  assert.deepEqual([first.json.duplicates, first.json.firstPosition], [0, 1]);
  assert.deepEqual([second.status, second.json.duplicates, second.json.firstPosition], [200, 1, null]);
  assert.equal(await getText(messagesUrl(url)), "a\nb\n");
});

test("a body with idempotence headers that does not fit one batch is refused whole", async (t) => {
  const { url } = await testNode(t);
  const headers = { "logspread-producer": "ab".repeat(16), "logspread-sequence": "1" };
  const { status, json } = await post(messagesUrl(url), "x\n".repeat(600_000), headers);
  assert.deepEqual([status, json.code], [413, "TOO_LARGE"]);
  assert.match(json.detail, /must fit one batch/);
  assert.equal(await getText(messagesUrl(url)), "");
});

test("idempotence headers that are not whole are refused", async (t) => {
  const { url } = await testNode(t);
  for (const headers of [
    { "logspread-producer": "ab".repeat(16) },
    { "logspread-sequence": "1" },
    { "logspread-producer": "xyz", "logspread-sequence": "1" },
    { "logspread-producer": "ab".repeat(16), "logspread-sequence": "0" },
  ] as Record<string, string>[]) {
    const { status, json } = await post(messagesUrl(url), "a", headers);
    assert.deepEqual([status, json.code], [400, "BAD_REQUEST"]);
  }
});

test("a line that is too long is refused with its number, and nothing of its batch is stored", async (t) => {
  const { url } = await testNode(t, { limits: { messageBytes: 10 } });
  const { status, json } = await post(messagesUrl(url), `ok\n${"x".repeat(10)}\n${"y".repeat(11)}\nz\n`);
  assert.deepEqual([status, json.code], [413, "TOO_LARGE"]);
  assert.match(json.detail, /^line 3 is too long/);
  assert.equal(await getText(messagesUrl(url)), "");
});

test("a line longer than a batch is refused while it arrives, not gathered", async (t) => {
  const { url } = await testNode(t);
  const { status, json } = await post(messagesUrl(url), `first\n${"x".repeat(4_000_000)}`);
  assert.equal(status, 413);
  assert.match(json.detail, /^line 2 is too long/);
});

test("a failure in the middle says how many messages had been stored", async (t) => {
  const { url } = await testNode(t);
  const good = "0123456789\n".repeat(200_000);
  const { status, json } = await post(messagesUrl(url), `${good}${"x".repeat(2_000_000)}\n`);
  assert.equal(status, 413);
  assert.ok(json.stored.messages > 0 && json.stored.messages <= 200_000);
  assert.match(json.detail, new RegExp(`first ${json.stored.messages} messages`));
  assert.equal((await getText(messagesUrl(url))).length, json.stored.messages * 11);
});

test("a body over limits.bodyBytes is refused, announced or not", async (t) => {
  const { url } = await testNode(t, { limits: { bodyBytes: 100 } });
  const announced = await post(messagesUrl(url), "x".repeat(101));
  assert.deepEqual([announced.status, announced.json.code], [413, "TOO_LARGE"]);
  const streamed = await post(messagesUrl(url), new Blob(["x".repeat(101)]).stream());
  assert.deepEqual([streamed.status, streamed.json.code], [413, "TOO_LARGE"]);
});

test("NDJSON carries text and binary, and what GET writes POST takes", async (t) => {
  const { url } = await testNode(t);
  const binary = Buffer.from([0, 255, 10, 7]);
  const body = `{"message":"grüß\\ngott","other":1}\n{"data":"${binary.toString("base64")}"}\n\n{"message":""}\n`;
  assert.equal((await post(messagesUrl(url, "in"), body, NDJSON)).json.messages, 3);
  const copied = await getText(messagesUrl(url, "in", "?format=ndjson"));
  assert.equal((await post(messagesUrl(url, "out"), copied, NDJSON)).json.messages, 3);
  const lines = (await getText(messagesUrl(url, "out", "?format=ndjson")))
    .trim()
    .split("\n")
    .map((l) => JSON.parse(l));
  assert.deepEqual(
    lines.map(({ message, data }) => [message, data]),
    [
      ["grüß\ngott", undefined],
      [undefined, binary.toString("base64")],
      ["", undefined],
    ],
  );
});

test("a bad NDJSON line is refused with its number, and nothing of its batch is stored", async (t) => {
  const { url } = await testNode(t);
  const ok = '{"message":"ok"}';
  for (const [bad, why] of [
    ["{", "not JSON"],
    ["[1]", "not an object"],
    ['{"text":"x"}', "neither"],
    ['{"data":"?"}', "base64"],
    ['{"message":"a","data":"YQ=="}', "both"],
    [Buffer.from([0x7b, 0xff, 0x7d]).toString("latin1"), "UTF-8"],
  ] as const) {
    const body = Buffer.from(`${ok}\n${ok}\n${bad}\n${ok}\n`, "latin1");
    const { status, json } = await post(messagesUrl(url), body, NDJSON);
    assert.deepEqual([status, json.code], [400, "BAD_REQUEST"], bad);
    assert.match(json.detail, /^line 3 is not a message/);
    assert.match(json.detail, new RegExp(why));
  }
  assert.equal(await getText(messagesUrl(url)), "");
});

async function framesOf(groups: readonly string[], producer = newProducer()): Promise<Buffer[]> {
  const label = { sender: "t@t", producer, createdUs: Date.now() * 1000 };
  const batches = groups.map((group, i) => batchOfLines({ ...label, group, sequence: i + 1 }, Buffer.from(`${i}\n`)));
  return (await Promise.all(batches)).map(({ frame }) => frame);
}

test("frames are stored in their order and answered with a receipt each", async (t) => {
  const { url } = await testNode(t);
  const frames = await framesOf(["web", "web", "web"]);
  const first = await post(messagesUrl(url), Buffer.concat(frames.slice(0, 2)), FRAMES);
  assert.deepEqual(
    first.json.receipts.map((r: { kind: string; position: number }) => [r.kind, r.position]),
    [
      ["stored", 1],
      ["stored", 2],
    ],
  );
  assert.ok(first.json.receipts[0].busTimeUs > 1e15);
  const again = await post(messagesUrl(url), Buffer.concat(frames), FRAMES);
  assert.deepEqual(
    again.json.receipts.map((r: { kind: string }) => r.kind),
    ["duplicate", "duplicate", "stored"],
  );
  assert.equal(await getText(messagesUrl(url)), "0\n1\n2\n");
});

test("frames of several groups go to the path of any group, and to no other", async (t) => {
  const { url } = await testNode(t);
  const body = Buffer.concat(await framesOf(["a", "b"]));
  const wrong = await post(messagesUrl(url, "a"), body, FRAMES);
  assert.equal(wrong.status, 400);
  assert.equal(await getText(messagesUrl(url, "*")), "");
  assert.equal((await post(messagesUrl(url, "*"), body, FRAMES)).json.receipts.length, 2);
  assert.equal(await getText(messagesUrl(url, "b")), "1\n");
});

test("one damaged frame refuses the whole body", async (t) => {
  const { url } = await testNode(t);
  const body = Buffer.concat(await framesOf(["web", "web"]));
  body[body.length - 1]! ^= 1;
  const { status, json } = await post(messagesUrl(url), body, FRAMES);
  assert.deepEqual([status, json.code], [400, "BAD_FRAME"]);
  const cut = await post(messagesUrl(url), body.subarray(0, 50), FRAMES);
  assert.deepEqual([cut.status, cut.json.code], [400, "BAD_FRAME"]);
  assert.equal(await getText(messagesUrl(url)), "");
});

test("nothing can be published to the bus's own groups", async (t) => {
  const { url } = await testNode(t);
  assert.equal((await post(messagesUrl(url, "$ledger"), "x")).status, 400);
  assert.equal((await post(messagesUrl(url, "*"), Buffer.concat(await framesOf(["$ledger"])), FRAMES)).status, 400);
});

test("requests of one sender share producers, so that the bus need not remember one for each", async (t) => {
  const { url } = await testNode(t);
  for (let i = 0; i < 20; i++) await post(messagesUrl(url), `${i}`);
  const { json } = (await (async () => ({ json: await (await fetch(`${url}/v1/ledger`)).json() }))()) as {
    json: { producers: unknown[]; messages: number };
  };
  assert.deepEqual([json.producers.length, json.messages], [1, 20]);
});
