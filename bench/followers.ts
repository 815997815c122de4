import { closeSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import { faultOf, hashOf } from "./arrived.ts";
import type { Benchmark, Surroundings } from "./benchmark.ts";
import { LINE_BYTES, writeLines } from "./lines.ts";
import { GROUP, startNode } from "./logspread/node.ts";
import { startPublisher } from "./logspread/publisher.ts";
import { type Program, start } from "./program.ts";
import { median } from "./statistics.ts";

const LINES_A_SECOND = 200_000;
const FOLLOWERS = [0, 1, 8];
const FEW_FOLLOWERS = [1, 2];
/** Followers may be so far behind the publisher when it ends. */
const PATIENCE_MS = 60_000;
/** Of a follower whose output is kept and compared; the measured ones write to /dev/null. */
const CHECKED_LINES = 20_000;

interface Run {
  readonly cpuSeconds: number;
  readonly rssMB: number;
  readonly faults: readonly string[];
}

export const followers: Benchmark = {
  name: "followers",
  measures: `what a node's CPU pays for followers (\`logspread tail\`), at ${LINES_A_SECOND} lines/s`,
  doesNotMeasure: [
    "the followers' own CPU, nor a network between them and the node",
    "the file output, which this node does without: with it one more follower would weigh less",
    "followers that are behind and read from the disk",
  ],

  async run(surroundings) {
    const lines = surroundings.lines ?? LINES_A_SECOND * surroundings.seconds;
    const data = join(surroundings.folder, "lines");
    writeLines(data, 0, lines);
    const faults = await check(surroundings);
    const counts = surroundings.short ? FEW_FOLLOWERS : FOLLOWERS;
    const most = counts.at(-1)!;
    const runs = new Map<number, Run[]>(counts.map((count) => [count, []]));
    for (let round = 1; round <= surroundings.rounds; round++) {
      for (const count of counts) {
        const run = await measure(surroundings, data, lines, count);
        surroundings.say(`round ${round}, ${count} followers: ${run.cpuSeconds.toFixed(2)} s of CPU`);
        runs.get(count)!.push(run);
        faults.push(...run.faults);
      }
    }
    const cpu = (count: number) => median(runs.get(count)!.map(({ cpuSeconds }) => cpuSeconds));
    return {
      tables: [
        {
          title: `CPU of the node for ${lines} lines; medians of ${surroundings.rounds}`,
          columns: ["followers", "CPU s per million lines", "against one follower", "RSS, MB"],
          rows: counts.map((count) => [
            String(count),
            cpu(count) / (lines / 1e6),
            `${(cpu(count) / cpu(1)).toFixed(2)} x`,
            Math.max(...runs.get(count)!.map(({ rssMB }) => rssMB)),
          ]),
        },
      ],
      targets: [
        { what: `node CPU, ${most} followers against 1`, got: cpu(most) / cpu(1), wanted: { atMost: 1.5 }, unit: "x" },
      ],
      faults,
    };
  },
};

async function measure(surroundings: Surroundings, data: string, lines: number, count: number): Promise<Run> {
  const folder = join(surroundings.folder, "run");
  const node = await startNode(surroundings, join(folder, "node"), {});
  const publisher = startPublisher(surroundings, join(folder, "publisher"), node.url);
  const nowhere = openSync("/dev/null", "w");
  // They end by themselves when they have had all lines, so that one that misses some is found out.
  const tails = Array.from({ length: count }, (_, i) =>
    follow(surroundings, node.url, lines, nowhere, `${folder}/${i}.log`),
  );
  await untilFollowed(node.url, count);
  const before = node.program.usage();
  const paced = join(import.meta.dirname, "children", "paced.ts");
  const args = [paced, data, String(LINES_A_SECOND * LINE_BYTES)];
  await start(surroundings.node, args, { stdout: publisher.pipe.write, log: `${folder}/paced.log` }).ended;
  await publisher.finish();
  const faults: string[] = [];
  for (const [i, tail] of tails.entries()) {
    if (!(await endsWell(tail)))
      faults.push(`follower ${i + 1} of ${count} did not get all ${lines} lines: ${tail.text()}`);
  }
  const after = node.program.usage();
  closeSync(nowhere);
  await node.program.end();
  rmSync(folder, { recursive: true, force: true });
  return { cpuSeconds: after.cpuSeconds - before.cpuSeconds, rssMB: after.rssMB, faults };
}

/** What two followers write, one from the start and one from the middle of it, against what was published. */
async function check(surroundings: Surroundings): Promise<string[]> {
  const folder = join(surroundings.folder, "check");
  const node = await startNode(surroundings, join(folder, "node"), {});
  const data = join(folder, "lines");
  writeLines(data, 0, CHECKED_LINES);
  const publisher = startPublisher(surroundings, join(folder, "publisher"), node.url);
  const outputs = ["first", "second"].map((name) => join(folder, name));
  const files = outputs.map((path) => openSync(path, "w"));
  const tails = files.map((file, i) => follow(surroundings, node.url, CHECKED_LINES, file, `${folder}/${i}.log`));
  const paced = join(import.meta.dirname, "children", "paced.ts");
  const args = [paced, data, String(LINES_A_SECOND * LINE_BYTES)];
  await start(surroundings.node, args, { stdout: publisher.pipe.write, log: `${folder}/paced.log` }).ended;
  await publisher.finish();
  for (const tail of tails) await endsWell(tail);
  for (const file of files) closeSync(file);
  await node.program.end();
  const hash = hashOf(data);
  return outputs.flatMap((path) => {
    const fault = faultOf(path, CHECKED_LINES, hash);
    return fault === undefined ? [] : [`a follower wrote: ${fault}`];
  });
}

function follow({ node, program }: Surroundings, url: string, lines: number, stdout: number, log: string): Program {
  const args = [program, "tail", GROUP, "--from", "first", "--limit", String(lines), "--to", url];
  return start(node, args, { stdout, log });
}

async function endsWell(tail: Program): Promise<boolean> {
  const timer = setTimeout(() => void tail.end("SIGKILL"), PATIENCE_MS);
  const code = await tail.ended;
  clearTimeout(timer);
  return code === 0;
}

/** The node tells in its metrics how many follow. */
async function untilFollowed(url: string, count: number): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    const text = await (await fetch(`${url}/metrics`)).text();
    if (Number(/^logspread_followers(?:\{[^}]*\})? (\d+)/m.exec(text)?.[1]) >= count) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${count} followers did not come`);
}
