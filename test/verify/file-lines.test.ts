import assert from "node:assert/strict";
import { appendFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import zlib from "node:zlib";
import { type Cut, linesOfFiles } from "../../src/verify/file-lines.ts";
import { tempFolder } from "../temp.ts";

const atStart = (file: string) => ({ file, bytes: statSync(file).size });

async function read(t: TestContext, files: Record<string, Buffer | string>) {
  const folder = tempFolder(t);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  const paths = Object.keys(files).map((name) => join(folder, name));
  const cuts: string[] = [];
  const pieces: { text: string; firstLine: number }[] = [];
  const cut = ({ file, line, why }: Cut) => cuts.push(`${file.slice(folder.length + 1)}:${line}: ${why}`);
  for await (const { bytes, from } of linesOfFiles(paths.map(atStart), cut)) {
    pieces.push({ text: bytes.toString(), firstLine: from.firstLine });
  }
  return { pieces, text: pieces.map(({ text }) => text).join(""), cuts };
}

test("files are read in the order given, whatever compresses them", async (t) => {
  const { text, cuts } = await read(t, {
    "a.log": "1\n2\n",
    "b.gz": zlib.gzipSync("3\n4\n"),
    c: zlib.zstdCompressSync("5\n6\n"),
    empty: "",
  });
  assert.equal(text, "1\n2\n3\n4\n5\n6\n");
  assert.deepEqual(cuts, []);
});

test("gzip files that were appended to one another are read to the end", async (t) => {
  const both = { g: Buffer.concat([zlib.gzipSync("1\n"), zlib.gzipSync("2\n")]) };
  assert.equal((await read(t, both)).text, "1\n2\n");
});

test("what follows the first frame of a zstd file, which is not read, is told", async (t) => {
  const frames = { z: Buffer.concat([zlib.zstdCompressSync("1\n"), zlib.zstdCompressSync("2\n")]) };
  assert.match((await read(t, frames)).cuts[0]!, /z:2: only its first zstd frame was read/);
});

test("pieces hold whole lines and know their number, over chunks and for lines longer than one", async (t) => {
  const content = `${"a".repeat(99)}\n`.repeat(30_000) + `${"b".repeat(2_500_000)}\n` + "c\n";
  const { pieces, text } = await read(t, { f: content });
  assert.equal(text, content);
  let line = 1;
  for (const piece of pieces) {
    assert.equal(piece.firstLine, line);
    assert.ok(piece.text.endsWith("\n"));
    line += piece.text.split("\n").length - 1;
  }
});

test("a file that ends in the middle of a line is told, with the line", async (t) => {
  const { text, cuts } = await read(t, { f: "1\n2\n3" });
  assert.equal(text, "1\n2\n");
  assert.deepEqual(cuts, ["f:3: it ends in the middle of a line"]);
});

for (const [name, compressed] of [
  ["gzip", zlib.gzipSync("line\n".repeat(50_000))],
  ["zstd", zlib.zstdCompressSync("line\n".repeat(50_000))],
] as const) {
  test(`a cut ${name} file is told, and what can be read of it is read`, async (t) => {
    const { cuts } = await read(t, { f: compressed.subarray(0, compressed.length - 12) });
    assert.match(cuts[0]!, /its compressed data is cut or damaged/);
  });
}

test("a file that is not there is the system's error", async (t) => {
  await assert.rejects(Array.fromAsync(linesOfFiles([{ file: join(tempFolder(t), "none"), bytes: 1 }], () => {})), {
    code: "ENOENT",
  });
});

test("what is appended after the start does not count, nor does a line that was being written then", async (t) => {
  const file = join(tempFolder(t), "f");
  writeFileSync(file, "1\n2\n3");
  const start = atStart(file);
  appendFileSync(file, "3\n4\n");
  const pieces = await Array.fromAsync(linesOfFiles([start], () => assert.fail("it is not cut")));
  assert.equal(pieces.map(({ bytes }) => bytes.toString()).join(""), "1\n2\n");
});
