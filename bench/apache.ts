import { chmodSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { APACHE, CONCURRENCY, type KeepAlive, type Log, type Server, startApache, visit } from "./apache-server.ts";
import type { Benchmark, Surroundings, Table, Target } from "./benchmark.ts";
import { debianTools } from "./debian-tools.ts";
import { GROUP, type NodeUnderTest, startNode } from "./logspread/node.ts";
import { median } from "./statistics.ts";
import { until } from "./wait.ts";

/** Requests of one measurement: about two seconds of either. */
const REQUESTS: Readonly<Record<KeepAlive, number>> = { off: 20_000, on: 50_000 };
const MIN_ROUNDS = 7;
const MODES: readonly KeepAlive[] = ["off", "on"];

interface Measured {
  readonly log: Log;
  readonly keepAlive: KeepAlive;
  readonly perSecond: number;
  readonly longestMs: number;
  /** CPU of the program behind the pipe, and of the node, µs a request. */
  readonly loggerUs: number;
  readonly nodeUs: number;
}

export const apache: Benchmark = {
  name: "apache",
  measures: "requests/s of Apache (mpm_event, a tiny static file, CPU saturated) with three kinds of access log",
  doesNotMeasure: [
    "a web server on a machine of its own: `ab`, the publisher, the node and Apache share this machine's cores",
    "requests that take work: with a tiny file the log's share of each request is as large as it gets",
    "which request is in the log, only how many: test/apache proves each one's arrival",
  ],

  async run(surroundings) {
    if (!existsSync(APACHE))
      return { tables: [], targets: [], faults: [], missing: [`everything: there is no ${APACHE}`] };
    const tools = await debianTools(["apache2-utils"], surroundings.say);
    const ab = { command: join(tools.root, "usr/bin/ab"), env: tools.env };
    const { folder } = surroundings;
    chmodSync(folder, 0o755); // Apache answers as a user of its own.
    const node = await startNode(surroundings, join(folder, "node"), { file: join(folder, "consolidated") });
    const servers = [
      await startApache(folder, "publisher", publisherLog(surroundings, node)),
      await startApache(folder, "cat", `"|$exec cat >/dev/null"`),
      await startApache(folder, "file", `"${join(folder, "file", "access.log")}"`),
    ];
    const rounds = surroundings.short ? 1 : Math.max(MIN_ROUNDS, surroundings.rounds);
    const measured: Measured[] = [];
    // Round 0 is for warming up.
    for (let round = 0; round <= rounds; round++) {
      for (const keepAlive of MODES) {
        const requests = surroundings.lines ?? REQUESTS[keepAlive];
        for (const server of servers) {
          const before = { logger: server.logger(), node: node.program.usage().cpuSeconds };
          const answered = await visit(ab, server, keepAlive, requests);
          if (round === 0) continue;
          const loggerUs = ((server.logger() - before.logger) * 1e6) / requests;
          const nodeUs = ((node.program.usage().cpuSeconds - before.node) * 1e6) / requests;
          measured.push({ log: server.name, keepAlive, ...answered, loggerUs, nodeUs });
        }
      }
      surroundings.say(`round ${round} of ${rounds}`);
    }
    const faults = await stopAndCount(servers, folder);
    await node.program.end();
    return {
      tables: MODES.map((keepAlive) => tableOf(measured, keepAlive, rounds)),
      targets: MODES.flatMap((keepAlive): Target[] => [
        {
          what: `against cat, keep-alive ${keepAlive}`,
          got: against(measured, "cat", keepAlive),
          wanted: { atLeast: 97 },
          unit: "%",
        },
        {
          what: `against a plain file, keep-alive ${keepAlive}`,
          got: against(measured, "file", keepAlive),
          wanted: { atLeast: 93 },
          unit: "%",
        },
      ]),
      faults,
    };
  },
};

function of(measured: readonly Measured[], log: Log, keepAlive: KeepAlive): Measured[] {
  return measured.filter((one) => one.log === log && one.keepAlive === keepAlive);
}

/** Percent; the median of the rounds' own ratios: what disturbs one round disturbs both its sides. */
function against(measured: readonly Measured[], log: Log, keepAlive: KeepAlive): number {
  const others = of(measured, log, keepAlive);
  const own = of(measured, "publisher", keepAlive);
  return median(own.map(({ perSecond }, round) => (100 * perSecond) / others[round]!.perSecond));
}

function tableOf(measured: readonly Measured[], keepAlive: KeepAlive, rounds: number): Table {
  const row = (log: Log) => {
    const all = of(measured, log, keepAlive);
    const rates = all.map(({ perSecond }) => perSecond);
    return [
      log,
      median(rates),
      Math.min(...rates),
      Math.max(...rates),
      log === "publisher" ? "" : `${against(measured, log, keepAlive).toFixed(1)} %`,
      Math.max(...all.map(({ longestMs }) => longestMs)),
      median(all.map(({ loggerUs }) => loggerUs)),
      median(all.map(({ nodeUs }) => nodeUs)),
    ];
  };
  return {
    title: `keep-alive ${keepAlive}, ${CONCURRENCY} connections, medians of ${rounds} rounds in turn`,
    columns: [
      "log",
      "requests/s",
      "slowest",
      "fastest",
      "publisher reaches",
      "longest request, ms",
      "CPU µs/request: logger",
      "node",
    ],
    rows: [row("publisher"), row("cat"), row("file")],
  };
}

function publisherLog({ node, program, folder }: Surroundings, { url }: NodeUnderTest): string {
  const spool = join(folder, "spool");
  return `"|${node} ${program} publish --group ${GROUP} --to ${url} --spool ${spool}"`;
}

async function stopAndCount(servers: readonly Server[], folder: string): Promise<string[]> {
  const logs = { publisher: join(folder, "consolidated"), file: join(folder, "file", "access.log") };
  const faults: string[] = [];
  for (const { name, requests, program } of servers) {
    if (name !== "cat") {
      const lines = () => (existsSync(logs[name]) ? countLines(logs[name]) : 0);
      await until(`the log of ${name}`, () => lines() >= requests, 10_000).catch(() => {});
      if (lines() !== requests) faults.push(`${name}: ${lines()} lines for ${requests} requests`);
    }
    await program.end();
  }
  return faults;
}

function countLines(path: string): number {
  const bytes = readFileSync(path);
  let count = 0;
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) count++;
  return count;
}
