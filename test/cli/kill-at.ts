/**
 * Loaded into a publisher by --import: its process kills itself with SIGKILL at the KILL_AT-th of the operations that
 * change something outside of it: before, in the middle of, or after a write, and around a request to a node.
 *
 * Only one moment is left out: between a read and the write of the same bytes into the intake. What is killed there has
 * taken bytes out of the pipe and told nobody; src/inputs/intake.ts says so.
 */
import fs from "node:fs";
import http from "node:http";
import { syncBuiltinESMExports } from "node:module";

let left = Number(process.env.KILL_AT);

function tick(): void {
  if (--left === 0) process.kill(process.pid, "SIGKILL");
}

const { writevSync, writeSync } = fs;
fs.writevSync = ((...args: Parameters<typeof writevSync>) => {
  const n = writevSync(...args);
  tick();
  return n;
}) as typeof writevSync;

fs.writeSync = ((fd: number, buffer: Buffer, offset: number, length: number, position: number) => {
  tick();
  if (left === 1 && length > 1) writeSync(fd, buffer, offset, length >> 1, position);
  tick();
  const n = writeSync(fd, buffer, offset, length, position);
  tick();
  return n;
}) as typeof writeSync;

const { open } = fs.promises;
fs.promises.open = async (...args: Parameters<typeof open>) => {
  const file = await open(...args);
  const writev = file.writev.bind(file);
  file.writev = (async (buffers: Buffer[], position: number) => {
    tick();
    // Torn: the first half of the bytes.
    if (left === 1)
      await writev([Buffer.concat(buffers).subarray(0, buffers.reduce((n, b) => n + b.length, 0) >> 1)], position);
    tick();
    const written = await writev(buffers, position);
    tick();
    return written;
  }) as typeof file.writev;
  return file;
};

const { end, emit } = http.ClientRequest.prototype;
http.ClientRequest.prototype.end = function (this: http.ClientRequest, ...args: unknown[]) {
  tick();
  const request = (end as (...args: unknown[]) => http.ClientRequest).apply(this, args);
  // When it is on its way, not just handed over.
  setImmediate(tick);
  return request;
};
http.ClientRequest.prototype.emit = function (this: http.ClientRequest, event: string, ...args: unknown[]) {
  if (event === "response") tick();
  return (emit as (event: string, ...args: unknown[]) => boolean).call(this, event, ...args);
} as typeof emit;

syncBuiltinESMExports();
