import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { newProducer } from "../../src/message/batch.ts";
import { batchOfLines } from "../../src/message/body.ts";
import { createApi } from "../../src/node/api/api.ts";
import { openapi } from "../../src/node/api/openapi.ts";
import { Followers } from "../../src/node/followers.ts";
import { Metrics } from "../../src/node/metrics.ts";
import { waitFor } from "../wait.ts";
import { getText, messagesUrl, post, testNode } from "./running.ts";

const root = dirname(dirname(import.meta.dirname));
const FRAMES = { "content-type": "application/vnd.logspread.frames" };

async function getJson(url: string) {
  return JSON.parse(await getText(url));
}

/** The values of a metric, by its labels as they are written. */
async function metric(url: string, name: string): Promise<Record<string, number>> {
  const lines = (await getText(`${url}/metrics`)).matchAll(
    new RegExp(`^logspread_${name}(?:\\{(.*)\\})? (\\S+)$`, "gm"),
  );
  return Object.fromEntries([...lines].map(([, labels = "", value]) => [labels, Number(value)]));
}

test("groups tell what they hold", async (t) => {
  const { url } = await testNode(t, {}, { nowUs: () => 1_795_514_400_000_000 });
  await post(messagesUrl(url, "a"), "1\n22\n");
  await post(messagesUrl(url, "b"), "333\n");
  const { firstPosition, lastPosition, bytes, groups } = await getJson(`${url}/v1/groups`);
  assert.deepEqual([firstPosition, lastPosition], [1, 2]);
  assert.ok(bytes > 0);
  assert.deepEqual(groups, [
    { group: "a", messages: 2, batches: 1, rawBytes: 5, lastPosition: 1, lastTimeUs: 1_795_514_400_000_000 },
    { group: "b", messages: 1, batches: 1, rawBytes: 4, lastPosition: 2, lastTimeUs: 1_795_514_400_000_000 },
  ]);
});

test("a cursor is null, then what was committed, and survives a restart", async (t) => {
  const first = await testNode(t);
  await post(messagesUrl(first.url), "a");
  const put = (url: string, body: string) => fetch(`${url}/v1/cursors/reader-1`, { method: "PUT", body });
  assert.deepEqual(await getJson(`${first.url}/v1/cursors/reader-1`), { name: "reader-1", position: null });
  const answer = await put(first.url, '{"position":1}');
  assert.deepEqual([answer.status, await answer.json()], [200, { name: "reader-1", position: 1 }]);
  await first.close();
  const second = await testNode(t, { data: first.data });
  assert.deepEqual(await getJson(`${second.url}/v1/cursors/reader-1`), { name: "reader-1", position: 1 });
});

test("a commit of what is no position, or lies ahead, is refused", async (t) => {
  const { url } = await testNode(t);
  for (const body of [
    "",
    "17",
    '{"position":-1}',
    '{"position":"1"}',
    '{"position":1}',
    `{"position":0,"x":"${"x".repeat(2000)}"}`,
  ]) {
    const response = await fetch(`${url}/v1/cursors/c`, { method: "PUT", body });
    assert.equal(response.status, 400, body.slice(0, 40));
    assert.equal(((await response.json()) as { code: string }).code, "BAD_REQUEST");
  }
});

test("the ledger is summed up over HTTP, for all groups or one", async (t) => {
  const { url } = await testNode(t);
  await post(messagesUrl(url, "a"), "1\n2\n", { "logspread-sender": "x@y" });
  await post(messagesUrl(url, "b"), "3\n");
  assert.equal((await getJson(`${url}/v1/ledger`)).messages, 3);
  const { messages, producers } = await getJson(`${url}/v1/ledger?group=a&from=10m`);
  assert.deepEqual([messages, producers.length, producers[0].sender], [2, 1, "x@y"]);
  assert.equal((await getJson(`${url}/v1/ledger?from=2h&to=1h`)).messages, 0);
  assert.equal((await fetch(`${url}/v1/ledger?from=long-ago`)).status, 400);
});

test("health and readiness are told as JSON", async (t) => {
  const { url } = await testNode(t, { node: { name: "n1" } });
  const { status, node } = await getJson(`${url}/healthz`);
  assert.deepEqual([status, node], ["ok", "n1"]);
  assert.deepEqual(await getJson(`${url}/readyz`), { ready: true, reasons: [] });
});

test("accepted messages, batches and bytes are counted by group, duplicates apart", async (t) => {
  const { url } = await testNode(t);
  const headers = { "logspread-producer": "ab".repeat(16), "logspread-sequence": "1" };
  await post(messagesUrl(url, "a"), "1\n22\n", headers);
  await post(messagesUrl(url, "a"), "1\n22\n", headers);
  await post(messagesUrl(url, "b"), "333\n");
  assert.deepEqual(await metric(url, "lines_accepted_total"), { 'group="a"': 2, 'group="b"': 1 });
  assert.deepEqual(await metric(url, "batches_accepted_total"), { 'group="a"': 1, 'group="b"': 1 });
  assert.deepEqual(await metric(url, "accepted_bytes_total"), { 'group="a"': 5, 'group="b"': 4 });
  assert.deepEqual(await metric(url, "duplicates_suppressed_total"), { "": 1 });
  assert.deepEqual(await metric(url, "duplicate_lines_suppressed_total"), { "": 2 });
  assert.deepEqual(await metric(url, "commit_latency_seconds_count"), { "": 2 });
  assert.deepEqual(await metric(url, "order_position"), { "": 2 });
  assert.equal((await metric(url, "bus_bytes"))[""], (await getJson(`${url}/v1/groups`)).bytes);
});

