import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, renameSync, statSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { LogspreadError } from "../../src/message/error.ts";
import { Followers } from "../../src/node/followers.ts";
import { RunningOutput } from "../../src/node/outputs.ts";
import type { OutputPart } from "../../src/node/parts.ts";
import { tempFolder } from "../temp.ts";
import { waitFor } from "../wait.ts";
import { getText, messagesUrl, post, testNode } from "./running.ts";

const sample = join(dirname(import.meta.dirname), "data", "access-combined.log");

interface Run {
  readonly process: ChildProcess;
  readonly out: () => string;
  readonly exit: Promise<number | null>;
}

function run(t: TestContext, command: string, args: readonly string[]): Run {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  child.stdout.on("data", (chunk) => (out += chunk));
  child.stderr.on("data", (chunk) => (out += chunk));
  t.after(() => child.kill("SIGKILL"));
  return { process: child, out: () => out, exit: new Promise((resolve) => child.once("close", resolve)) };
}

test("the two commands of the manual: curl publishes a file, curl follows", async (t) => {
  const { url } = await testNode(t);
  const follower = run(t, "curl", ["-sN", messagesUrl(url, "coolsite", "?follow=true")]);
  await waitFor(async () => /^logspread_followers 1$/m.test(await getText(`${url}/metrics`)));
  const publisher = run(t, "curl", ["-sS", "--data-binary", `@${sample}`, messagesUrl(url, "coolsite")]);
  assert.equal(await publisher.exit, 0);
  const { messages } = JSON.parse(publisher.out());
  const text = readFileSync(sample, "utf8");
  assert.equal(messages, text.trimEnd().split("\n").length);
  await waitFor(() => follower.out().length === text.length);
  assert.equal(follower.out(), text);
});

