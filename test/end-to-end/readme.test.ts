/** What the README tells a newcomer to type, with the real programs. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import test, { type TestContext } from "node:test";
import { tempFolder } from "../temp.ts";
import { waitFor } from "../wait.ts";
import { linesOf, NodeProcess } from "./node-process.ts";
import { freePort } from "./port.ts";
import { program } from "./program.ts";
import { sampleFile, sampleLines } from "./sample.ts";

const root = dirname(dirname(import.meta.dirname));

/** Runs a line of shell in which `logspread` is the program and `node` the node's URL; resolves when it ends. */
async function shell(t: TestContext, line: string, url: string) {
  const { node, script } = await program();
  const child = spawn("bash", ["-o", "pipefail", "-c", `logspread() { "${node}" "${script}" "$@"; }; ${line}`], {
    env: { ...process.env, LOGSPREAD_TO: url, NODE: url },
    detached: true, // so that everything that it starts can be ended
  });
  const said = { stdout: "", stderr: "" };
  child.stdout.setEncoding("latin1").on("data", (text: string) => (said.stdout += text));
  child.stderr.setEncoding("latin1").on("data", (text: string) => (said.stderr += text));
  const end = () => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, "SIGKILL");
  };
  t.after(end);
  const ended = once(child, "close").then(([code]) => ({ code: code as number | null, ...said }));
  return { said, ended, end };
}

test("curl publishes a file, and curl -N reads it back and follows", async (t) => {
  const node = await NodeProcess.start(t);
  const sample = sampleLines();
  const follower = await shell(t, 'curl -sN "$NODE/v1/groups/coolsite/messages?from=first&follow=true"', node.url);
  const publish = `curl -sS --fail --data-binary @${sampleFile} "$NODE/v1/groups/coolsite/messages"`;
  const published = await (await shell(t, publish, node.url)).ended;
  assert.equal(published.code, 0, published.stderr);
  assert.equal(JSON.parse(published.stdout).messages, sample.length);
  const whole = readFileSync(sampleFile, "latin1");
  await waitFor(() => follower.said.stdout.length >= whole.length);
  assert.ok(follower.said.stdout === whole, "curl shows every byte in order");
  const more = await (await shell(t, 'curl -sS -d "one more" "$NODE/v1/groups/coolsite/messages"', node.url)).ended;
  assert.equal(more.code, 0, more.stderr);
  await waitFor(() => follower.said.stdout.endsWith("\none more\n"));
  follower.end();
  const back = await (await shell(t, 'curl -sS "$NODE/v1/groups/coolsite/messages?from=first"', node.url)).ended;
  assert.ok(back.stdout === `${whole}one more\n`);
  await waitFor(() => node.lines("coolsite").length > sample.length);
  assert.ok(readFileSync(node.file("coolsite"), "latin1") === `${whole}one more\n`);
});

test("tail | head ends quietly, and publish < file | tail | wc counts all", async (t) => {
  const node = await NodeProcess.start(t);
  const published = await (await shell(t, `logspread publish --group coolsite < ${sampleFile}`, node.url)).ended;
  assert.deepEqual(published, { code: 0, stdout: "", stderr: "" });
  const head = await (await shell(t, "logspread tail coolsite --from first | head -1", node.url)).ended;
  assert.deepEqual(head, { code: 0, stdout: `${sampleLines()[0]}\n`, stderr: "" });
  const count = await (await shell(t, "logspread tail coolsite --from first --no-follow | wc -l", node.url)).ended;
  assert.deepEqual(count, { code: 0, stdout: "10000\n", stderr: "" });
});

const skipGoaccess = !existsSync("/usr/bin/goaccess") && "needs Debian's goaccess";

test("tail | goaccess - reports on the whole cluster", { skip: skipGoaccess }, async (t) => {
  const node = await NodeProcess.start(t);
  await (await shell(t, `logspread publish --group coolsite < ${sampleFile}`, node.url)).ended;
  const report = join(tempFolder(t), "report.json");
  const line = `logspread tail coolsite --from first --no-follow | goaccess - --log-format=COMBINED --no-progress -o ${report}`;
  const ended = await (await shell(t, line, node.url)).ended;
  assert.equal(ended.code, 0, ended.stderr);
  const { general } = JSON.parse(readFileSync(report, "utf8"));
  assert.equal(general.total_requests + general.failed_requests, 10_000);
  assert.ok(general.failed_requests < 100, `${general.failed_requests} lines not understood`);
});

const skipClone =
  spawnSync("git", ["-C", root, "rev-parse", "HEAD"]).status !== 0 && "needs the project's git repository";

test("git clone, npm start, curl: the lines are in a file", { skip: skipClone, timeout: 120_000 }, async (t) => {
  const clone = join(tempFolder(t), "logspread");
  const cloned = spawnSync("git", ["clone", "--quiet", "--depth", "1", `file://${root}`, clone], { encoding: "utf8" });
  assert.equal(cloned.status, 0, cloned.stderr);
  const url = `http://127.0.0.1:${await freePort()}`;
  const started = Date.now();
  // As from a terminal: without what npm set for the run of these tests.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_(?!config_)|^NODE_(TEST_CONTEXT|OPTIONS)$/.test(name)),
  );
  const npm = spawn("npm", ["start", "--", "--listen", new URL(url).host], {
    cwd: clone,
    env: { ...env, npm_config_prefer_offline: "true" },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  npm.stdout.on("data", (bytes: Buffer) => (said += bytes.toString()));
  npm.stderr.on("data", (bytes: Buffer) => (said += bytes.toString()));
  const exited = once(npm, "exit");
  t.after(() => {
    if (npm.exitCode === null && npm.signalCode === null) process.kill(-npm.pid!, "SIGKILL");
  });
  await waitFor(async () => {
    if (npm.exitCode !== null) throw new Error(`npm start ended with ${npm.exitCode}: ${said}`);
    return fetch(`${url}/readyz`).then(
      (response) => response.ok,
      () => false,
    );
  }, 100_000);
  t.diagnostic(`npm start took ${((Date.now() - started) / 1000).toFixed(1)} s in a fresh clone`);
  const publish = `curl -sS --fail --data-binary @${sampleFile} "$NODE/v1/groups/coolsite/messages"`;
  assert.equal((await (await shell(t, publish, url)).ended).code, 0);
  const file = join(clone, "data", "logs", "coolsite", "access.log");
  await waitFor(() => linesOf(file).length === 10_000);
  assert.ok(readFileSync(file, "latin1") === readFileSync(sampleFile, "latin1"));
  process.kill(-npm.pid!, "SIGINT"); // Ctrl-C
  await exited;
});
