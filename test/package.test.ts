/** What `npm pack` makes is what people get: it is packed, installed elsewhere and run. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import test, { after, before } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = dirname(import.meta.dirname);
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** The environment without what an outer npm put there: it would turn `npm install --prefix` back to this project. */
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));

/** The files of the package, and where it is installed. */
let files: string[] = [];
const folder = mkdtempSync(join(tmpdir(), "logspread-package-"));
const installed = join(folder, "elsewhere", "node_modules", "logspread");

before(async () => {
  const packed = await run("npm", ["pack", "--json", "--pack-destination", folder], { cwd: root, env });
  const [{ filename, files: list }] = JSON.parse(packed.stdout);
  files = list.map((file: { path: string }) => file.path);
  const flags = ["--prefix", join(folder, "elsewhere"), "--prefer-offline", "--no-audit", "--no-fund"];
  await run("npm", ["install", ...flags, join(folder, filename)], { cwd: folder, env });
});
after(() => rmSync(folder, { recursive: true, force: true }));

test("the installed `logspread --version` tells the version of package.json", async () => {
  const program = join(folder, "elsewhere", "node_modules", ".bin", "logspread");
  const { stdout } = await run(process.execPath, [program, "--version"], { cwd: folder });
  assert.equal(stdout, `logspread ${manifest.version}\n`);
});

test("the program can be run by its name: executable, with the line that names node", () => {
  const program = join(installed, manifest.bin.logspread);
  assert.equal(readFileSync(program, "utf8").split("\n")[0], "#!/usr/bin/env node");
  assert.ok(statSync(program).mode & 0o111, "it is not executable");
});

test("every command can be loaded from the package", async () => {
  const program = join(installed, manifest.bin.logspread);
  const { stdout } = await run(process.execPath, [program, "--help"], { cwd: folder });
  assert.match(stdout, /Commands:/);
});

test("the package holds the program, the manual and the licence, but no sources and no tests", () => {
  for (const file of ["dist/cli/main.js", "README.md", "CHANGELOG.md", "LICENSE", "docs/errors.md"]) {
    assert.ok(files.includes(file), `${file} is missing`);
  }
  const strange = files.filter(
    (file) => /^(src|test|scripts|bench|chaos)\//.test(file) || (file.endsWith(".ts") && !file.endsWith(".d.ts")),
  );
  assert.deepEqual(strange, []);
});

test("compiled files import compiled files", () => {
  const wrong = files.filter(
    (file) =>
      file.endsWith(".js") && /from "\.[^"]*\.ts"|import\("\.[^"]*\.ts"/.test(readFileSync(join(root, file), "utf8")),
  );
  assert.deepEqual(wrong, []);
});

test("what package.json names as entry points is in the package", () => {
  const named = [...Object.values(manifest.bin), ...Object.values(manifest.exports["."])] as string[];
  for (const path of named) assert.ok(existsSync(join(installed, path)), `${path} is missing`);
});

test("a program can import logspread", async () => {
  const code =
    'import { decodeFrames, LogspreadError } from "logspread"; console.log(typeof decodeFrames, LogspreadError.name)';
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", code], {
    cwd: join(folder, "elsewhere"),
  });
  assert.equal(stdout, "function LogspreadError\n");
});

test("a program that is written in TypeScript finds the types", async () => {
  const program = join(folder, "elsewhere", "program.mts");
  const source = (as: string) => `import { type Batch, batchOfLines, newProducer } from "logspread";
    const label = { group: "g", sender: "s", producer: newProducer(), sequence: 1, createdUs: 0 };
    const batch: Batch = await batchOfLines(label, Buffer.from("a\\n"));
    export const count: ${as} = batch.count;`;
  const compile = (as: string) => {
    writeFileSync(program, source(as));
    const types = ["--types", "node", "--typeRoots", join(root, "node_modules", "@types")];
    const flags = ["--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", ...types];
    return run(process.execPath, [join(root, "node_modules", "typescript", "bin", "tsc"), ...flags, program], {
      cwd: folder,
    });
  };
  await compile("number");
  await assert.rejects(compile("string"), { stdout: /Type 'number' is not assignable to type 'string'/ });
});
