import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { commandOf, welcome } from "../../src/cli/welcome.ts";
import { tempFolder } from "../temp.ts";
import { MAIN, run, start } from "./logspread.ts";
import { publish, startNode } from "./node.ts";
import { until } from "./until.ts";

test("without any configuration a published line is in a file a moment later", async (t) => {
  const folder = tempFolder(t);
  const up = start(t, ["up", "--data", join(folder, "data"), "--listen", "127.0.0.1:0"], { cwd: folder });
  const url = (await up.waitFor(/listening on ([^\s"]+)/))[1]!;
  await publish(url, "coolsite", "hello\n");
  const file = join(folder, "data/logs/coolsite/access.log");
  await until(() => existsSync(file) && readFileSync(file, "utf8") === "hello\n");
  up.child.kill("SIGTERM");
  assert.equal((await up.ended).code, 0);
});

test("--file and --group say which lines go where", async (t) => {
  const folder = tempFolder(t);
  const args = ["--data", "data", "--listen", "127.0.0.1:0", "--file", "out/%Y.log", "--group", "a"];
  const up = start(t, ["up", ...args], { cwd: folder });
  const url = (await up.waitFor(/listening on ([^\s"]+)/))[1]!;
  await publish(url, "b", "not this\n");
  await publish(url, "a", "this\n");
  const file = join(folder, `out/${new Date().getUTCFullYear()}.log`);
  await until(() => existsSync(file) && readFileSync(file, "utf8") === "this\n");
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`${signal} stops a node with 0, and what was published is there at the next start`, async (t) => {
    const first = await startNode(t);
    await publish(first.url, "a", "1\n");
    first.child.kill(signal);
    assert.deepEqual([(await first.ended).code, (await first.ended).signal], [0, null]);
    const second = await startNode(t, "127.0.0.1:0", first.folder);
    assert.equal((await run(t, ["tail", "a", "--no-follow", "--to", second.url])).stdout, "1\n");
  });
}

test("a second SIGINT while it stops ends it at once with 130", async (t) => {
  // A node stops in a few ms: here is something that takes for ever.
  const signals = new URL("../../src/cli/signals.ts", import.meta.url).href;
  const script = `import { serviceSignals } from "${signals}"; serviceSignals({ stopping: (name) => console.log(name) }); setInterval(() => {}, 1e6); console.log("up")`;
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", script]);
  t.after(() => child.kill("SIGKILL"));
  let shown = "";
  child.stdout.on("data", (text) => (shown += text));
  await until(() => shown === "up\n");
  child.kill("SIGINT");
  await until(() => shown === "up\nSIGINT\n");
  child.kill("SIGINT");
  assert.deepEqual(await once(child, "exit"), [130, null]);
});

test("SIGHUP does not end it, whenever it comes, and SIGUSR2 prints its status", async (t) => {
  const folder = tempFolder(t);
  const up = start(t, ["up", "--data", folder, "--listen", "127.0.0.1:0"], { cwd: folder });
  const url = (await up.waitFor(/listening on ([^\s"]+)/))[1]!;
  up.child.kill("SIGHUP");
  await publish(url, "a", "1\n");
  up.child.kill("SIGUSR2");
  const status = JSON.parse((await up.waitFor(/{"status":.*}/))[0]).status;
  assert.deepEqual(status.urls, [url]);
  assert.equal(status.bus.lastPosition, 1);
  assert.equal(up.child.exitCode, null);
});

test("a standard error that nobody reads any more does not end it", async (t) => {
  const node = await startNode(t);
  node.child.stderr!.destroy();
  node.child.kill("SIGUSR2");
  await publish(node.url, "a", "1\n");
  node.child.kill("SIGUSR2");
  await publish(node.url, "a", "2\n");
  assert.equal(node.child.exitCode, null);
});

test("a wrong configuration ends it with 78 and the place", async (t) => {
  const file = join(tempFolder(t), "logspread.yaml");
  writeFileSync(file, "limits:\n  bodyBites: 1GB\n");
  const { code, stderr } = await run(t, ["up", "--config", file]);
  assert.equal(code, 78);
  assert.match(stderr, /logspread\.yaml:2:3: limits\.bodyBites: .*Did you mean bodyBytes\?/);
});

test("a second node on the same data is refused with who has it", async (t) => {
  const node = await startNode(t);
  const args = ["up", "-c", join(node.folder, "node.yaml"), "-d", join(node.folder, "node-data"), "-l", "127.0.0.1:0"];
  const { code, stderr } = await run(t, args);
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(String(node.child.pid)));
  assert.doesNotMatch(stderr, /\n {4}at /);
});

test("an address that is taken is told without a stack", async (t) => {
  const node = await startNode(t);
  const folder = tempFolder(t);
  const { code, stderr } = await run(t, ["up", "-d", folder, "-l", node.url.replace("http://", "")], { cwd: folder });
  assert.notEqual(code, 0);
  assert.match(stderr, new RegExp(node.url.replace("http://", "").replaceAll(".", "\\.")));
  assert.doesNotMatch(stderr, /\n {4}at /);
});

test("on a terminal it says where it listens and what to try, and the commands work", async (t) => {
  if (spawnSync("script", ["--version"]).error !== undefined) return t.skip("there is no script(1)");
  const folder = tempFolder(t);
  const line = `'${process.execPath}' '${MAIN}' up --data '${folder}/data' --listen 127.0.0.1:0`;
  const child = spawn("script", ["-qfec", line, join(folder, "typescript")], { cwd: folder });
  t.after(() => child.kill());
  let shown = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (shown += text));
  await until(() => /CustomLog [^\n]*\n/.test(shown));
  const commands = shown
    .replaceAll("\r", "")
    .split("\n")
    .map((each) => each.trim());
  const publishing = commands.find((each) => each.startsWith("curl --data-binary"))!;
  const following = commands.find((each) => each.startsWith("curl -N"))!;
  assert.equal(spawnSync("bash", ["-c", publishing]).status, 0);
  const seen = spawnSync("bash", ["-c", `${following} --max-time 2 | head -n 1`], { encoding: "utf8" });
  assert.equal(seen.stdout, "hello\n");
  const file = /lines go to +(\S+)/.exec(shown)![1]!;
  await until(() => existsSync(file) && readFileSync(file, "utf8") === "hello\n");
});

test("a node at a terminal ends when the terminal is closed", async (t) => {
  if (spawnSync("script", ["--version"]).error !== undefined) return t.skip("there is no script(1)");
  const folder = tempFolder(t);
  const line = `'${process.execPath}' '${MAIN}' up --data '${folder}/data' --listen '${folder}/socket'`;
  const child = spawn("script", ["-qfec", line, join(folder, "typescript")], { cwd: folder });
  t.after(() => child.kill());
  const answers = () => {
    const socket = ["--unix-socket", join(folder, "socket")];
    return spawnSync("curl", ["-sf", ...socket, "http://x/healthz"]).status === 0;
  };
  await until(answers);
  child.kill("SIGKILL");
  await until(() => !answers());
});

test("the pipe line for Apache is right for how logspread was started", () => {
  const program = { node: "/opt/node", script: "/src/logspread/dist/cli/main.js" };
  assert.equal(commandOf(program), "/opt/node /src/logspread/dist/cli/main.js");
  assert.equal(commandOf({ node: "/usr/bin/node", script: "/usr/bin/logspread" }), "/usr/bin/logspread");
  const started = {
    url: "http://127.0.0.1:4804",
    group: "coolsite",
    file: undefined,
    data: "/d",
    metrics: true,
    program,
  };
  assert.ok(
    welcome(started).includes('"|/opt/node /src/logspread/dist/cli/main.js publish --group coolsite" combined'),
  );
  const elsewhere = welcome({ ...started, url: "http://127.0.0.1:4999" });
  assert.ok(elsewhere.includes("--group coolsite --to http://127.0.0.1:4999"));
  assert.match(elsewhere, /dashboard +http:\/\/127.0.0.1:4999\/$/m);
  assert.doesNotMatch(welcome({ ...started, metrics: false }), /dashboard/);
});
