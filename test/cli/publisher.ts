/** Publishers as a web server starts them: the compiled program, its standard input a pipe that outlives it. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { tempFolder } from "../temp.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const killHook = fileURLToPath(new URL("kill-at.ts", import.meta.url));

let built: string | undefined;

/** The compiled `main.js`, made once for a test file; how fast it starts and how much memory it takes is part of the promise. */
export function builtMain(): string {
  if (built === undefined) {
    const folder = mkdtempSync(join(tmpdir(), "logspread-built-"));
    process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
    // Type errors are another test's business: it compiles all the same.
    spawnSync(process.execPath, [
      join(root, "node_modules/typescript/bin/tsc"),
      ...[
        "-p",
        join(root, "tsconfig.build.json"),
        "--outDir",
        folder,
        "--declaration",
        "false",
        "--sourceMap",
        "false",
      ],
    ]);
    execFileSync("cp", [join(root, "package.json"), folder]);
    built = join(folder, "cli", "main.js");
  }
  return built;
}

/** A pipe as Apache has it for a piped log: it stays when its reader dies, and with it what is in it. */
export class LogPipe {
  readonly #path: string;
  readonly #end: net.Socket;

  constructor(t: TestContext) {
    this.#path = join(tempFolder(t), "pipe");
    execFileSync("mkfifo", [this.#path]);
    const fd = openSync(this.#path, constants.O_RDWR | constants.O_NONBLOCK);
    this.#end = new net.Socket({ fd, readable: false, writable: true });
    t.after(() => this.#end.destroy());
  }

  /** Resolves when all of it is in the pipe. */
  async write(text: string | Buffer): Promise<void> {
    if (!this.#end.write(typeof text === "string" ? Buffer.from(text, "latin1") : text)) await once(this.#end, "drain");
  }

  /** The reader finds the end of its input behind what is in the pipe. */
  async close(): Promise<void> {
    this.#end.end();
    await once(this.#end, "close");
  }

  /** Its end for a reader. */
  openReader(): number {
    return openSync(this.#path, constants.O_RDONLY | constants.O_NONBLOCK);
  }
}

export interface Started {
  readonly process: ChildProcess;
  readonly pid: number;
  /** What it has said so far. */
  stderr(): string;
  /** Resolves to its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
}

export interface PublisherOptions {
  readonly stdin: LogPipe | "pipe" | number;
  readonly args: readonly string[];
  /** The process kills itself at this of its operations; see kill-at.ts. */
  readonly killAt?: number;
  readonly env?: NodeJS.ProcessEnv;
}

export function startPublisher(t: TestContext, { stdin, args, killAt, env = {} }: PublisherOptions): Started {
  const reader = stdin instanceof LogPipe ? stdin.openReader() : undefined;
  const hook = killAt === undefined ? [] : ["--import", killHook];
  const child = spawn(process.execPath, [...hook, builtMain(), "publish", ...args], {
    stdio: [reader ?? (stdin as "pipe" | number), "ignore", "pipe"],
    env: { ...process.env, KILL_AT: String(killAt ?? ""), ...env },
  });
  if (reader !== undefined) closeSync(reader);
  let said = "";
  child.stderr!.on("data", (data) => (said += data));
  const ended = new Promise<number | string>((resolve) => {
    child.on("close", (code, signal) => resolve(code ?? signal!));
  });
  t.after(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
    await ended;
  });
  return { process: child, pid: child.pid!, stderr: () => said, ended };
}

/** Memory of a process that is resident, bytes. */
export function residentBytes(pid: number): number {
  const found = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(found?.[1] ?? 0) * 1024;
}

/** Numbers from 0 to 1 that are the same for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
