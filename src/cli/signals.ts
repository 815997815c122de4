/** Signals of commands that run until they are told to stop. */
import { constants } from "node:os";

/**
 * Aborts at the first SIGINT or SIGTERM, so that what is under way can be finished; a second SIGINT ends the process at
 * once, with 130. `told` is called at the first, to say what it waits for.
 */
export function stopSignal(told: (signal: NodeJS.Signals) => void): AbortSignal {
  const stop = new AbortController();
  const onSignal = (signal: NodeJS.Signals) => {
    if (!stop.signal.aborted) {
      told(signal);
      stop.abort();
    } else if (signal === "SIGINT") process.exit(128 + constants.signals.SIGINT);
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return stop.signal;
}

/** Calls `reopen` at each SIGHUP (after logrotate) and `dump` at each SIGUSR2. Node keeps SIGUSR1 for its debugger. */
export function onServiceSignals(reopen: () => void, dump: () => void): void {
  process.on("SIGHUP", reopen);
  process.on("SIGUSR2", dump);
}
