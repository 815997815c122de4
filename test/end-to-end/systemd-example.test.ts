/** examples/systemd/logspread.service does what it says, with the node's configuration of examples/apache. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import test from "node:test";
import { tempFolder } from "../temp.ts";
import { waitFor } from "../wait.ts";
import { freePort } from "./port.ts";
import { program } from "./program.ts";

const examples = join(dirname(dirname(import.meta.dirname)), "examples");
const unit = readFileSync(join(examples, "systemd", "logspread.service"), "utf8");

/** The value of a setting that the unit has once. */
function setting(name: string): string {
  const values = [...unit.matchAll(new RegExp(`^${name}=(.*)$`, "gm"))].map(([, value]) => value!);
  assert.equal(values.length, 1, name);
  return values[0]!;
}

test("the unit's commands check, start, reload and stop a node, and a wrong configuration is not tried again", async (t) => {
  const folder = tempFolder(t);
  const listen = `127.0.0.1:${await freePort()}`;
  const file = join(folder, "logspread.yaml");
  const text = readFileSync(join(examples, "apache", "logspread.yaml"), "utf8")
    .replaceAll("127.0.0.1:4804", listen)
    .replaceAll("/var/lib/logspread", join(folder, "data"))
    .replaceAll("/var/log/logspread", join(folder, "logs"));
  writeFileSync(file, text);
  const { node, script } = await program();
  const argsOf = (command: string) => {
    const [name, ...args] = setting(command).replaceAll("/etc/logspread/logspread.yaml", file).split(" ");
    assert.equal(name, "/usr/bin/logspread");
    return [script, ...args];
  };

  const checked = spawnSync(node, argsOf("ExecStartPre"), { encoding: "utf8" });
  assert.equal(checked.status, 0, checked.stderr);

  const service = spawn(node, argsOf("ExecStart"), { stdio: "ignore" });
  t.after(() => service.kill("SIGKILL"));
  const isReady = () =>
    fetch(`http://${listen}/readyz`).then(
      (response) => response.ok,
      () => false,
    );
  await waitFor(isReady);

  const [kill, ...args] = setting("ExecReload").replace("$MAINPID", String(service.pid)).split(" ");
  assert.equal(spawnSync(kill!, args).status, 0);
  assert.ok(await isReady(), "it survives its reload");

  const exited = once(service, "exit");
  service.kill("SIGTERM");
  assert.deepEqual(await exited, [0, null]);

  writeFileSync(file, `${text}\nnothing: true\n`);
  const wrong = spawnSync(node, argsOf("ExecStart"), { encoding: "utf8" });
  assert.equal(String(wrong.status), setting("RestartPreventExitStatus"), wrong.stderr);
});
