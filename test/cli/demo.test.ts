import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { tempFolder } from "../temp.ts";
import { run, start } from "./logspread.ts";

test("the demo says that it is simulated, shows four servers, and leaves nothing behind", async (t) => {
  const cwd = tempFolder(t);
  const demo = start(t, ["demo", "--listen", "127.0.0.1:0", "--rate", "500"], { cwd });
  const url = (await demo.waitFor(/listens on (\S+)/))[1]!;
  assert.match(demo.stdout(), /SIMULATED/);
  const folder = /everything is in ([^\s,]+)/.exec(demo.stdout())![1]!;
  const { stdout } = await run(t, ["tail", "demo", "--from", "first", "-n", "300", "--json", "--to", url]);
  const messages = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual([...new Set(messages.map(({ sender }) => sender))].sort(), [
    "simulated@sim-1",
    "simulated@sim-2",
    "simulated@sim-3",
    "simulated@sim-4",
  ]);
  assert.ok(existsSync(folder));
  demo.child.kill("SIGINT");
  assert.equal((await demo.ended).code, 0);
  assert.ok(!existsSync(folder));
});

test("a rate that is none is refused", async (t) => {
  const { code, stderr } = await run(t, ["demo", "--rate", "fast"]);
  assert.equal(code, 2);
  assert.match(stderr, /--rate fast/);
});
