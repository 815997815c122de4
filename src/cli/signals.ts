/** Signals of commands that run until they are told to stop. */
import { closeSync, openSync } from "node:fs";
import { constants } from "node:os";

export interface Handlers {
  /** Called when it is told to stop, to say what it waits for. */
  stopping(signal: NodeJS.Signals): void;
  /** After logrotate. */
  reopen(): void;
  /** Print the status. */
  dump(): void;
  /** It was started at a terminal: once that is closed, nobody could stop it any more. */
  readonly atTerminal: boolean;
}

/**
 * Aborts at the first SIGINT or SIGTERM, so that what is under way can be finished; a second SIGINT ends the process at
 * once, with 130. SIGHUP means reopen, unless it comes because the terminal is closed. SIGUSR2 means dump; Node keeps
 * SIGUSR1 for its debugger.
 */
export function serviceSignals(handlers: Handlers): AbortSignal {
  const stop = new AbortController();
  const onStop = (signal: NodeJS.Signals) => {
    if (!stop.signal.aborted) {
      handlers.stopping(signal);
      stop.abort();
    } else if (signal === "SIGINT") process.exit(128 + constants.signals.SIGINT);
  };
  process.on("SIGINT", onStop);
  process.on("SIGTERM", onStop);
  process.on("SIGHUP", (signal) => {
    if (handlers.atTerminal && terminalIsClosed()) onStop(signal);
    else handlers.reopen();
  });
  process.on("SIGUSR2", () => handlers.dump());
  return stop.signal;
}

function terminalIsClosed(): boolean {
  try {
    closeSync(openSync("/dev/tty", "r"));
    return false;
  } catch {
    return true;
  }
}