test("a pipe into curl is a live stream, as the manual shows it", async (t) => {
  const { url } = await testNode(t);
  const curl = spawn("curl", ["-sS", "-X", "POST", "-T", "-", messagesUrl(url)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  t.after(() => curl.kill("SIGKILL"));
  curl.stdin.write("one\n");
  await waitFor(async () => (await getText(messagesUrl(url))) === "one\n");
  curl.stdin.end("two\n");
  const [answer] = await Promise.all([text(curl.stdout), once(curl, "close")]);
  assert.equal(JSON.parse(answer).messages, 2);
  assert.equal(await getText(messagesUrl(url)), "one\ntwo\n");
});

test("curl shows why a publish was refused, though it had more to send", async (t) => {
  const { url } = await testNode(t, { limits: { messageBytes: 100 } });
  const { out, exit } = run(t, "curl", ["-sS", "--data-binary", `@${sample}`, messagesUrl(url, "coolsite")]);
  assert.equal(await exit, 0);
  assert.match(out(), /"code":"TOO_LARGE".*limits.messageBytes/);
});

test("lines go to the file that the configuration names, and are there when the node has stopped", async (t) => {
  const folder = tempFolder(t);
  const node = await testNode(t, { outputs: { site: { files: { path: `${folder}/{group}.log` } } } });
  for (let i = 0; i < 50; i++) await post(messagesUrl(node.url, "coolsite"), `line ${i}\n`);
  await node.close();
  const lines = readFileSync(join(folder, "coolsite.log"), "utf8").trimEnd().split("\n");
  assert.deepEqual(
    lines,
    Array.from({ length: 50 }, (_, i) => `line ${i}`),
  );
});

test("two outputs of one kind work side by side, each with a cursor of its name", async (t) => {
  const folder = tempFolder(t);
  const { url, data } = await testNode(t, {
    outputs: {
      one: { files: { path: `${folder}/1/{group}.log` } },
      two: { files: { path: `${folder}/2/{group}.log` } },
    },
  });
  await post(messagesUrl(url), "a\n");
  for (const n of ["1", "2"]) await waitFor(() => existsSync(join(folder, n, "web.log")));
  await waitFor(async () => {
    const positions = await Promise.all(
      ["one", "two"].map(async (name) => JSON.parse(await getText(`${url}/v1/cursors/${name}`)).position),
    );
    return positions.every((position) => position === 1);
  });
  assert.deepEqual(
    readdirSync(join(data, "outputs"))
      .filter((name) => name.endsWith(".journal"))
      .sort(),
    ["one.journal", "two.journal"],
  );
  const metrics = await getText(`${url}/metrics`);
  assert.match(metrics, /logspread_output_up\{output="one"\} 1/);
  assert.match(metrics, /logspread_subscriber_lag_positions\{subscriber="output:two",groups="\*"\} 0/);
});

test("reopen lets the outputs go on in a new file, as logrotate wants it", async (t) => {
  const folder = tempFolder(t);
  const node = await testNode(t, { outputs: { site: { files: { path: `${folder}/{group}.log` } } } });
  const file = join(folder, "web.log");
  await post(messagesUrl(node.url), "before\n");
  await waitFor(() => existsSync(file) && readFileSync(file, "utf8") === "before\n");
  renameSync(file, `${file}.1`);
  node.reopen();
  await post(messagesUrl(node.url), "after\n");
  await waitFor(() => existsSync(file) && readFileSync(file, "utf8") === "after\n");
  assert.equal(readFileSync(`${file}.1`, "utf8"), "before\n");
});

test("a stop answers the publishes that had begun, refuses others, and a restart has all that was answered", async (t) => {
  const node = await testNode(t);
  const request = http.request(messagesUrl(node.url), { method: "POST" });
  const answered = new Promise<http.IncomingMessage>((resolve) => request.once("response", resolve));
  request.write("one\n");
  await waitFor(async () => (await getText(messagesUrl(node.url))) === "one\n");
  const closing = node.close();
  request.end("two\n");
  assert.equal((await answered).statusCode, 200);
  await closing;
  await assert.rejects(fetch(`${node.url}/healthz`));
  const again = await testNode(t, { data: node.data });
  assert.equal(await getText(messagesUrl(again.url)), "one\ntwo\n");
  assert.equal(JSON.parse(await getText(`${again.url}/v1/ledger`)).messages, 2);
});

test("a client that never ends its request does not hold up the stop beyond its limit", async (t) => {
  const node = await testNode(t, { limits: { shutdown: "300ms" } });
  const request = http.request(messagesUrl(node.url), { method: "POST" });
  request.on("error", () => {});
  request.write("one\n");
  await waitFor(async () => (await getText(messagesUrl(node.url))) === "one\n");
  const start = performance.now();
  await node.close();
  assert.ok(performance.now() - start < 3000);
  const again = await testNode(t, { data: node.data });
  assert.equal(await getText(messagesUrl(again.url)), "one\n");
});

test("a node listens at several addresses and at a unix socket", async (t) => {
  const socketPath = join(tempFolder(t), "node.sock");
  const { urls } = await testNode(t, { listen: ["127.0.0.1:0", "[::1]:0", socketPath] });
  assert.match(urls[1]!, /^http:\/\/\[::1\]:\d+$/);
  assert.equal(urls[2], `unix:${socketPath}`);
  assert.equal(statSync(socketPath).mode & 0o777, 0o660);
  const status = await new Promise((resolve, reject) => {
    const options = { socketPath, path: "/healthz" };
    http.get(options, (response) => resolve(response.resume().statusCode)).on("error", reject);
  });
  assert.equal(status, 200);
  assert.equal((await fetch(`${urls[1]}/healthz`)).status, 200);
});

test("a unix socket that a killed node left behind is taken over, one in use is not", async (t) => {
  const socketPath = join(tempFolder(t), "node.sock");
  const dead = run(t, process.execPath, [
    "-e",
    `require("net").createServer().listen("${socketPath}", () => process.kill(process.pid, "SIGKILL"))`,
  ]);
  await dead.exit;
  assert.ok(existsSync(socketPath));
  await testNode(t, { listen: socketPath });
  await assert.rejects(testNode(t, { listen: socketPath }), /another program listens there/);
});

test("an address in use, and a data folder in use, are told with the mend, and leave nothing open", async (t) => {
  const busy = net.createServer();
  await new Promise<void>((resolve) => busy.listen(0, "127.0.0.1", resolve));
  t.after(() => busy.close());
  const { port } = busy.address() as net.AddressInfo;
  const data = tempFolder(t);
  await assert.rejects(testNode(t, { data, listen: `127.0.0.1:${port}` }), (error: unknown) => {
    assert.ok(error instanceof LogspreadError && error.code === "BAD_CONFIG");
    assert.match(error.message, new RegExp(`cannot listen at 127.0.0.1:${port}: another program`));
    return true;
  });
  await testNode(t, { data });
  await assert.rejects(
    testNode(t, { data }),
    (error: unknown) => error instanceof LogspreadError && error.code === "FOLDER_LOCKED",
  );
});

/** An output whose runs do what `run` says. */
function outputOf(run: OutputPart["run"]): OutputPart {
  return { run, reopen: () => {}, position: () => 0, counters: () => ({}) };
}

test("an output that fails is started again, later each time, and stops nothing else", async (t) => {
  const { url, bus } = await testNode(t);
  const starts: number[] = [];
  const part = outputOf((_bus, signal) => {
    starts.push(performance.now());
    if (starts.length < 3) return Promise.reject(new Error("no such luck"));
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  });
  const told: string[] = [];
  const output = new RunningOutput("x", part, {
    bus,
    followers: new Followers(),
    report: (_l, text) => void told.push(text),
  });
  await waitFor(() => output.state.kind === "waiting");
  assert.equal((await post(messagesUrl(url), "a")).status, 200);
  await waitFor(() => starts.length === 3);
  assert.ok(starts[2]! - starts[1]! > starts[1]! - starts[0]!);
  assert.deepEqual([output.state.kind, output.restarts], ["running", 2]);
  assert.match(told[0]!, /output x failed: no such luck/);
  await output.stop();
  assert.equal(output.state.kind, "stopped");
});

test("a node whose output cannot go on says so when asked whether it is ready", async (t) => {
  const folder = tempFolder(t);
  const outputs = { site: { files: { path: `${folder}/{group}.log` } } };
  const first = await testNode(t, { outputs });
  await post(messagesUrl(first.url), "a\n");
  await first.close();
  // Another bus below the same journal: the output must refuse to go on.
  const fresh = tempFolder(t);
  renameSync(join(first.data, "outputs"), join(fresh, "outputs"));
  const { url } = await testNode(t, { data: fresh, outputs });
  await waitFor(async () => (await fetch(`${url}/readyz`)).status === 503);
  const { reasons } = JSON.parse(await getText(`${url}/readyz`));
  assert.match(reasons[0], /output site failed.*this is another bus/);
  assert.equal((await post(messagesUrl(url), "b")).status, 200);
});
