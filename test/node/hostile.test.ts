import assert from "node:assert/strict";
import http from "node:http";
import net from "node:net";
import { test } from "node:test";
import zlib from "node:zlib";
import { waitFor } from "../wait.ts";
import { getText, messagesUrl, post, raw, testNode } from "./running.ts";

const HEAD = "POST /v1/groups/web/messages HTTP/1.1\r\nHost: x\r\n";

function problemIn(answer: string): { status: number; code: string; detail: string } {
  assert.match(answer, /application\/problem\+json/i);
  return JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4));
}

test("headers that are too large are refused with a problem", async (t) => {
  const { url } = await testNode(t);
  const answer = await raw(url, `${HEAD}X: ${"x".repeat(100_000)}\r\n\r\n`);
  assert.match(answer, /^HTTP\/1.1 431 /);
  assert.equal(problemIn(answer).code, "BAD_REQUEST");
});

test("what is no HTTP is refused with a problem", async (t) => {
  const { url } = await testNode(t);
  const answer = await raw(url, "\x16\x03\x01 hello TLS\r\n\r\n");
  assert.match(answer, /^HTTP\/1.1 400 /);
  assert.equal(problemIn(answer).code, "BAD_REQUEST");
});

test("two lengths, or a length and chunks, are refused: nobody can smuggle a request", async (t) => {
  const { url } = await testNode(t);
  assert.match(await raw(url, `${HEAD}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`), /^HTTP\/1.1 400 /);
  assert.match(
    await raw(url, `${HEAD}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n`),
    /^HTTP\/1.1 400 /,
  );
});

test("a body that is shorter than announced stores no half line and leaves nothing behind", async (t) => {
  const { url, log } = await testNode(t);
  await raw(url, `${HEAD}Content-Length: 100\r\n\r\nhalf`, { end: true });
  const { json } = await post(messagesUrl(url), "after\n");
  assert.equal(json.messages, 1);
  assert.equal(await getText(messagesUrl(url)), "after\n");
  assert.deepEqual(
    log.filter(({ level }) => level === "error"),
    [],
  );
});

test("a body that stalls is answered with 408, and what had come is stored and told", async (t) => {
  const { url } = await testNode(t, { limits: { bodyIdle: "100ms" } });
  const answer = await raw(url, `${HEAD}Transfer-Encoding: chunked\r\n\r\na\r\nwhole\nhalf\r\n`);
  assert.match(answer, /^HTTP\/1.1 408 /);
  assert.match(problemIn(answer).detail, /first 1 messages/);
  assert.equal(await getText(messagesUrl(url)), "whole\n");
});

test("a body that is not what its Content-Encoding says is refused", async (t) => {
  const { url } = await testNode(t);
  for (const encoding of ["gzip", "zstd"]) {
    const { status, json } = await post(messagesUrl(url), "this is neither", { "content-encoding": encoding });
    assert.deepEqual([status, json.code], [400, "BAD_REQUEST"], encoding);
    assert.match(json.detail, new RegExp(`not ${encoding}`));
  }
  const cut = zlib.gzipSync("a\n".repeat(1000)).subarray(0, 20);
  assert.equal((await post(messagesUrl(url), cut, { "content-encoding": "gzip" })).status, 400);
  assert.equal((await post(messagesUrl(url), "x", { "content-encoding": "br" })).status, 415);
  assert.equal(await getText(messagesUrl(url)), "");
});

test("a decompression bomb is cut off at the limit", async (t) => {
  const { url } = await testNode(t, { limits: { bodyBytes: "1MiB", framesBytes: "1MiB" } });
  for (const type of ["text/plain", "application/vnd.logspread.frames"]) {
    const bomb = zlib.gzipSync(Buffer.alloc(100_000_000, "\n"));
    const headers = { "content-encoding": "gzip", "content-type": type };
    const { status, json } = await post(messagesUrl(url), bomb, headers);
    assert.deepEqual([status, json.code], [413, "TOO_LARGE"]);
    assert.match(json.detail, /once its gzip is undone/);
  }
});

