/** The benchmarks check that every line arrives; here they do it with a few lines, and nobody looks at the times. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { promisify } from "node:util";
import { faultOf, hashOf } from "../bench/arrived.ts";
import type { Outcome } from "../bench/benchmark.ts";
import { benchmarks } from "../bench/benchmarks.ts";
import { LINE_BYTES, writeLines } from "../bench/lines.ts";
import { program } from "./end-to-end/program.ts";
import { tempFolder } from "./temp.ts";

const exec = promisify(execFile);
const root = join(import.meta.dirname, "..");

/** apache is left to test/apache, which drives real servers through more than a benchmark does. */
for (const { name } of benchmarks.filter((benchmark) => benchmark.name !== "apache")) {
  test(`the benchmark ${name} finds every line where it should be`, async (t) => {
    const json = join(tempFolder(t), "found.json");
    const { script } = await program();
    const args = [join(root, "bench/main.ts"), name, "--short", "--alone", "--program", script, "--json", json];
    const { stdout } = await exec(process.execPath, args);
    const { found } = JSON.parse(readFileSync(json, "utf8")) as { found: Record<string, Outcome> };
    assert.deepEqual(found[name]!.faults, []);
    assert.ok(found[name]!.tables.length > 0);
    assert.match(stdout, /Not measured:/);
  });
}

test("the lines of the benchmarks are of one length, and no two are alike", (t) => {
  const path = join(tempFolder(t), "lines");
  writeLines(path, 5, 25_000);
  const lines = readFileSync(path, "latin1").split("\n").slice(0, -1);
  assert.equal(lines.length, 25_000);
  assert.ok(lines.every((line) => line.length === LINE_BYTES - 1));
  assert.equal(new Set(lines).size, 25_000);
  assert.match(lines[0]!, /" 0000000005$/);
});

test("a benchmark notices a line that is missing, doubled, swapped, damaged or none of its own", (t) => {
  const path = join(tempFolder(t), "lines");
  writeLines(path, 0, 100);
  const bytes = readFileSync(path);
  const hash = hashOf(path);
  const line = (i: number) => bytes.subarray(i * LINE_BYTES, (i + 1) * LINE_BYTES);
  const faultWith = (...parts: Uint8Array[]) => {
    writeFileSync(path, Buffer.concat(parts));
    return faultOf(path, 100, hash) ?? "";
  };
  assert.equal(faultWith(bytes), "");
  assert.match(faultWith(bytes.subarray(LINE_BYTES)), /99 lines of 100, 1 missing/);
  assert.match(faultWith(bytes, line(3)), /101 lines of 100, 0 missing, 1 doubled/);
  assert.match(faultWith(line(1), line(0), bytes.subarray(2 * LINE_BYTES)), / 0 damaged, 3 out of order/);
  const damaged = Buffer.from(bytes);
  damaged[10] = 0;
  assert.match(faultWith(damaged), /100 lines of 100, 0 missing/);
  appendFileSync(path, "x");
  assert.match(faultOf(path, 100, hash)!, /1 damaged/);
});
