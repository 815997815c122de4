/** Writes a file of lines to standard output at an even pace. Arguments: file, bytes per second. */
import { openSync, readSync, writeSync } from "node:fs";

const TURN_MS = 5;

const [path, rate] = process.argv.slice(2) as [string, string];
const file = openSync(path, "r");
const asleep = new Int32Array(new SharedArrayBuffer(4));
const buffer = Buffer.alloc(Math.ceil((Number(rate) * TURN_MS) / 1000));
const begin = performance.now();
for (let turn = 0; ; turn++) {
  const n = readSync(file, buffer);
  if (n === 0) break;
  for (let at = 0; at < n; ) at += writeSync(1, buffer, at, n - at);
  const wait = begin + (turn + 1) * TURN_MS - performance.now();
  if (wait > 0) Atomics.wait(asleep, 0, 0, wait);
}
