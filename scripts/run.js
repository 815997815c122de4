/** Child processes of the scripts: what they print is shown as it comes, and signals reach them. */
import { spawn } from "node:child_process";
import { realpathSync } from "node:fs";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";

/** Ctrl-C in a terminal, and its closing, reach every process of the job, so the child has had that signal already. */
const inTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;

/** What the child is sent when we get `signal`, or undefined if it has it already. */
function passedOn(signal) {
  if (signal === "SIGINT") return inTerminal ? undefined : signal;
  // To a node that runs as a service SIGHUP means: reopen the files. When the terminal goes, the child is to end.
  if (signal === "SIGHUP") return inTerminal ? "SIGTERM" : signal;
  return signal;
}

/**
 * Runs `command`, by default with our own standard streams, and resolves to its exit code: 128+n if signal n ended it.
 * Rejects if it cannot be started.
 */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const handlers = ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR2"].map((signal) => {
      const handler = () => {
        const pass = passedOn(signal);
        if (pass !== undefined) child.kill(pass);
      };
      process.on(signal, handler);
      return () => process.off(signal, handler);
    });
    const ended = () => {
      for (const off of handlers) off();
    };
    const child = spawn(command, args, { stdio: "inherit", ...options });
    child.once("error", (error) => {
      ended();
      reject(error);
    });
    child.once("exit", (code, signal) => {
      ended();
      resolve(code ?? 128 + constants.signals[signal]);
    });
  });
}

/** A failure that a person can mend: printed without a stack. */
export class Failure extends Error {}

/** Runs `main` if the file of `meta` is the one that Node was started with; the process ends with the code it resolves to. */
export async function script(meta, name, main) {
  if (fileURLToPath(meta.url) !== realpathSync(process.argv[1])) return;
  try {
    process.exitCode = await main();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    console.error(`${name}: ${error.message}`);
    process.exitCode = 1;
  }
}
