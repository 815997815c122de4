import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { commands } from "../../src/cli/commands.ts";
import { tempFolder } from "../temp.ts";
import { MAIN, run } from "./logspread.ts";

const manual = readFileSync(new URL("../../docs/cli.md", import.meta.url), "utf8");

test("--help lists every command", async (t) => {
  const { code, stdout } = await run(t, ["--help"]);
  assert.equal(code, 0);
  for (const { name } of commands) assert.match(stdout, new RegExp(`^  ${name} +\\S`, "m"));
});

test("without a command the same goes to standard error, with exit code 2", async (t) => {
  const { code, stdout, stderr } = await run(t, []);
  assert.equal(code, 2);
  assert.equal(stdout, "");
  assert.match(stderr, /Usage: logspread COMMAND/);
});

test("--version says the package's version, and with --json what it runs on", async (t) => {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  assert.equal((await run(t, ["--version"])).stdout, `logspread ${version}\n`);
  assert.equal((await run(t, ["-V"])).stdout, `logspread ${version}\n`);
  const report = JSON.parse((await run(t, ["--version", "--json"])).stdout);
  assert.equal(report.version, version);
  assert.equal(report.node, process.versions.node);
});

test("a mistyped command is answered with the one that was meant", async (t) => {
  const { code, stderr } = await run(t, ["tial", "coolsite"]);
  assert.equal(code, 2);
  assert.match(stderr, /Did you mean `logspread tail`\?/);
});

test("a mistyped option is answered with the one that was meant", async (t) => {
  const { code, stderr } = await run(t, ["tail", "--perfix", "coolsite"]);
  assert.equal(code, 2);
  assert.match(stderr, /Did you mean --prefix\?/);
});

test("the manual names every command", () => {
  for (const { name } of commands) assert.match(manual, new RegExp(`^\\| \`${name}\` +\\|`, "m"));
});

for (const entry of commands) {
  test(`${entry.name} --help names every option and an example, within 100 columns`, async (t) => {
    const { code, stdout } = await run(t, [entry.name, "--help"]);
    const command = await entry.load();
    assert.equal(code, 0);
    assert.match(stdout, new RegExp(`^logspread ${entry.name}: `));
    for (const option of Object.keys(command.options)) assert.ok(stdout.includes(`--${option}`), option);
    assert.ok(command.examples.length > 0);
    for (const { line } of command.examples) assert.ok(stdout.includes(`  ${line}\n`), line);
    const wide = stdout
      .split("\n")
      .filter((line) => line.length > 100 && !command.examples.some((e) => line.includes(e.line)));
    assert.deepEqual(wide, []);
  });
}

test("the options of a command do not collide", async () => {
  for (const entry of commands) {
    const { options } = await entry.load();
    const shorts = Object.values(options).flatMap(({ short }) => short ?? []);
    assert.equal(new Set(shorts).size, shorts.length, entry.name);
    assert.ok(!shorts.includes("h") && !("help" in options), entry.name);
  }
});

test("a reader that goes away ends it quietly with 0", async () => {
  for (const args of ["--help", "completion bash"]) {
    const line = `"${process.execPath}" "${MAIN}" ${args} | true; echo \${PIPESTATUS[0]}`;
    const { stdout, stderr } = spawnSync("bash", ["-c", line], { encoding: "utf8" });
    assert.equal(stdout, "0\n", args);
    assert.equal(stderr, "", args);
  }
});

test("an old Node is told which one is needed", (t) => {
  // The real old Nodes read main.js as it is compiled; this one is told that it is old.
  const old = join(tempFolder(t), "old.mjs");
  writeFileSync(old, 'Object.defineProperty(process.versions, "node", { value: "20.19.0" });');
  const { status, stderr } = spawnSync(process.execPath, ["--import", old, MAIN, "--version"], { encoding: "utf8" });
  assert.equal(status, 1);
  assert.match(stderr, /needs Node\.js 24 or newer/);
});

test("bash takes the completion, and it completes commands, options and words", (t) => {
  const script = execFileSync(process.execPath, [MAIN, "completion", "bash"], { encoding: "utf8" });
  const file = join(tempFolder(t), "logspread.bash");
  writeFileSync(file, script);
  execFileSync("bash", ["-n", file]);
  const complete = (...words: string[]) => {
    const ask = `source ${file}; COMP_WORDS=(logspread ${words.map((w) => `'${w}'`).join(" ")}); COMP_CWORD=${words.length}; _logspread; echo "\${COMPREPLY[@]}"`;
    return execFileSync("bash", ["-c", ask], { encoding: "utf8" }).trim().split(" ");
  };
  assert.deepEqual(complete("ta"), ["tail"]);
  assert.deepEqual(complete("tail", "--gr"), ["--grep"]);
  assert.deepEqual(complete("tail", "--from", ""), ["first", "new"]);
  assert.deepEqual(complete("completion", ""), ["bash", "zsh", "fish"]);
});

for (const shell of ["zsh", "fish"]) {
  test(`the completion for ${shell} names every command and option, and ${shell} takes it if it is there`, async (t) => {
    const { code, stdout } = await run(t, ["completion", shell]);
    assert.equal(code, 0);
    for (const entry of commands) {
      const { options } = await entry.load();
      for (const option of Object.keys(options)) {
        assert.match(
          stdout,
          new RegExp(shell === "zsh" ? `--${option}[=\\[]` : `-l ${option} `),
          `${entry.name} --${option}`,
        );
      }
    }
    const file = join(tempFolder(t), "completion");
    writeFileSync(file, stdout);
    const checked = spawnSync(shell, ["-n", file], { encoding: "utf8" });
    if (checked.error === undefined) assert.equal(checked.stderr, "");
  });
}

test("a shell that is not known is refused with the ones that are", async (t) => {
  const { code, stderr } = await run(t, ["completion", "csh"]);
  assert.equal(code, 2);
  assert.match(stderr, /bash, zsh, fish/);
});
