import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import test from "node:test";
import { withLock } from "../../scripts/lock.js";
import { tempFolder } from "../temp.ts";
import { waitFor } from "../wait.ts";

const script = join(dirname(dirname(import.meta.dirname)), "scripts", "lock.js");

/** A process that takes the lock, counts up a file without any care of its own, and ends. */
function counter(lock: string, file: string) {
  const code = `
    import { readFileSync, writeFileSync } from "node:fs";
    import { setTimeout } from "node:timers/promises";
    import { withLock } from ${JSON.stringify(script)};
    await withLock(${JSON.stringify(lock)}, async () => {
      const count = Number(readFileSync(${JSON.stringify(file)}, "utf8"));
      await setTimeout(50);
      writeFileSync(${JSON.stringify(file)}, String(count + 1));
    }, () => {});`;
  return spawn(process.execPath, ["--input-type=module", "--eval", code], { stdio: "inherit" });
}

test("several processes go one after another", async (t) => {
  const folder = tempFolder(t);
  const file = join(folder, "count");
  writeFileSync(file, "0");
  const exits = Array.from({ length: 4 }, () => once(counter(join(folder, "lock"), file), "exit"));
  for (const exit of exits) assert.deepEqual(await exit, [0, null]);
  assert.equal(readFileSync(file, "utf8"), "4");
  assert.deepEqual(readdirSync(folder), ["count"]);
});

test("the lock of a process that died is taken", async (t) => {
  const lock = join(tempFolder(t), "lock");
  const dead = spawn(process.execPath, ["--eval", ""]);
  await once(dead, "exit");
  writeFileSync(lock, String(dead.pid));
  assert.equal(await withLock(lock, async () => "done", assert.fail), "done");
});

test("who waits is told once for whom, and goes on when the lock is given back", async (t) => {
  const lock = join(tempFolder(t), "lock");
  writeFileSync(lock, String(process.pid));
  const told: number[] = [];
  const done = withLock(
    lock,
    async () => "done",
    (pid: number) => told.push(pid),
  );
  await waitFor(() => told.length > 0);
  rmSync(lock);
  assert.equal(await done, "done");
  assert.deepEqual(told, [process.pid]);
});

test("the lock is given back when the work fails", async (t) => {
  const lock = join(tempFolder(t), "lock");
  const work = async () => {
    throw new Error("the work failed");
  };
  await assert.rejects(withLock(lock, work, assert.fail), /the work failed/);
  assert.equal(existsSync(lock), false);
});
