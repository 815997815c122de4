/**
 * Runs a program for a notification. What came from a log line is in its standard input only, never among arguments or in
 * the environment, where a shell script may take it for more than text.
 */
import { spawn } from "node:child_process";
import { reasonOf, systemCodeOf } from "../../message/error.ts";
import type { ProgramConfig } from "./config.ts";

/** So much of what it wrote to standard error is told when it fails. */
const MAX_ERROR_BYTES = 500;

/** A program that is told to end and does not is killed after this, ms. */
const GRACE_MS = 2000;

export type Ran = { readonly kind: "done" } | { readonly kind: "failed"; readonly why: string };

/** Resolves when the program has ended, by itself or by force. An abort of `signal` ends it. */
export function run({ command, timeout }: ProgramConfig, input: string, signal: AbortSignal): Promise<Ran> {
  if (signal.aborted) return Promise.resolve({ kind: "failed", why: "the node is stopping" });
  const [file, ...args] = command as [string, ...string[]];
  return new Promise((resolve) => {
    // A process group of its own, so that what it has started ends with it.
    const child = spawn(file, args, { stdio: ["pipe", "ignore", "pipe"], detached: true });
    let forced: string | undefined;
    let killer: NodeJS.Timeout | undefined;
    const end = (why: string) => {
      if (forced !== undefined) return;
      forced = why;
      send("SIGTERM");
      killer = setTimeout(() => send("SIGKILL"), GRACE_MS);
    };
    const send = (name: NodeJS.Signals) => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, name);
      } catch (error) {
        // It may have gone already. Another user's cannot be ended: it is left to itself.
        if (systemCodeOf(error) !== "ESRCH") settle({ kind: "failed", why: `${forced}, and ${reasonOf(error)}` });
      }
    };
    const stop = () => end("the node is stopping");
    const timer = setTimeout(() => end(`it ran for longer than ${timeout} ms`), timeout);
    signal.addEventListener("abort", stop);
    const settle = (ran: Ran) => {
      clearTimeout(timer);
      clearTimeout(killer);
      signal.removeEventListener("abort", stop);
      // What it left running must not hold the pipe open.
      child.stderr.destroy();
      resolve(ran);
    };
    let errors = "";
    child.stderr.on("data", (bytes: Buffer) => {
      if (errors.length < MAX_ERROR_BYTES) errors += bytes.toString("latin1", 0, MAX_ERROR_BYTES - errors.length);
    });
    // It need not read what it is given: a closed pipe is no failure.
    child.stdin.on("error", () => {});
    child.on("error", (error) => settle({ kind: "failed", why: reasonOf(error) }));
    child.on("exit", (code, name) => {
      if (forced !== undefined) settle({ kind: "failed", why: forced });
      else if (code === 0) settle({ kind: "done" });
      else
        settle({ kind: "failed", why: `it ended with ${name ?? `status ${code}`}${errors && `: ${errors.trim()}`}` });
    });
    child.stdin.end(input);
  });
}
