/** The thread that `files` starts. */
import { parentPort, workerData } from "node:worker_threads";
import { PortBus } from "../bus-port/bus-port.ts";
import { postedError } from "../bus-port/messages.ts";
import { newFilesCounters } from "./counters.ts";
import type { FromThread, ThreadTask, ToThread } from "./thread-messages.ts";
import { writeFiles } from "./write-files.ts";

const port = parentPort!;
const { config, stateFolder, bootId, counters } = workerData as ThreadTask;
const tell = (message: FromThread): void => port.postMessage(message);
const bus = new PortBus(tell);
const stop = new AbortController();
const reopen = new EventTarget();

port.on("message", (message: ToThread) => {
  if (message.kind === "abort") stop.abort(new Error("the output is stopped"));
  else if (message.kind === "reopen") reopen.dispatchEvent(new Event("reopen"));
  else bus.take(message);
});

const deps = {
  stateFolder,
  bootId,
  counters: newFilesCounters(counters),
  report: (level: "info" | "warn" | "error", text: string, fields?: Record<string, unknown>) =>
    tell({ kind: "report", level, text, fields }),
  reopen,
};
let failed: unknown;
try {
  await writeFiles(config, bus, deps, stop.signal);
} catch (error) {
  if (error !== stop.signal.reason || !stop.signal.aborted) failed = error;
}
tell({ kind: "ended", error: failed === undefined ? undefined : postedError(failed) });
port.close();
