import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import test from "node:test";

const script = join(dirname(dirname(import.meta.dirname)), "scripts", "run.js");

/** Starts a process, without a terminal, that runs `child` with `run` and ends with its exit code. */
function parentOf(child: string) {
  const code = `
    import { run } from ${JSON.stringify(script)};
    process.exitCode = await run(process.execPath, ["--eval", ${JSON.stringify(child)}]);`;
  return spawn(process.execPath, ["--input-type=module", "--eval", code], { stdio: ["ignore", "pipe", "ignore"] });
}

test("the exit code is passed on", async () => {
  assert.deepEqual(await once(parentOf("process.exit(78)"), "exit"), [78, null]);
});

test("an end by a signal is passed on as the shell does", async () => {
  assert.deepEqual(await once(parentOf("process.kill(process.pid, 'SIGKILL')"), "exit"), [137, null]);
});

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR2"] as const) {
  test(`${signal} reaches the program, which ends as it likes`, async () => {
    const child = `process.on("${signal}", () => process.exit(7)); setInterval(() => {}, 1000); console.log("ready")`;
    const parent = parentOf(child);
    await once(parent.stdout, "data");
    parent.kill(signal);
    assert.deepEqual(await once(parent, "exit"), [7, null]);
  });
}
