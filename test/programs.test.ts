/** The program in docs/programs.md does what the page says. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import test from "node:test";
import { promisify } from "node:util";
import { tempFolder } from "./temp.ts";
import { waitFor } from "./wait.ts";

const root = dirname(import.meta.dirname);

test("the program of the manual publishes, and reads in order what it published", async (t) => {
  const folder = tempFolder(t);
  const page = readFileSync(join(root, "docs", "programs.md"), "utf8");
  const [, example] = /```js\n([\s\S]*?)```/.exec(page)!;
  const program = join(folder, "program.mjs");
  writeFileSync(program, example!.replace('from "logspread"', `from ${JSON.stringify(join(root, "src", "index.ts"))}`));

  const socket = join(folder, "node.sock");
  const flags = ["up", "--data", join(folder, "data"), "--listen", socket];
  const node = spawn(process.execPath, [join(root, "src", "cli", "main.ts"), ...flags], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  t.after(async () => {
    node.kill();
    if (node.exitCode === null && node.signalCode === null) await once(node, "exit");
  });
  await waitFor(() => {
    assert.equal(node.exitCode, null, "the node ended");
    return existsSync(socket);
  });

  const env = { ...process.env, LOGSPREAD_TO: `unix:${socket}` };
  const { stdout } = await promisify(execFile)(process.execPath, [program], { env });
  assert.deepEqual(stdout.split("\n"), [
    "1 order 1: three apples",
    "1 order 2: one pear",
    "and a note on a second line",
    "2 order 3: a fig",
    "",
  ]);
});
