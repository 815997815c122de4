/** Runs the simulated site in real time: its four servers publish what they log, each as a producer of its own. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Bus } from "../../bus/bus.ts";
import { newProducer } from "../../message/batch.ts";
import { batchOfLines } from "../../message/body.ts";
import { LogspreadError } from "../../message/error.ts";
import type { Report } from "../../message/report.ts";
import type { Chance } from "./chance.ts";
import { balancer, servers } from "./servers.ts";
import { traffic } from "./traffic.ts";

export interface SimulateOptions {
  readonly group: string;
  /** Requests a second, on average over a day of the demo. */
  readonly rate: number;
}

export interface SimulateDeps {
  /** ms since the epoch. */
  nowMs(): number;
  readonly chance: Chance;
  readonly report: Report;
}

/** How often servers publish what they have logged. */
const TICK_MS = 100;

/** How long to wait before the bus is tried again. */
const RETRY_MS = 1_000;

/** Publishes until `signal` aborts, then rejects. */
export async function simulate(
  options: SimulateOptions,
  bus: Bus,
  deps: SimulateDeps,
  signal: AbortSignal,
): Promise<void> {
  const startMs = deps.nowMs();
  const { upTo } = traffic(options.rate, deps.chance, startMs);
  const { serve } = balancer(deps.chance, startMs);
  const publishers = servers.map(({ name }) => publisherOf(name, options.group, bus, deps, signal));
  for (let tick = 1; ; tick++) {
    const untilMs = startMs + tick * TICK_MS;
    const waitMs = untilMs - deps.nowMs();
    if (waitMs > 0) await sleep(waitMs, undefined, { signal });
    signal.throwIfAborted();
    const logged = servers.map(() => [] as string[]);
    for (const request of upTo(untilMs)) {
      const { server, line } = serve(request);
      logged[server]!.push(line);
    }
    await Promise.all(publishers.map((publish, server) => publish(logged[server]!)));
  }
}

function publisherOf(name: string, group: string, bus: Bus, { nowMs, report }: SimulateDeps, signal: AbortSignal) {
  const producer = newProducer();
  let sequence = 0;
  return async (lines: readonly string[]): Promise<void> => {
    if (lines.length === 0) return;
    const label = {
      group,
      sender: `simulated@${name}`,
      producer,
      sequence: ++sequence,
      createdUs: Math.round(nowMs() * 1000),
    };
    const batch = await batchOfLines(label, Buffer.from(lines.join("")));
    for (;;) {
      try {
        await bus.publish(batch);
        return;
      } catch (error) {
        if (!(error instanceof LogspreadError) || !RETRIED.has(error.code)) throw error;
        report("warn", `${name} tries again: ${error.message}`);
        await sleep(RETRY_MS, undefined, { signal });
      }
    }
  };
}

const RETRIED = new Set(["BUSY", "DISK_FULL", "DISK_FAILED", "BUS_UNREACHABLE"]);