test("a group's name leads nowhere else, whatever it holds", async (t) => {
  const { url } = await testNode(t);
  for (const name of ["..%2F..%2Fetc", "%2Fetc%2Fpasswd", "a%00b", "a%20b", "%2A", "%0A", "%80", "x".repeat(300)]) {
    const answer = await raw(
      url,
      `POST /v1/groups/${name}/messages HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx`,
    );
    assert.match(answer, /^HTTP\/1.1 400 /, name);
    problemIn(answer);
  }
  const { groups } = JSON.parse(await getText(`${url}/v1/groups`));
  assert.deepEqual(groups, []);
});

test("a cursor's name leads nowhere else, whatever it holds", async (t) => {
  const { url } = await testNode(t);
  for (const name of ["..%2Fstate", ".hidden", "a%2Fb", "a%00"]) {
    const response = await fetch(`${url}/v1/cursors/${name}`, { method: "PUT", body: '{"position":0}' });
    assert.equal(response.status, 400, name);
  }
});

test("a sender with control characters is refused", async (t) => {
  const { url } = await testNode(t);
  for (const sender of ["a b", "\x80", "x".repeat(201)]) {
    const answer = await raw(
      url,
      Buffer.from(`${HEAD}Connection: close\r\nLogspread-Sender: ${sender}\r\nContent-Length: 1\r\n\r\nx`, "latin1"),
    );
    assert.match(answer, /^HTTP\/1.1 400 /, JSON.stringify(sender));
  }
});

test("the Host header cannot write into the page at /", async (t) => {
  const { url } = await testNode(t);
  const answer = await raw(url, "GET / HTTP/1.1\r\nHost: <script>\r\nConnection: close\r\n\r\n");
  assert.match(answer, /text\/plain/);
  assert.doesNotMatch(answer, /<script>/);
});

test("the answer to a refused upload reaches the client before the connection closes", async (t) => {
  const { url } = await testNode(t);
  for (let i = 0; i < 5; i++) {
    const { status, json } = await post(messagesUrl(url, "a b"), Buffer.alloc(8_000_000, "x\n"));
    assert.deepEqual([status, json.code], [400, "BAD_REQUEST"]);
  }
});

test("a connection serves its next request after a refusal of a body that had come whole", async (t) => {
  const { url } = await testNode(t);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const ports = new Set<number | undefined>();
  for (const [body, expected] of [
    ["{", 400],
    ['{"message":"a"}', 200],
  ] as const) {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { "content-type": "application/x-ndjson" };
      const request = http.request(messagesUrl(url), { method: "POST", agent, headers }, (response) => {
        ports.add(request.socket?.localPort);
        response.resume().on("end", () => resolve(response.statusCode));
      });
      request.on("error", reject).end(body);
    });
    assert.equal(status, expected);
  }
  assert.equal(ports.size, 1);
});

test("1000 connections that say nothing do not keep others from being served", async (t) => {
  const { url } = await testNode(t);
  const { hostname, port } = new URL(url);
  const silent = await Promise.all(
    Array.from({ length: 1000 }, () => {
      const socket = net.connect(Number(port), hostname);
      t.after(() => socket.destroy());
      return new Promise<net.Socket>((resolve, reject) =>
        socket.once("connect", () => resolve(socket)).once("error", reject),
      );
    }),
  );
  assert.equal(silent.length, 1000);
  assert.equal((await post(messagesUrl(url), "a")).status, 200);
});

test("1000 publishes at once are all stored, each once", async (t) => {
  const { url } = await testNode(t);
  const answers = await Promise.all(
    Array.from({ length: 1000 }, async (_, i) => (await post(messagesUrl(url), `${i}\n`)).status),
  );
  assert.deepEqual(new Set(answers), new Set([200]));
  const lines = (await getText(messagesUrl(url))).trim().split("\n").map(Number);
  assert.deepEqual(
    lines.toSorted((a, b) => a - b),
    Array.from({ length: 1000 }, (_, i) => i),
  );
});

test("connections over limits.connections are closed, those within are served", async (t) => {
  const { url } = await testNode(t, { limits: { connections: 3 } });
  const { hostname, port } = new URL(url);
  let closed = 0;
  for (let i = 0; i < 6; i++) {
    const socket = net.connect(Number(port), hostname);
    socket.on("error", () => {});
    socket.on("close", () => closed++);
    t.after(() => socket.destroy());
  }
  await waitFor(() => closed === 3);
});
