/** The one list of what a node is made of. To add a part is to add its file and a line here. */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Bus } from "../bus/bus.ts";
import type { Report } from "../message/report.ts";
import { type FilesConfig, filesConfig } from "../outputs/files/config.ts";
import type { MetricsConfig } from "../outputs/metrics/config.ts";
import type { LiveMetrics } from "../outputs/metrics/metrics.ts";
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
  /** Reads the bus until `signal` aborts, then rejects with its reason. Rejects when it fails; the node then starts it again. */
  run(bus: Bus, signal: AbortSignal): Promise<void>;
  /** Closes files and opens them anew, as logrotate asks for. */
  reopen(): void;
  /** The last position that it has dealt with. */
  position(): number;
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

async function openFiles(name: string, given: FilesConfig, { data, report }: PartDeps): Promise<OutputPart> {
  const { files } = await import("../outputs/files/files.ts");
  const { newFilesCounters } = await import("../outputs/files/counters.ts");
  // The name in `outputs` is the output's; its own `name` is for one that is run without a node.
  const config = { ...given, name };
  const stateFolder = join(data, "outputs");
  await mkdir(stateFolder, { recursive: true, mode: 0o750 });
  const counters = newFilesCounters();
  const reopen = new EventTarget();
  const bootId = (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
  const deps = { stateFolder, bootId, counters, report, reopen };
  return {
    run: (bus, signal) => files(config, bus, deps, signal),
    reopen: () => void reopen.dispatchEvent(new Event("reopen")),
    position: () => counters.position,
    counters: () => ({ ...counters }),
  };
}

/** The name under which the node runs the live metrics, beside the outputs. */
export const METRICS_OUTPUT = "metrics";

/** The live metrics: an output that can be asked. */
export interface MetricsPart extends OutputPart {
  readonly live: LiveMetrics;
}

/** Makes the live metrics. */
export async function openMetrics(
  config: MetricsConfig,
  { data, nowUs, report }: PartDeps,
  { node, simulated }: { readonly node: string; readonly simulated: boolean },
): Promise<MetricsPart> {
  const { LiveMetrics } = await import("../outputs/metrics/metrics.ts");
  const historyPath = config.history.path ?? join(data, "metrics", "history.sqlite");
  const live = new LiveMetrics(config, { historyPath, node, simulated, nowUs, report });
  return {
    live,
    run: (bus, signal) => live.run(bus, signal),
    reopen: () => {},
    position: () => live.counters.position,
    counters: () => ({ ...live.counters }),
  };
}
