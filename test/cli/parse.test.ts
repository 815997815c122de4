import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import zlib from "node:zlib";
import { tempFolder } from "../temp.ts";
import { run, start } from "./logspread.ts";

const sample = fileURLToPath(new URL("../data/access-combined.log", import.meta.url));

async function piped(t: TestContext, input: string | Buffer, ...args: string[]) {
  const running = start(t, ["parse", ...args]);
  running.child.stdin!.end(input);
  return await running.ended;
}

test("formats lists every name, and shows one with its string and an example", async (t) => {
  const all = await run(t, ["formats"]);
  assert.equal(all.code, 0);
  assert.match(all.stdout, /^combined +text +start +body/m);
  assert.match(all.stdout, /^cloudfront +w3c +end +wire/m);
  const one = await run(t, ["formats", "nginx-timed"]);
  assert.match(one.stdout, /\$upstream_response_time/);
  const json = await run(t, ["formats", "--json"]);
  const first = JSON.parse(json.stdout.split("\n")[0]!);
  assert.deepEqual([first.name, first.marks, first.size], ["common", "start", "body"]);
  const wrong = await run(t, ["formats", "combind"]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /Did you mean combined\?/);
});

test("parse recognises the sample, says so, and counts at the end", async (t) => {
  const { code, stdout, stderr } = await run(t, ["parse", "--json", sample]);
  assert.equal(code, 0);
  const lines = stdout.trimEnd().split("\n");
  assert.equal(lines.length, 10_000);
  assert.equal(JSON.parse(lines[0]!).status, 200);
  assert.match(stderr, /the format is combined: it reads 100 of the first 100 lines/);
  assert.match(stderr, /10,000 lines: 9,999 ok, 1 truncated/);
});

test("parse shows fields for people, and ends after --limit lines", async (t) => {
  const { stdout, stderr } = await run(t, ["parse", "-n", "2", sample]);
  assert.match(stdout, /^line 1\n {2}timeUtc +2015-05-17T10:05:03.000000Z\n {2}status +200\n/);
  assert.doesNotMatch(stdout, /line 3/);
  assert.match(stderr, /2 lines: 2 ok/);
});

test("parse shows only what could not be read with --failed, by reason, and goes on", async (t) => {
  const ok = '::1 - - [24/Nov/2026:13:55:36 +0000] "GET / HTTP/1.1" 200 5';
  const input = `${ok}\nnonsense\n${ok.replace("Nov", "Nev")}\n\n${ok.replace(" 200", " 2x0")}\n${ok}`;
  const { code, stdout, stderr } = await piped(t, input, "--format", "common", "--json", "--failed", "-");
  assert.equal(code, 0);
  assert.deepEqual(
    stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line))
      .map(({ line, outcome }) => [line, outcome]),
    [
      [2, "mismatch"],
      [3, "bad-time"],
      [4, "empty"],
      [5, "bad-status"],
    ],
  );
  assert.match(stderr, /6 lines: 2 ok, 1 mismatch, 1 bad-time, 1 empty, 1 bad-status/);
});

test("parse exits with 1 if nothing could be read", async (t) => {
  assert.equal((await piped(t, "nonsense\n", "--format", "combined")).code, 1);
  const { code, stderr } = await piped(t, "nonsense\n");
  assert.equal(code, 1);
  assert.match(stderr, /no format that has a name reads half of the first lines/);
  assert.equal((await piped(t, "")).code, 1);
});

test("parse reads compressed files", async (t) => {
  const folder = tempFolder(t);
  const bytes = readFileSync(sample);
  writeFileSync(join(folder, "a.gz"), zlib.gzipSync(bytes));
  writeFileSync(join(folder, "a.zst"), zlib.zstdCompressSync(bytes));
  for (const file of ["a.gz", "a.zst"]) {
    const { stderr } = await run(t, ["parse", "--json", join(folder, file)]);
    assert.match(stderr, /10,000 lines: 9,999 ok/, file);
  }
});

test("parse says what is wrong with a format, a limit, a file", async (t) => {
  const format = await run(t, ["parse", "--format", "combind", sample]);
  assert.equal(format.code, 78);
  assert.match(format.stderr, /no format has this name/);
  assert.equal((await run(t, ["parse", "-n", "x", sample])).code, 2);
  assert.equal((await run(t, ["parse", "/nowhere/at-all"])).code, 74);
});

test("what a line holds cannot reach the terminal as an escape sequence", async (t) => {
  const line = '::1 - - [24/Nov/2026:13:55:36 +0000] "GET /\x1b]0;x\x07\x9b HTTP/1.1" 200 5\n';
  for (const args of [["--json"], []]) {
    const { stdout } = await piped(t, Buffer.from(`${line}\x1b[2J\n`, "latin1"), "--format", "common", ...args);
    assert.doesNotMatch(stdout, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
  }
});
