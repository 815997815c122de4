/**
 * The file output, the spreadlogd of a node: lines of groups to files, exactly once. It works in a thread of its own: to
 * open batches, look at lines and write files never holds up the node's accepting, and the garbage of large buffers is
 * collected in a small heap.
 */
import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import type { Bus } from "../../bus/bus.ts";
import { reasonOf } from "../../message/error.ts";
import { serveBus } from "../bus-port/bus-port.ts";
import { errorOf } from "../bus-port/messages.ts";
import { threadEnvironment } from "../bus-port/thread-environment.ts";
import type { NamedFilesConfig } from "./config.ts";
import { sharedMemoryOf } from "./counters.ts";
import type { FromThread, ThreadTask, ToThread } from "./thread-messages.ts";
import type { FilesDeps } from "./write-files.ts";

export type { FilesDeps } from "./write-files.ts";

/**
 * Writes what the bus has to files until `signal` aborts (then rejects with its reason, everything written being durable)
 * or the subscription ends. While the disk refuses, it waits and tries again; nothing is lost or written twice.
 * `deps.counters` must be those of `newFilesCounters`.
 */
export async function files(config: NamedFilesConfig, bus: Bus, deps: FilesDeps, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { stateFolder, bootId, counters, report } = deps;
  const task: ThreadTask = { config, stateFolder, bootId, counters: sharedMemoryOf(counters) };
  // The compiled package has .js where the source has .ts.
  const thread = new Worker(new URL(`./thread${extname(import.meta.url)}`, import.meta.url), {
    workerData: task,
    env: threadEnvironment(),
  });
  const tell = (message: ToThread, transfer: ArrayBuffer[] = []): void => thread.postMessage(message, transfer);
  const service = serveBus(bus, tell);
  const abort = (): void => tell({ kind: "abort" });
  const reopen = (): void => tell({ kind: "reopen" });
  signal.addEventListener("abort", abort);
  deps.reopen.addEventListener("reopen", reopen);
  try {
    await new Promise<void>((resolve, reject) => {
      thread.on("message", (message: FromThread) => {
        if (message.kind === "report") report(message.level, message.text, message.fields);
        else if (message.kind === "ended") {
          if (message.error === undefined) resolve();
          else reject(errorOf(message.error));
        } else service.ask(message);
      });
      thread.on("error", reject);
      thread.on("exit", (code) => reject(new Error(`the thread of output ${config.name} ended with ${code}`)));
    });
  } catch (error) {
    if (!signal.aborted) throw error;
    report("warn", `output ${config.name} did not end well; it goes on where it was when it is started again`, {
      why: reasonOf(error),
    });
  } finally {
    signal.removeEventListener("abort", abort);
    deps.reopen.removeEventListener("reopen", reopen);
    await service.close();
    await thread.terminate();
  }
  signal.throwIfAborted();
}
