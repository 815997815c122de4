import { closeSync, fdatasyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Benchmark } from "./benchmark.ts";
import { makeFifo } from "./fifo.ts";
import { GROUP, startNode } from "./logspread/node.ts";
import { startPublisher } from "./logspread/publisher.ts";
import { start } from "./program.ts";
import { quantile } from "./statistics.ts";
import { sizeOf, until } from "./wait.ts";

const LINES_A_SECOND = 1000;
/** The first lines find code that was never run and connections that are not open. */
const WARM_UP_SECONDS = 2;
const BARE_WRITES = 500;
const BARE_BYTES = 300;

export const latency: Benchmark = {
  name: "latency",
  measures: `time from a line's write into the publisher's pipe to its arrival behind \`logspread tail\`, at ${LINES_A_SECOND} lines/s, fsync on every commit`,
  doesNotMeasure: [
    "a network: everything is on one machine and one clock",
    `the first ${WARM_UP_SECONDS} seconds, in which the programs warm up`,
    "the file output, which this node does without",
  ],

  async run(surroundings) {
    const { folder, node, program, seconds, short, say } = surroundings;
    const bare = bareFsyncs(join(folder, "bare"));
    const running = await startNode(surroundings, join(folder, "node"), {});
    const publisher = startPublisher(surroundings, join(folder, "publisher"), running.url);

    const between = makeFifo(join(folder, "between"));
    const tailLog = join(folder, "tail.log");
    const tailArgs = [program, "tail", GROUP, "--from", "first", "--to", running.url];
    const tail = start(node, tailArgs, { stdout: between.write, log: tailLog });
    const warmUp = short ? 0 : WARM_UP_SECONDS;
    const count = (seconds + warmUp) * LINES_A_SECOND;
    const found = join(folder, "found.json");
    const output = openSync(found, "w");
    const child = (name: string) => join(import.meta.dirname, "children", name);
    const reader = start(node, [child("arrivals.ts"), String(count)], {
      stdin: between.read,
      stdout: output,
      log: join(folder, "reader.log"),
    });
    closeSync(between.read);
    say(`${count} lines in ${count / LINES_A_SECOND} s`);
    const senderArgs = [child("timed-lines.ts"), String(LINES_A_SECOND), String(seconds + warmUp)];
    const sender = start(node, senderArgs, { stdout: publisher.pipe.write, log: join(folder, "sender.log") });
    await sender.ended;
    await until("the last line behind tail", () => sizeOf(found) > 0, 20_000).catch(() => {});
    between.end();
    await tail.end();
    await reader.ended;
    closeSync(output);
    await publisher.finish();
    await running.program.end();

    const { delays, outOfOrder } = JSON.parse(readFileSync(found, "utf8")) as { delays: number[]; outOfOrder: number };
    const measured = delays.slice(warmUp * LINES_A_SECOND);
    const row = (name: string, values: readonly number[]) =>
      [name, ...[0.5, 0.9, 0.99, 1].map((share) => quantile(values, share))] as const;
    return {
      tables: [
        {
          title: `milliseconds, ${measured.length} lines`,
          columns: ["", "p50", "p90", "p99", "max"],
          rows: [row("publish to tail", measured), row(`fdatasync of ${BARE_BYTES} bytes alone`, bare)],
        },
      ],
      targets: [{ what: "p99, publish to tail", got: quantile(measured, 0.99), wanted: { atMost: 5 }, unit: "ms" }],
      faults:
        delays.length === count && outOfOrder === 0
          ? []
          : [`${delays.length} lines of ${count} arrived, ${outOfOrder} not in their place`],
    };
  },
};

/** What the disk takes of it: appends of a small batch's size, each made durable alone. Milliseconds. */
function bareFsyncs(path: string): number[] {
  const file = openSync(path, "w");
  const bytes = Buffer.alloc(BARE_BYTES, 1);
  const times = Array.from({ length: BARE_WRITES }, () => {
    const begin = performance.now();
    writeSync(file, bytes);
    fdatasyncSync(file);
    return performance.now() - begin;
  });
  closeSync(file);
  return times;
}
