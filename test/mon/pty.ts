/** Runs `logspread` in a terminal of its own, as a person sees it. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { MAIN } from "../cli/logspread.ts";
import { until } from "../cli/until.ts";
import { Emulator } from "./emulator.ts";

/** Why no terminal can be had here; false if it can. */
export const noTerminal = spawnSync("python3", ["-c", "import pty, termios"]).status === 0 ? false : "needs python3";

export interface TerminalEnd {
  readonly code: number | null;
  readonly signal: number | null;
  /** The terminal's mode is as it was; null if the terminal has gone. */
  readonly restored: boolean | null;
}

export interface InTerminal {
  readonly emulator: Emulator;
  /** All that was written. */
  readonly output: () => string;
  keys(text: string): void;
  resize(columns: number, rows: number): void;
  signal(number: number): void;
  hangup(): void;
  /** Resolves when the screen shows it. */
  shows(pattern: RegExp): Promise<void>;
  readonly ended: Promise<TerminalEnd>;
}

export function inTerminal(
  t: TestContext,
  args: readonly string[],
  { columns = 80, rows = 24, env = {} }: { columns?: number; rows?: number; env?: NodeJS.ProcessEnv } = {},
): InTerminal {
  const { LOGSPREAD_TO, NO_COLOR, LC_ALL, LC_CTYPE, NODE_TEST_CONTEXT, ...rest } = process.env;
  const child = spawn(
    "python3",
    [join(import.meta.dirname, "terminal.py"), String(columns), String(rows), process.execPath, MAIN, ...args],
    { env: { ...rest, TERM: "xterm-256color", LANG: "C.UTF-8", TZ: "UTC", ...env } },
  );
  t.after(() => child.kill("SIGKILL"));
  const emulator = new Emulator(columns, rows);
  let [output, errors] = ["", ""];
  let broken: unknown;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
    try {
      emulator.write(text);
    } catch (error) {
      broken ??= error;
    }
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  const tell = (line: string) => void child.stdin.write(`${line}\n`);
  child.stdin.on("error", () => {}); // It has ended: `ended` tells how.
  const ended = once(child, "close").then(() => {
    if (broken !== undefined) throw broken;
    return JSON.parse(errors.trim().split("\n").at(-1)!) as TerminalEnd;
  });
  ended.catch(() => {}); // Who does not ask how it ended has it killed.
  return {
    emulator,
    output: () => output,
    keys: (text) => tell(`keys ${Buffer.from(text).toString("hex")}`),
    resize: (wide, high) => {
      emulator.resize(wide, high);
      tell(`resize ${wide} ${high}`);
    },
    signal: (number) => tell(`signal ${number}`),
    hangup: () => tell("hangup"),
    async shows(pattern) {
      await until(() => broken !== undefined || child.exitCode !== null || pattern.test(emulator.text)).catch(() => {});
      if (broken !== undefined) throw broken;
      if (!pattern.test(emulator.text)) throw new Error(`it does not show ${pattern}:\n${emulator.text}\n${errors}`);
    },
    ended,
  };
}
