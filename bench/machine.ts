/** What a figure is worth nothing without. */
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGB: number;
  readonly system: string;
  readonly node: string;
  /** Processes that wanted to run in the last minute, before we began. */
  readonly load: number;
}

export function thisMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryGB: Math.round(totalmem() / 1e9),
    system: `${systemName()}, Linux ${release()}`,
    node: process.version,
    load: loadavg()[0]!,
  };
}

export function machineText({ cpu, cores, memoryGB, system, node, load }: Machine): string {
  return `${cores} cores of ${cpu}, ${memoryGB} GB, ${system}, Node.js ${node}, load before ${load.toFixed(2)}`;
}

function systemName(): string {
  try {
    return /^PRETTY_NAME="(.*)"$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "Linux";
  } catch {
    return "Linux";
  }
}
