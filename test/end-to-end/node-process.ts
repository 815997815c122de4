import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { tempFolder } from "../temp.ts";
import { waitFor } from "../wait.ts";
import { freePort } from "./port.ts";
import { type Program, program } from "./program.ts";

/** A node starts within half a second; a machine that runs other tests beside gets more. */
const START_LIMIT_MS = 30_000;

export interface NodeSetup {
  /** A configuration in the place of the flags: makes it of the folder for everything and the address to listen at. */
  readonly config?: (folder: string, listen: string) => string;
}

/** A real `logspread up` in a process of its own, which writes each group to a file. It goes with the test. */
export class NodeProcess {
  readonly folder: string;
  readonly url: string;
  readonly #program: Program;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;
  #said = "";

  private constructor(folder: string, url: string, started: Program, args: readonly string[]) {
    this.folder = folder;
    this.url = url;
    this.#program = started;
    this.#args = args;
  }

  /** Prepares a node on a free port, and starts it. */
  static async start(t: TestContext, { config }: NodeSetup = {}): Promise<NodeProcess> {
    const folder = tempFolder(t);
    chmodSync(folder, 0o755);
    const port = await freePort();
    const listen = `127.0.0.1:${port}`;
    const file = join(folder, "logs", "{group}.log");
    const args = ["up"];
    if (config === undefined) args.push("--listen", listen, "--data", join(folder, "data"), "--file", file);
    else {
      args.push("--config", join(folder, "logspread.yaml"));
      writeFileSync(join(folder, "logspread.yaml"), config(folder, listen));
    }
    const node = new NodeProcess(folder, `http://${listen}`, await program(), args);
    t.after(() => node.kill());
    await node.start();
    return node;
  }

  /** The file of a group. */
  file(group: string): string {
    return join(this.folder, "logs", `${group}.log`);
  }

  /** The lines that are in a group's file now. */
  lines(group: string): string[] {
    return linesOf(this.file(group));
  }

  /** Starts the node, again if it was there before, and resolves when it is ready. */
  async start(): Promise<void> {
    const { node, script } = this.#program;
    const child = spawn(node, [script, ...this.#args], { cwd: this.folder, stdio: ["ignore", "ignore", "pipe"] });
    child.stderr.on("data", (bytes: Buffer) => (this.#said += bytes.toString()));
    this.#child = child;
    let state = "nobody listens";
    try {
      await waitFor(async () => {
        if (child.exitCode !== null) return true;
        state = await stateOf(this.url);
        return state === "ready";
      }, START_LIMIT_MS);
    } catch {
      // Told below.
    }
    if (child.exitCode !== null) throw new Error(`the node ended with ${child.exitCode}: ${this.#said}`);
    if (state !== "ready") throw new Error(`the node is not ready after ${START_LIMIT_MS} ms: ${state}\n${this.#said}`);
  }

  /** kill -9; resolves when the process is gone. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Lets it stand still as it is: what is sent to it is not answered. */
  freeze(): void {
    this.#child!.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child!.kill("SIGCONT");
  }

  /** SIGTERM; resolves to the exit code. */
  async stop(): Promise<number | null> {
    return this.#end("SIGTERM");
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return null;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
    return child.exitCode;
  }

  /** What it said on standard error since it was made. */
  get said(): string {
    return this.#said;
  }
}

async function stateOf(url: string): Promise<string> {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(START_LIMIT_MS) });
    return response.ok ? "ready" : await response.text();
  } catch (error) {
    return String((error as Error).cause ?? error);
  }
}

/** The lines of a file, without newlines; none if there is no file. Bytes that are no UTF-8 stay apart: as latin1. */
export function linesOf(path: string): string[] {
  let text: string;
  try {
    text = readFileSync(path, "latin1");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop(); // else the file ends in the middle of a line, which then is in the list
  return lines;
}
