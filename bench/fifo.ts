/** A pipe of the kernel, 64 KiB like the one between a web server and its logger; Node's own "pipes" are sockets. */
import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import type { Program } from "./program.ts";
import { start } from "./program.ts";

export interface Fifo {
  readonly path: string;
  /** Its two ends, for `start`; the write end also keeps readers from seeing an end while writers come and go. */
  readonly read: number;
  readonly write: number;
  /** Closes our write end: its reader is at the end once the last writer has gone. */
  end(): void;
}

export function makeFifo(path: string): Fifo {
  execFileSync("mkfifo", [path]);
  // A pipe has no reader yet, so that opening one end alone would wait for the other.
  const both = openSync(path, constants.O_RDWR);
  const read = openSync(path, constants.O_RDONLY);
  const write = openSync(path, constants.O_WRONLY);
  closeSync(both);
  let open = true;
  const end = () => {
    if (open) closeSync(write);
    open = false;
  };
  return { path, read, write, end };
}

/** Writes a file into what a shell can redirect to: the same `cat` for a pipe as for a TCP connection. */
export function feed(file: string, target: string, log: string): Program {
  return start("bash", ["-c", 'exec cat -- "$1" > "$2"', "feed", file, target], { log });
}
