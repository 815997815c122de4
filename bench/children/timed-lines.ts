/**
 * Writes lines at an even pace to standard output; each begins with its number and the time it was written, in ns of the
 * clock that all processes of the machine share. Arguments: lines per second, seconds.
 */
import { writeSync } from "node:fs";

const LINE_BYTES = 240;

const [perSecond, seconds] = process.argv.slice(2).map(Number) as [number, number];
const asleep = new Int32Array(new SharedArrayBuffer(4));
const line = Buffer.alloc(LINE_BYTES, "GET /index.html HTTP/1.1 ");
line[LINE_BYTES - 1] = 10;
const begin = process.hrtime.bigint();
for (let i = 0; i < perSecond * seconds; i++) {
  const due = (i * 1e9) / perSecond;
  for (let wait = due - elapsed(); wait > 0; wait = due - elapsed()) Atomics.wait(asleep, 0, 0, wait / 1e6);
  line.write(`${String(i).padStart(10, "0")} ${String(process.hrtime.bigint()).padStart(20, "0")} `, "latin1");
  writeSync(1, line);
}

function elapsed(): number {
  return Number(process.hrtime.bigint() - begin);
}
