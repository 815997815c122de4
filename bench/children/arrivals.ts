/**
 * Reads the lines of timed-lines.ts from standard input until as many have come as the first argument says, and writes as
 * JSON how long each took, in ms, and what is wrong with their order.
 */
import { readSync, writeSync } from "node:fs";

const LINE_BYTES = 240;

const count = Number(process.argv[2]);
const delays: number[] = [];
let outOfOrder = 0;
const buffer = Buffer.alloc(1024 * 1024);
for (let filled = 0; delays.length < count; ) {
  const n = readSync(0, buffer, filled, buffer.length - filled, null);
  if (n === 0) break;
  const now = process.hrtime.bigint();
  filled += n;
  let at = 0;
  for (; at + LINE_BYTES <= filled; at += LINE_BYTES) {
    if (Number(buffer.toString("latin1", at, at + 10)) !== delays.length) outOfOrder++;
    delays.push(Number(now - BigInt(buffer.toString("latin1", at + 11, at + 31))) / 1e6);
  }
  buffer.copyWithin(0, at, filled);
  filled -= at;
}
// Standard output may be a pipe that takes only a part at once.
const result = Buffer.from(JSON.stringify({ delays, outOfOrder }));
for (let at = 0; at < result.length; ) at += writeSync(1, result, at);
