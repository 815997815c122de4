/**
 * The terminal while the monitor has it: another screen, no cursor, keys as they are pressed. However the monitor ends,
 * `close` gives it back as it was; so does the end of the process by an error that nobody caught.
 */

import { ENTER, LEAVE } from "./screen.ts";
import type { Size } from "./view.ts";

/** A terminal that does not tell its size. */
const USUAL: Size = { columns: 80, rows: 24 };

export interface Events {
  text(text: string): void;
  resized(): void;
  /** It takes bytes again. */
  drained(): void;
  /** It was closed, or its connection broke. */
  gone(): void;
  signal(signal: NodeJS.Signals): void;
}

const SIGNALS = ["SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT"] as const;

export class Terminal {
  readonly #stdin: NodeJS.ReadStream;
  readonly #stdout: NodeJS.WriteStream;
  #open = false;
  #undo: (() => void)[] = [];

  constructor(stdin: NodeJS.ReadStream, stdout: NodeJS.WriteStream) {
    this.#stdin = stdin;
    this.#stdout = stdout;
  }

  get size(): Size {
    const { columns, rows } = this.#stdout;
    return { columns: columns || USUAL.columns, rows: rows || USUAL.rows };
  }

  /** Takes the terminal, and listens until `close`. */
  open(events: Events): void {
    const [stdin, stdout] = [this.#stdin, this.#stdout];
    const listen = (emitter: NodeJS.EventEmitter, name: string, listener: (...args: never[]) => void) => {
      emitter.on(name, listener as (...args: unknown[]) => void);
      this.#undo.push(() => emitter.off(name, listener as (...args: unknown[]) => void));
    };
    // Whatever its error is: of a terminal that cannot be written to there is nothing to tell, and nobody to tell it.
    stdout.on("error", events.gone);
    listen(stdout, "resize", events.resized);
    listen(stdout, "drain", events.drained);
    for (const signal of SIGNALS) listen(process, signal, () => events.signal(signal));
    // What is printed then shall be seen, and not on a screen that goes away.
    listen(process, "uncaughtExceptionMonitor", () => this.#leave());
    listen(process, "exit", () => this.#leave());
    if (stdin.isTTY) {
      stdin.setEncoding("utf8");
      listen(stdin, "data", events.text as (text: never) => void);
      listen(stdin, "end", events.gone);
      listen(stdin, "error", events.gone);
      this.#undo.push(() => stdin.pause());
      stdin.resume();
    }
    this.#enter();
  }

  /** Writes; false if the terminal has not yet taken all: then wait until it has drained. */
  write(bytes: string): boolean {
    return this.#stdout.write(bytes);
  }

  /** Stops the process as Ctrl-Z does, with the terminal given back; returns when it goes on. */
  suspend(): void {
    this.#leave();
    process.kill(0, "SIGTSTP");
    this.#enter();
  }

  close(): void {
    for (const undo of this.#undo.splice(0)) undo();
    this.#leave();
  }

  #enter(): void {
    if (this.#stdin.isTTY) this.#stdin.setRawMode(true);
    this.#stdout.write(ENTER);
    this.#open = true;
  }

  #leave(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#stdout.write(LEAVE);
    if (!this.#stdin.isTTY) return;
    try {
      this.#stdin.setRawMode(false);
    } catch {
      // The terminal has gone: there is no mode to set back.
    }
  }
}
