import { writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { faultOf, hashOf } from "./arrived.ts";
import type { Benchmark, Surroundings } from "./benchmark.ts";
import { feed, makeFifo } from "./fifo.ts";
import { LINE_BYTES, writeLines } from "./lines.ts";
import { GROUP, startNode } from "./logspread/node.ts";
import { startPublisher } from "./logspread/publisher.ts";
import { quantile } from "./statistics.ts";
import { sizeOf, until } from "./wait.ts";

const LINES = 1_500_000;
const STARTS = 7;
/** What starting took has been given back by then. */
const IDLE_MS = 3000;

/** Peak memory of one publisher that lives through everything, and what it delivered. */
interface Life {
  readonly idleMB: number;
  readonly loadMB: number;
  readonly outageMB: number;
  readonly recoveryMB: number;
  readonly nodeIdleMB: number;
  readonly fault: string | undefined;
}

export const publisher: Benchmark = {
  name: "publisher",
  measures:
    "what a publisher takes of a web server's machine: memory idle, at full load and in an outage; time to start",
  doesNotMeasure: [
    "what publishers share: of Node's own 45 MB most is program code, which all of them have in memory once",
    "the first start after an installation, before Node has kept its compiled code",
    "an outage that fills the spool",
  ],

  async run(surroundings) {
    const lines = surroundings.lines ?? LINES;
    const life = await live(surroundings, lines);
    const starts: number[] = [];
    for (let i = 0; i < (surroundings.short ? 2 : STARTS); i++) starts.push(await startToFirstLine(surroundings, i));
    // The first one may have had to compile.
    const later = starts.slice(1);
    return {
      tables: [
        {
          title: `RSS, MB; ${3 * lines} lines as fast as they are taken, a third of them while the node is down`,
          columns: ["", "MB"],
          rows: [
            [`publisher idle, after ${IDLE_MS / 1000} s`, life.idleMB],
            ["publisher, peak until the end of full load", life.loadMB],
            ["publisher, peak until the end of the outage", life.outageMB],
            ["publisher, peak until all is delivered, under load again", life.recoveryMB],
            ["node idle, file output configured", life.nodeIdleMB],
          ],
        },
        {
          title: `start of the process to the first line at the node, ms; ${later.length} starts`,
          columns: ["", "p50", "max"],
          rows: [["exec to first line", quantile(later, 0.5), quantile(later, 1)]],
        },
      ],
      targets: [
        { what: "publisher, peak RSS whatever happens", got: life.recoveryMB, wanted: { atMost: 70 }, unit: "MB" },
        { what: "start to first line", got: quantile(later, 0.5), wanted: { atMost: 300 }, unit: "ms" },
        { what: "node idle, RSS", got: life.nodeIdleMB, wanted: { atMost: 120 }, unit: "MB" },
      ],
      faults: life.fault === undefined ? [] : [life.fault],
    };
  },
};

async function live(surroundings: Surroundings, lines: number): Promise<Life> {
  const folder = join(surroundings.folder, "life");
  const output = join(folder, "output");
  const parts = ["first", "second", "third"].map((name) => join(surroundings.folder, name));
  for (const [i, part] of parts.entries()) writeLines(part, i * lines, lines);
  const log = join(surroundings.folder, "feed.log");
  // The same address for the node's second life: a publisher knows no other.
  const listen = join(folder, "socket");
  let node = await startNode(surroundings, join(folder, "node"), { file: output, listen });
  const { program, pipe, finish } = startPublisher(surroundings, join(folder, "publisher"), `unix:${listen}`);
  await sleep(surroundings.short ? 200 : IDLE_MS);
  const idleMB = program.usage().rssMB;
  const nodeIdleMB = node.program.usage().rssMB;

  await feed(parts[0]!, pipe.path, log).ended;
  await until("the first third", () => sizeOf(output) >= lines * LINE_BYTES);
  const loadMB = program.usage().peakRssMB;
  surroundings.say("load is over, the node goes down");
  await node.program.end("SIGKILL");

  await feed(parts[1]!, pipe.path, log).ended;
  await sleep(surroundings.short ? 0 : 500);
  const outageMB = program.usage().peakRssMB;
  surroundings.say("the node comes back");
  node = await startNode(surroundings, join(folder, "node"), { file: output, listen });

  await feed(parts[2]!, pipe.path, log).ended;
  await until("the last line", () => sizeOf(output) >= 3 * lines * LINE_BYTES, 120_000).catch(() => {});
  const recoveryMB = program.usage().peakRssMB;
  await finish();
  await node.program.end();
  const fault = faultOf(output, 3 * lines, hashOf(...parts));
  return { idleMB, loadMB, outageMB, recoveryMB, nodeIdleMB, fault };
}

/** Milliseconds from the start of a publisher, whose pipe holds a line already, to that line's arrival behind the node. */
async function startToFirstLine(surroundings: Surroundings, number: number): Promise<number> {
  const folder = join(surroundings.folder, `start-${number}`);
  const node = await startNode(surroundings, join(folder, "node"), {});
  const stop = new AbortController();
  const response = await fetch(`${node.url}/v1/groups/${GROUP}/messages?from=first&follow=true&format=text`, {
    signal: stop.signal,
  });
  const reader = response.body!.getReader();
  const pipe = makeFifo(join(folder, "pipe"));
  writeSync(pipe.write, "GET / HTTP/1.1\n");
  const begin = performance.now();
  const { finish } = startPublisher(surroundings, join(folder, "publisher"), node.url, pipe);
  while ((await reader.read()).value?.includes(10) !== true); // until a newline has come
  const ms = performance.now() - begin;
  stop.abort();
  await finish();
  await node.program.end();
  return ms;
}
