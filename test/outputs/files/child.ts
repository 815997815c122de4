/**
 * A file output in a process of its own, for tests that kill it. Argument: JSON with `bus`, `state`, `boot`, `options`
 * and perhaps `kill`: the step at which it kills itself with SIGKILL. Steps are the calls that change a disk: before each,
 * after each, and of a write also in its middle. Prints "ready" once it reads, and ends with 0 when all that is on the bus
 * is written; then it prints how often it came to each kind of step.
 */
import fs from "node:fs";
import fsp from "node:fs/promises";
import { join } from "node:path";
import { embeddedConfig } from "../../../src/bus/embedded/config.ts";
import { EmbeddedBus } from "../../../src/bus/embedded/embedded.ts";
import { filesConfig } from "../../../src/outputs/files/config.ts";
import { newFilesCounters } from "../../../src/outputs/files/counters.ts";
import { writeFiles } from "../../../src/outputs/files/write-files.ts";
import type { Options } from "./site.ts";

/** The `nth` time, from 1, that the process comes to a kind of step ("writev half"). */
export interface Step {
  readonly kind: string;
  readonly nth: number;
}

export interface ChildTask {
  readonly bus: string;
  readonly state: string;
  readonly boot: string;
  readonly options: Options;
  readonly kill?: Step;
}

const task = JSON.parse(process.argv[2]!) as ChildTask;
const config = { ...filesConfig.parse({ fsyncInterval: "2ms", ...task.options }), name: "files" };
const journal = join(task.state, `${config.name}.journal`);

const steps: Record<string, number> = {};

/** Counts a step; true if it is the one to die at. */
function fatal(kind: string): boolean {
  steps[kind] = (steps[kind] ?? 0) + 1;
  return task.kill?.kind === kind && task.kill.nth === steps[kind];
}

function die(): never {
  process.kill(process.pid, "SIGKILL");
  for (;;);
}

await patch();

async function patch(): Promise<void> {
  const { writeSync, fdatasync } = fs;
  // @ts-expect-error: only the way that the journal calls it
  fs.writeSync = (fd: number, bytes: Buffer, at: number): number => {
    if (fatal("journal before")) die();
    if (fatal("journal half")) {
      writeSync(fd, bytes, at, Math.floor((bytes.length - at) / 2));
      die();
    }
    const written = writeSync(fd, bytes, at);
    if (fatal("journal after")) die();
    return written;
  };
  // @ts-expect-error: without the promisified form
  fs.fdatasync = (fd: number, done: (error: Error | null) => void): void => {
    if (fatal("journal sync before")) die();
    fdatasync(fd, (error) => {
      // For the simulated power cut: so much of the journal is on the disk.
      fs.writeFileSync(`${journal}.synced`, String(fs.fstatSync(fd).size));
      if (fatal("journal sync after")) die();
      done(error);
    });
  };
  for (const name of ["rename", "unlink", "symlink"] as const) {
    const original = fsp[name] as (a: string, b: string) => Promise<void>;
    (fsp as unknown as Record<string, unknown>)[name] = async (a: string, b: string): Promise<void> => {
      const what =
        name === "rename"
          ? b === journal
            ? "rename journal"
            : b.endsWith("st") || b.endsWith("gz")
              ? "rename packed"
              : "rename"
          : name;
      if (fatal(`${what} before`)) die();
      if (name === "rename" && b === journal) fs.writeFileSync(`${journal}.synced`, "0");
      await original(a, b);
      if (fatal(`${what} after`)) die();
    };
  }
  const handle = await fsp.open("/dev/null", "r");
  const prototype = Object.getPrototypeOf(handle) as Record<string, (...args: never[]) => Promise<unknown>>;
  await handle.close();
  const writev = prototype.writev as (buffers: readonly Buffer[]) => Promise<{ bytesWritten: number }>;
  const half = async function (this: unknown, buffers: readonly Buffer[]) {
    if (fatal("writev before")) die();
    if (fatal("writev half")) {
      const all = Buffer.concat(buffers);
      await writev.call(this, [all.subarray(0, Math.floor(all.length / 2))]);
      die();
    }
    const result = await writev.call(this, buffers);
    if (fatal("writev after")) die();
    return result;
  };
  prototype.writev = half as never;
}

const bus = await EmbeddedBus.open(task.bus, embeddedConfig.parse({ fsync: "never" }), {
  nowUs: () => Date.now() * 1000,
  report: () => {},
});
const { lastPosition } = await bus.status();
const counters = newFilesCounters();
const stop = new AbortController();
const reopen = new EventTarget();
process.on("SIGHUP", () => reopen.dispatchEvent(new Event("reopen")));
const report = (level: string, text: string, fields: Record<string, unknown> = {}): void => {
  if (level !== "info") process.stderr.write(`${text} ${JSON.stringify(fields)}\n`);
};
const done = writeFiles(
  config,
  bus,
  { stateFolder: task.state, bootId: task.boot, counters, report, reopen },
  stop.signal,
);
process.stdout.write("ready\n");
const look = setInterval(() => {
  if (counters.position >= lastPosition && counters.filesToCompress === 0) stop.abort();
}, 2);
await done.catch((error: unknown) => {
  if (!stop.signal.aborted) throw error;
});
clearInterval(look);
await bus.close();
process.stdout.write(`steps ${JSON.stringify(steps)}\n`);
