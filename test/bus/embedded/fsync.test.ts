/** What the kernel was asked to do, in which order: seen by strace, from outside the process. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { tempFolder } from "../../temp.ts";

/** The system calls after the record was written: "sync" and "ack", in order. */
function afterTheWrite(folder: string, fsync: string): string[] {
  const trace = join(folder, "trace");
  const child = join(import.meta.dirname, "fsync-child.ts");
  const strace = ["-f", "-qq", "-e", "trace=fdatasync,pwritev,write", "-o", trace];
  const { error } = spawnSync("strace", [...strace, process.execPath, child, join(folder, "bus"), fsync]);
  assert.equal(error, undefined, "strace is needed: node scripts/debian.js installs it");
  const calls = readFileSync(trace, "utf8").split("\n");
  const written = calls.findIndex((call) => call.includes("pwritev") && call.includes("LSB1"));
  assert.ok(written !== -1, "the record was not seen to be written");
  return calls
    .slice(written + 1)
    .map((call) => (call.includes("fdatasync(") ? "sync" : call.includes("acknowledged") ? "ack" : ""))
    .filter((step) => step !== "");
}

test("fsync: batch acknowledges after fdatasync", (t) => {
  assert.deepEqual(afterTheWrite(tempFolder(t), "batch").slice(0, 2), ["sync", "ack"]);
});

test("fsync: interval acknowledges after the write, and syncs within the interval", (t) => {
  assert.deepEqual(afterTheWrite(tempFolder(t), "interval"), ["ack", "sync"]);
});

test("fsync: never acknowledges after the write and leaves syncing to the kernel", (t) => {
  assert.deepEqual(afterTheWrite(tempFolder(t), "never"), ["ack"]);
});