test("losses and gaps that publishers show are counted by sender", async (t) => {
  const { url } = await testNode(t);
  const label = { group: "web", sender: "apache@web1", producer: newProducer(), createdUs: 1 };
  const losses = [{ reason: "spool-full-dropped-oldest", messages: 9 }] as const;
  for (const sequence of [1, 5]) {
    const { frame } = await batchOfLines({ ...label, sequence, losses }, Buffer.from("x\n"));
    await post(messagesUrl(url), frame, FRAMES);
  }
  assert.deepEqual(await metric(url, "lines_dropped_total"), {
    'source="apache@web1",reason="spool-full-dropped-oldest"': 9,
  });
  assert.deepEqual(await metric(url, "gaps_total"), { 'source="apache@web1"': 3 });
});

test("followers are counted, and each one's lag in positions of its own groups", async (t) => {
  const { url } = await testNode(t);
  await post(messagesUrl(url, "a"), "1");
  const stop = new AbortController();
  t.after(() => stop.abort());
  const headers = { "logspread-subscriber": "reader-1" };
  const response = await fetch(messagesUrl(url, "a", "?follow=true&from=first"), { headers, signal: stop.signal });
  await response.body!.getReader().read();
  for (let i = 0; i < 5; i++) await post(messagesUrl(url, "b"), "other");
  assert.deepEqual(await metric(url, "followers"), { "": 1 });
  assert.deepEqual(await metric(url, "subscriber_lag_positions"), { 'subscriber="reader-1",groups="a"': 0 });
  stop.abort();
  await waitFor(async () => (await metric(url, "followers"))[""] === 0);
  assert.deepEqual(await metric(url, "subscriber_lag_positions"), {});
});

test("a label of a client's making is made harmless and bounded in number", async (t) => {
  const { url } = await testNode(t);
  await post(messagesUrl(url, 'a"b\\c'), "1");
  assert.match(await getText(`${url}/metrics`), /lines_accepted_total\{group="a\\"b\\\\c"\} 1/);
});

test("metrics of the process and the event loop are there", async (t) => {
  const { url } = await testNode(t);
  const text = await getText(`${url}/metrics`);
  for (const name of [
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
    "nodejs_eventloop_lag_p99_seconds",
  ]) {
    assert.match(text, new RegExp(`^${name} `, "m"));
  }
});

test("every metric is in the manual, and the manual names no other", async (t) => {
  const { url } = await testNode(t, { metrics: {} });
  await waitFor(async () => (await getText(`${url}/metrics`)).includes("logspread_sessions_active"));
  const told = [...(await getText(`${url}/metrics`)).matchAll(/^# TYPE (logspread_\w+)/gm)].map(([, name]) => name!);
  const manual = readFileSync(join(root, "docs/operations.md"), "utf8");
  const written = [...manual.matchAll(/`(logspread_\w+)/g)].map(([, name]) => name!);
  assert.deepEqual([...new Set(written)].sort(), told.sort());
});

test("every route is in the OpenAPI document, and the document names no other", async (t) => {
  const { bus } = await testNode(t);
  const api = await createApi({
    bus,
    followers: new Followers(),
    metrics: new Metrics(),
    ledger: undefined as never, // Not asked: only the list of routes is looked at.
    limits: { bodyBytes: 1, framesBytes: 1, messageBytes: 1, bodyIdleMs: 1, inFlightBytes: 1 },
    nowUs: () => 0,
    nodeName: "n",
    version: "0",
    report: () => {},
    unready: () => [],
    heartbeatMs: 1000,
    live: undefined,
  });
  t.after(() => api.close());
  const registered = api.routes.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`);
  const paths = openapi("0").paths as Record<string, Record<string, unknown>>;
  const described = Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item)
      .filter((method) => method !== "parameters")
      .map((method) => `${method.toUpperCase()} ${path}`),
  );
  assert.deepEqual(registered.sort(), described.sort());
});

test("the OpenAPI document is served, and its references lead somewhere", async (t) => {
  const { url } = await testNode(t);
  const document = await getJson(`${url}/openapi.json`);
  assert.equal(document.openapi, "3.1.0");
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path!);
  assert.ok(references.length > 10);
  for (const path of references) {
    assert.ok(
      path.split("/").reduce((node, key) => node?.[key], document),
      path,
    );
  }
});

test("answers are what the OpenAPI document says: every property, and no other", async (t) => {
  const { url } = await testNode(t);
  const { schemas } = (await getJson(`${url}/openapi.json`)).components;
  const check = (name: string, value: Record<string, unknown>): void => {
    const { properties, required } = schemas[name];
    assert.deepEqual(
      Object.keys(value).filter((key) => !Object.hasOwn(properties, key)),
      [],
      `${name}: not described`,
    );
    assert.deepEqual(
      required.filter((key: string) => !Object.hasOwn(value, key)),
      [],
      `${name}: missing`,
    );
  };
  check("LinesStored", (await post(messagesUrl(url), "a")).json);
  check("Problem", (await post(messagesUrl(url, "a b"), "a")).json);
  check("Status", await getJson(`${url}/v1/groups`));
  check("Cursor", await getJson(`${url}/v1/cursors/c`));
  check("LedgerSum", await getJson(`${url}/v1/ledger`));
  check("Health", await getJson(`${url}/healthz`));
  check("Readiness", await getJson(`${url}/readyz`));
});

test("what is not there is answered with where to look", async (t) => {
  const { url } = await testNode(t);
  for (const [method, path] of [
    ["GET", "/nothing"],
    ["DELETE", "/v1/groups"],
    ["PUT", "/v1/groups/a/messages"],
  ] as const) {
    const response = await fetch(url + path, { method });
    const { code, detail } = (await response.json()) as { code: string; detail: string };
    assert.deepEqual([response.status, code], [404, "NOT_FOUND"]);
    assert.match(detail, /openapi.json/);
  }
});
