/** The examples of --help, run as they stand, but for host names, fixed ports and system folders. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { commands } from "../../src/cli/commands.ts";
import { MAIN } from "./logspread.ts";
import { publish, startNode, type UpNode } from "./node.ts";

/** Starts a command line in a shell in which `logspread` is a command. */
function shell(t: TestContext, line: string, cwd: string, url: string) {
  const script = `set -o pipefail
    logspread() { '${process.execPath}' '${MAIN}' "$@"; }
    goaccess() { cat; }
    varnishncsa() { echo line; }
    ${line}`;
  const env = { ...process.env, HOME: cwd, LOGSPREAD_TO: url };
  const child = spawn("bash", ["-c", script], { cwd, env, detached: true });
  t.after(() => {
    if (child.exitCode === null) process.kill(-child.pid!, "SIGKILL");
  });
  let output = "";
  child.stdout.on("data", (text) => (output += text));
  child.stderr.on("data", (text) => (output += text));
  return { child, output: () => output, ended: once(child, "close") };
}

/** What the examples count on: a node, its group, a configuration and files. */
async function prepared(t: TestContext, metrics: boolean): Promise<UpNode> {
  const node = await startNode(t, undefined, undefined, `outputs: {}\n${metrics ? "metrics: {}\n" : ""}`);
  const lines = '192.0.2.7 - - [24/Nov/2026:13:55:36 +0000] "GET / HTTP/1.1" 500 1 "-" "curl/8.5.0" 12\n'.repeat(10);
  await publish(node.url, "coolsite", lines);
  for (const folder of [
    "a",
    "b",
    "log/coolsite",
    ".local/share/bash-completion/completions",
    ".zfunc",
    ".config/fish/completions",
  ]) {
    mkdirSync(join(node.folder, folder), { recursive: true });
  }
  for (const file of [
    "access.log",
    "a/access.log",
    "b/access.log",
    "log/coolsite/access.log",
    "log/coolsite/access-2026-11-24.log",
  ]) {
    writeFileSync(join(node.folder, file), lines);
  }
  const output = `{groups: [coolsite], path: "${node.folder}/log/{group}/access-%Y-%m-%d.log"}`;
  writeFileSync(join(node.folder, "logspread.yaml"), `listen: 127.0.0.1:0\noutputs: {site: {files: ${output}}}\n`);
  return node;
}

function adapted(line: string, { url, folder }: UpNode): string {
  return line
    .replace(/http:\/\/log(s\.example|1):4804(,http:\S+)?/, url)
    .replaceAll("/etc/logspread", folder)
    .replaceAll("/var/log/logspread", `${folder}/log`);
}

for (const entry of commands) {
  const { examples } = await entry.load();
  for (const { line } of examples) {
    if (line.startsWith("CustomLog")) continue; // for Apache, which has tests of its own
    test(`the example runs: ${line}`, async (t) => {
      const node = await prepared(t, entry.name === "mon");
      let text = adapted(line, node);
      const serves = entry.name === "up" || entry.name === "demo";
      if (serves && !text.includes("--listen")) text += " --listen 127.0.0.1:0";
      if (entry.name === "up" && !text.includes("--data")) text += ` --data ${node.folder}/other`;
      const follows = entry.name === "tail" && !/--no-follow|-n /.test(text);
      if (follows) text += " -n 1";
      if (entry.name === "publish") text = text.replace("publish", `publish --spool ${node.folder}/spool`);
      const { child, output, ended } = shell(
        t,
        serves ? `exec '${process.execPath}' '${MAIN}' ${text.slice(10)}` : text,
        node.folder,
        node.url,
      );
      const over = ended.then(() => true);
      if (serves) {
        while (!/listen(ing|s) on/.test(output())) if (await Promise.race([over, sleep(20, false)])) break;
        child.kill("SIGINT");
      } else if (follows) {
        while (!(await Promise.race([over, sleep(100, false)]))) await publish(node.url, "coolsite", '- " 500 "\n');
      }
      const [code] = await ended;
      // What the example's files hold is not what the bus does where dates are in their names: a fault found is a run, too.
      const allowed = entry.name === "verify" ? [0, 1] : [0];
      assert.ok(allowed.includes(code as number), `exit code ${code}: ${output()}`);
      assert.doesNotMatch(output(), /\n {4}at /);
    });
  }
}
