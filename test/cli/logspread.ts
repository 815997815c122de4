/** Runs `logspread` as a user does: as a process of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

export const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  /** What it has written so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves when `pattern` is in what it has written to either. */
  waitFor(pattern: RegExp): Promise<RegExpExecArray>;
  /** Resolves when it has ended. */
  readonly ended: Promise<Ended>;
}

export interface Options {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

/** Starts it; it is killed at the end of the test if it still runs. */
export function start(t: TestContext, args: readonly string[], { env = {}, cwd }: Options = {}): Running {
  const child = spawn(process.execPath, [MAIN, ...args], { env: { ...cleanEnv(), ...env }, cwd });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  t.after(() => child.kill("SIGKILL"));
  const ended = once(child, "close").then(([code, signal]) => ({ code, signal, stdout, stderr }) as Ended);
  return {
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    ended,
    async waitFor(pattern) {
      for (;;) {
        const found = pattern.exec(stdout) ?? pattern.exec(stderr);
        if (found !== null) return found;
        const over = await Promise.race([
          once(child.stdout, "data").then(() => false),
          once(child.stderr, "data").then(() => false),
          ended.then(() => true),
        ]);
        if (over) throw new Error(`it ended without ${pattern}:\n${stdout}\n${stderr}`);
      }
    },
  };
}

/** Runs it to its end. */
export async function run(t: TestContext, args: readonly string[], options: Options = {}): Promise<Ended> {
  const running = start(t, args, options);
  running.child.stdin!.end();
  return await running.ended;
}

function cleanEnv(): NodeJS.ProcessEnv {
  const { LOGSPREAD_CONFIG, LOGSPREAD_TO, NO_COLOR, FORCE_COLOR, NODE_TEST_CONTEXT, ...rest } = process.env;
  return rest;
}
