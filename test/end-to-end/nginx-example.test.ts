/** examples/nginx works as it stands; only paths and addresses are replaced. A shell writes in nginx's place. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import test, { type TestContext } from "node:test";
import { tempFolder } from "../temp.ts";
import { waitFor } from "../wait.ts";
import { NodeProcess } from "./node-process.ts";
import { isAlive, publishersOf } from "./processes.ts";
import { program } from "./program.ts";

const examples = join(dirname(dirname(import.meta.dirname)), "examples", "nginx");

/** Starts logspread-fifo.sh for a FIFO; resolves when that is there. */
async function startScript(t: TestContext, node: NodeProcess, fifo: string): Promise<ChildProcess> {
  const { node: executable, script } = await program();
  const folder = tempFolder(t);
  const text = readFileSync(join(examples, "logspread-fifo.sh"), "utf8")
    .replace("/usr/bin/logspread", `${executable} ${script}`)
    .replace("http://127.0.0.1:4804", node.url)
    .replace("/var/spool/logspread", join(folder, "spool"));
  const file = join(folder, "logspread-fifo.sh");
  writeFileSync(file, text);
  const child = spawn("sh", [file, fifo], { stdio: "ignore", detached: true });
  t.after(() => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, "SIGKILL");
  });
  await waitFor(() => existsSync(fifo));
  return child;
}

test("lines written into the FIFO arrive, whoever opens it and however often, and also when the publisher is killed", async (t) => {
  const node = await NodeProcess.start(t);
  const fifo = join(tempFolder(t), "nginx.fifo");
  const child = await startScript(t, node, fifo);
  appendFileSync(fifo, "one\n"); // opens and closes it, as nginx does at a reload
  await waitFor(() => node.lines("coolsite").length === 1);
  const [publisher] = publishersOf(child.pid!);
  process.kill(publisher!, "SIGKILL");
  appendFileSync(fifo, "two\n"); // nobody reads now, and nothing is lost
  await waitFor(() => node.lines("coolsite").length === 2);
  appendFileSync(fifo, "three\n");
  await waitFor(() => node.lines("coolsite").length === 3);
  assert.deepEqual(node.lines("coolsite"), ["one", "two", "three"]);
});

test("the signal of the unit ends the publisher although a FIFO has no end", async (t) => {
  const unit = readFileSync(join(examples, "logspread-nginx.service"), "utf8");
  const [, signal] = /^KillSignal=(\w+)$/m.exec(unit)!;
  const node = await NodeProcess.start(t);
  const fifo = join(tempFolder(t), "nginx.fifo");
  const child = await startScript(t, node, fifo);
  appendFileSync(fifo, "one\n");
  await waitFor(() => node.lines("coolsite").length === 1);
  const ended = once(child, "exit");
  process.kill(-child.pid!, signal as NodeJS.Signals); // systemd tells all processes of the unit
  await ended;
  await waitFor(() => !isAlive(-child.pid!));
});
