import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { sampleOf } from "../../src/cli/sample.ts";
import { jsonSchema } from "../../src/node/config.ts";
import { loadConfig } from "../../src/node/load-config.ts";
import { tempFolder } from "../temp.ts";
import { run } from "./logspread.ts";

function configFile(t: TestContext, text: string): string {
  const file = join(tempFolder(t), "logspread.yaml");
  writeFileSync(file, text);
  return file;
}

const load = (path: string) => loadConfig({ path, env: {}, cwd: "/", uid: 0 });

test("a right configuration is told with what it would do, and nothing is made", async (t) => {
  const folder = tempFolder(t);
  const file = configFile(
    t,
    `listen: ["127.0.0.1:4804", "[::1]:0"]
data: ${folder}/data
outputs:
  site:
    files:
      groups: [coolsite]
      path: ${folder}/logs/{group}/{host}-%Y.log
`,
  );
  const { code, stdout, stderr } = await run(t, ["check", file]);
  assert.equal(code, 0);
  assert.equal(stderr, "");
  assert.match(stdout, /logspread\.yaml: right\n/);
  assert.match(stdout, /listen +http:\/\/127\.0\.0\.1:4804, \[::1\], any free port\n/);
  assert.match(stdout, new RegExp(`data +${folder}/data\n`));
  assert.match(stdout, /keeps 10 GB or 30 days/);
  assert.match(
    stdout,
    new RegExp(`site: lines of groups coolsite .* to ${folder}/logs/coolsite/web1-20\\d\\d\\.log\n`),
  );
  assert.equal(existsSync(join(folder, "data")), false);
});

test("all faults are told at once, each with file, line, column, key and mend; the exit code is 78", async (t) => {
  const file = configFile(t, "listn: 127.0.0.1:4804\nbus:\n  embedded:\n    fsync: sometimes\n");
  const { code, stdout, stderr } = await run(t, ["check", file]);
  assert.equal(code, 78);
  assert.equal(stdout, "");
  const lines = stderr.trimEnd().split("\n");
  assert.equal(lines.length, 2);
  assert.ok(lines.some((line) => line.startsWith(`${file}:1:1: listn: `) && line.endsWith("Did you mean listen?")));
  assert.ok(lines.some((line) => line.startsWith(`${file}:4:`) && line.includes("bus.embedded.fsync")));
});

test("a configuration cannot send escape sequences to the terminal", async (t) => {
  const { stderr } = await run(t, ["check", configFile(t, '"a\\eb": 1\n')]);
  assert.ok(!stderr.includes("\x1b"));
  assert.match(stderr, /a\\x1bb/);
});

test("a file that is not there is a fault of the configuration", async (t) => {
  const { code, stderr } = await run(t, ["check", join(tempFolder(t), "none.yaml")]);
  assert.equal(code, 78);
  assert.match(stderr, /none\.yaml: there is no such file/);
});

test("a folder that the user cannot write to is warned of", { skip: process.getuid?.() === 0 }, async (t) => {
  const { code, stderr } = await run(t, ["check", configFile(t, "data: /proc/logspread\n")]);
  assert.equal(code, 0);
  assert.match(stderr, /warning: \/proc\/logspread cannot be made/);
});

test("without a file it checks what up would use", async (t) => {
  const cwd = tempFolder(t);
  writeFileSync(join(cwd, "logspread.yaml"), "listen: nowhere\n");
  const { code, stderr } = await run(t, ["check"], { cwd });
  assert.equal(code, 78);
  assert.match(stderr, /logspread\.yaml:1:\d+: listen: /);
});

test("the sample is right, and begins with the line that tells editors of the schema", async (t) => {
  const { code, stdout } = await run(t, ["check", "--sample"]);
  assert.equal(code, 0);
  assert.match(stdout, /^# yaml-language-server: \$schema=logspread\.schema\.json\n/);
  const { config } = load(configFile(t, stdout));
  assert.deepEqual(Object.keys(config.outputs), ["site"]);
});

test("every setting that the sample comments out may be put in force as it stands", (t) => {
  const lines = sampleOf(jsonSchema(), "x.json").split("\n");
  const isSetting = (line: string) => /^ *#[^ #]/.test(line);
  let tried = 0;
  for (const [i, line] of lines.entries()) {
    if (!isSetting(line) || line.endsWith(":")) continue;
    // The setting, and the maps that it stands in.
    const inForce = new Set([i]);
    let depth = line.search(/#/);
    for (let above = i - 1; above >= 0 && depth > 0; above--) {
      const indent = lines[above]!.search(/\S/);
      if (indent === -1 || indent >= depth || !/^ *#?[^ #].*:$/.test(lines[above]!)) continue;
      inForce.add(above);
      depth = indent;
    }
    const text = lines.map((each, at) => (inForce.has(at) ? each.replace("#", "") : each)).join("\n");
    assert.doesNotThrow(() => load(configFile(t, text)), `line ${i + 1}: ${line}`);
    tried++;
  }
  assert.ok(tried > 25, `${tried} settings`);
});

test("--schema prints a JSON Schema that knows every top-level setting", async (t) => {
  const { code, stdout } = await run(t, ["check", "--schema"]);
  assert.equal(code, 0);
  const schema = JSON.parse(stdout);
  assert.match(schema.$schema, /^https:\/\/json-schema\.org\//);
  for (const key of ["listen", "data", "bus", "outputs", "limits"]) assert.ok(key in schema.properties, key);
});
