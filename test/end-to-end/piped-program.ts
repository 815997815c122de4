import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, openSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { tempFolder } from "../temp.ts";
import { program } from "./program.ts";

/** Apache looks about once a second; here it shall go faster. */
const RESTART_MS = 50;

/** A publisher behind a pipe as a web server keeps it: when the publisher dies, another reads on from the same pipe. */
export class PipedProgram {
  readonly #command: readonly [string, ...string[]];
  /** Each publisher's standard input; kept open, so that the pipe and what is in it outlive a publisher. */
  readonly #reader: number;
  readonly #writer: net.Socket;
  #child: ChildProcess | undefined;
  readonly #supervised: Promise<void>;
  #said = "";
  /** `writing`: publishers are started again; `ended`: until one has seen the end of the pipe; `over`: none is. */
  #state: "writing" | "ended" | "over" = "writing";

  private constructor(command: readonly [string, ...string[]], fifo: string) {
    this.#command = command;
    this.#reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    const fd = openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
    this.#writer = new net.Socket({ fd, writable: true, readable: false });
    this.#supervised = this.#supervise();
  }

  /** Starts `logspread publish ARGS` behind a new pipe. It goes with the test. */
  static async start(t: TestContext, args: readonly string[]): Promise<PipedProgram> {
    const { node, script } = await program();
    const fifo = join(tempFolder(t), "pipe");
    if (spawnSync("mkfifo", [fifo]).status !== 0) throw new Error("mkfifo failed");
    const piped = new PipedProgram([node, script, "publish", ...args], fifo);
    t.after(() => piped.#destroy());
    return piped;
  }

  async #supervise(): Promise<void> {
    while (this.#state !== "over") {
      const [command, ...args] = this.#command;
      const child = spawn(command, args, { stdio: [this.#reader, "ignore", "pipe"] });
      child.stderr!.on("data", (bytes: Buffer) => (this.#said += bytes.toString()));
      this.#child = child;
      const [code] = await once(child, "exit");
      if (this.#state === "ended" && code === 0) return;
      await sleep(RESTART_MS);
    }
  }

  /** Writes `lines`; resolves when the pipe has taken them, which waits while it is full. */
  async write(lines: readonly string[]): Promise<void> {
    const text = Buffer.from(lines.map((line) => `${line}\n`).join(""), "latin1");
    await new Promise<void>((resolve, reject) => {
      this.#writer.write(text, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** kill -9; the next publisher starts soon. False if none was running. */
  kill(): boolean {
    return this.#child?.kill("SIGKILL") ?? false;
  }

  /** Writes no more; resolves when a publisher has come to the end and has exited with 0. */
  async end(): Promise<void> {
    this.#state = "ended";
    this.#writer.end();
    await once(this.#writer, "close");
    await this.#supervised;
  }

  /** What all publishers said on standard error. */
  get said(): string {
    return this.#said;
  }

  #destroy(): void {
    this.#state = "over";
    this.#writer.destroy();
    closeSync(this.#reader);
    this.#child?.kill("SIGKILL");
  }
}
