/** The one list of what a node is made of. To add a part is to add its file and a line here. */
import { join } from "node:path";
import { z } from "zod";
import type { Bus } from "../bus/bus.ts";
import type { Report } from "../message/report.ts";
import { type FilesConfig, filesConfig } from "../outputs/files/config.ts";
import type { NodeConfig } from "./config.ts";

export interface PartDeps {
  /** Folder of the node's data. */
  readonly data: string;
  /** µs since the epoch. */
  readonly nowUs: () => number;
  readonly report: Report;
}

/** An output as the node runs it: from start to abort, several times if it fails. */
export interface OutputPart {
  /** Reads the bus until `signal` aborts. Rejects when it fails; the node then starts it again. */
  run(bus: Bus, signal: AbortSignal): Promise<void>;
  /** Closes files and opens them anew, as logrotate asks for. */
  reopen(): void;
  /** What it has counted, for the metrics. */
  counters(): Readonly<Record<string, number>>;
}

/** Opens the bus that the configuration names. Engines load when they are configured. */
export async function openBus(config: NodeConfig, { data, nowUs, report }: PartDeps): Promise<Bus> {
  const { EmbeddedBus } = await import("../bus/embedded/embedded.ts");
  const { embedded } = config.bus;
  return EmbeddedBus.open(embedded.path ?? join(data, "bus"), embedded, { nowUs, report });
}

/** An output's configuration: the kind, with its settings. */
export const outputConfigs = z.strictObject({
  files: filesConfig.describe("writes lines to files"),
});

export type OutputConfig = z.output<typeof outputConfigs>;

/** Makes the output that `config` describes. */
export async function openOutput(name: string, config: OutputConfig, deps: PartDeps): Promise<OutputPart> {
  return openFiles(name, config.files, deps);
}

async function openFiles(_name: string, _config: FilesConfig, _deps: PartDeps): Promise<OutputPart> {
  throw new Error("the files output is not there yet");
}
