/** A node: inputs -> bus -> outputs, with the HTTP API as its first input and its first output. */
import { readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import type { Bus } from "../bus/bus.ts";
import { Ledger } from "../bus/ledger.ts";
import { LogspreadError, reasonOf } from "../message/error.ts";
import type { Report } from "../message/report.ts";
import { createApi } from "./api/api.ts";
import { type Listening, listen } from "./api/listen.ts";
import type { NodeConfig } from "./config.ts";
import { Followers } from "./followers.ts";
import { stderrReport } from "./log.ts";
import { Metrics } from "./metrics.ts";
import { RunningOutput } from "./outputs.ts";
import { METRICS_OUTPUT, type OutputPart, openBus, openMetrics, openOutput, type PartDeps } from "./parts.ts";

/** What a test may replace. */
export interface NodeDeps {
  /** µs since the epoch. */
  readonly nowUs?: () => number;
  /** Default: JSON lines on standard error. */
  readonly report?: Report;
  readonly heartbeatMs?: number;
  /** All traffic is simulated, and the metrics are to say so. */
  readonly simulated?: boolean;
}

export interface RunningNode {
  /** Where it listens, with real ports: "http://127.0.0.1:4804", "unix:/run/logspread.sock". */
  readonly urls: readonly string[];
  /** The node's bus, for what publishes or looks in the same process; the node closes it. */
  readonly bus: Bus;
  /** Lets the outputs close their files and open them anew, as after logrotate. */
  reopen(): void;
  /**
   * Stops with the data: takes nothing new, flushes the bus, lets outputs finish and commit their cursors, closes. Within
   * `limits.shutdown`; what takes longer is told in the log and left as a crash would leave it, which is safe.
   */
  close(): Promise<void>;
}

const HEARTBEAT_MS = 10_000;
/** Publishes under way, and then outputs that catch up, may each take a third of the time to stop. */
const SHARE = 3;

/** Starts a node. Rejects with a LogspreadError if it cannot; then nothing of it is left open. */
export async function startNode(config: NodeConfig, deps: NodeDeps = {}): Promise<RunningNode> {
  const { name: nodeName } = config.node;
  const { nowUs = () => Date.now() * 1000, report = stderrReport(config.log.level, nodeName) } = deps;
  const parts: PartDeps = { data: config.data, nowUs, report };
  const opened: (() => Promise<unknown>)[] = [];
  try {
    await makeDataFolder(config.data);
    const metrics = new Metrics();
    const engine = await openBus(config, parts);
    opened.push(() => engine.close());
    const ledger = await Ledger.open(engine, { nowUs, nodeName, report, watcher: metrics });
    opened.splice(0, 1, () => ledger.close()); // Which closes the engine.
    const bus = metrics.metered(ledger);
    const followers = new Followers();
    const outputs: RunningOutput[] = [];
    const version = packageVersion();
    metrics.watch({ bus, followers, nodeName, version, outputs: () => outputs });
    const live =
      config.metrics &&
      (await openMetrics(config.metrics, parts, { node: nodeName, simulated: deps.simulated ?? false }));
    if (live !== undefined) metrics.trafficFrom(() => live.live.ask({ kind: "traffic" }));
    const api = await createApi({
      bus,
      ledger,
      metrics,
      followers,
      limits: { ...config.limits, bodyIdleMs: config.limits.bodyIdle },
      nowUs,
      nodeName,
      version,
      report,
      unready: () => outputs.flatMap(unreadyReason),
      heartbeatMs: deps.heartbeatMs ?? HEARTBEAT_MS,
      live: live?.live,
    });
    opened.push(() => api.close());
    const wanted: [string, OutputPart][] = live === undefined ? [] : [[METRICS_OUTPUT, live]];
    for (const [name, output] of Object.entries(config.outputs)) {
      wanted.push([name, await openOutput(name, output, parts)]);
    }
    for (const [name, part] of wanted) {
      const running = new RunningOutput(name, part, { bus, followers, report });
      outputs.push(running);
      opened.push(() => running.stop());
    }
    const listening: Listening[] = [];
    for (const address of config.listen) {
      const server = await listen(address, api.handler, config.limits);
      listening.push(server);
      opened.push(() => server.close());
    }
    const urls = listening.map(({ url }) => url);
    report("info", `listening on ${urls.join(", ")}`, { version, data: config.data });
    let closing: Promise<void> | undefined;
    const close = async () => {
      report("info", "stopping");
      for (const server of listening) server.stop();
      await api.stop(config.limits.shutdown / SHARE);
      // What has not ended by now, such as an upload without end, is cut off: its client was promised nothing yet.
      await Promise.all(listening.map((server) => server.close()));
      await api.close();
      await ledger.flush();
      // They go on exactly where they stop; but whoever publishes and stops the node expects to find the lines.
      // Nobody finds anything in what the metrics would still count.
      const drained = outputs.filter(({ part }) => part !== live);
      await Promise.all(drained.map((output) => output.drain(config.limits.shutdown / SHARE)));
      await Promise.all(outputs.map((output) => output.stop()));
      await bus.close();
      report("info", "stopped");
    };
    return {
      urls,
      bus,
      reopen() {
        for (const { part } of outputs) part.reopen();
      },
      close: () => (closing ??= within(config.limits.shutdown, close(), report)),
    };
  } catch (error) {
    for (const undo of opened.reverse()) {
      await undo().catch((also: unknown) => report("error", `while giving up: ${reasonOf(also)}`));
    }
    throw error;
  }
}

function unreadyReason({ name, state }: RunningOutput): string[] {
  return state.kind === "waiting" ? [`output ${name} failed and waits for its next start: ${state.why}`] : [];
}

async function makeDataFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o750 });
  } catch (cause) {
    throw new LogspreadError(
      "BAD_CONFIG",
      {
        what: `cannot make the data folder ${folder}`,
        why: reasonOf(cause),
        fix: "Make it for the user that runs the node, or name another folder as `data`",
      },
      { cause },
    );
  }
}

async function within(ms: number, work: Promise<void>, report: Report): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      report("error", `stopping took longer than ${ms / 1000} s and is given up; the next start recovers`);
      resolve();
    }, ms);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}

function packageVersion(): string {
  const file = new URL("../../package.json", import.meta.url); // Two folders up from src/node as from dist/node.
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
