import { rmSync } from "node:fs";
import { join } from "node:path";
import { faultOf, hashOf } from "./arrived.ts";
import type { Benchmark, Surroundings } from "./benchmark.ts";
import type { Carrier } from "./carriers/carrier.ts";
import { logspread } from "./carriers/logspread.ts";
import { rsyslog } from "./carriers/rsyslog.ts";
import { syslogNg } from "./carriers/syslog-ng.ts";
import { debianTools } from "./debian-tools.ts";
import { feed } from "./fifo.ts";
import { LINE_BYTES, writeLines } from "./lines.ts";
import { runToEnd, type Usage } from "./program.ts";
import { median } from "./statistics.ts";
import { sizeOf, until } from "./wait.ts";

const LINES = 2_000_000;

/** What one carrier did in one round. */
interface Run {
  readonly seconds: number;
  readonly usage: ReadonlyMap<string, Usage>;
  readonly keptBytes: number | undefined;
  readonly fault: string | undefined;
}

export const path: Benchmark = {
  name: "path",
  measures: `the whole path at full speed: lines of ${LINE_BYTES} bytes from \`cat\` to the last byte in the file`,
  doesNotMeasure: [
    "a network: everything is on one machine, over loopback, and shares its cores with the `cat` that feeds it",
    "many senders at once, or lines of other lengths",
    "a second disk: the bus, its fsyncs and the output file share one with the programs compared",
    "like with like: rsyslog and syslog-ng fsync nothing and keep nothing for replay, logspread fsyncs before every acknowledgement",
  ],

  async run(surroundings) {
    const lines = surroundings.lines ?? LINES;
    const data = join(surroundings.folder, "lines");
    const first = join(surroundings.folder, "first-line");
    writeLines(first, 0, 1);
    writeLines(data, 1, lines - 1);
    const hash = hashOf(first, data);

    const { carriers, missing } = await carriersOf(surroundings);
    const runs = new Map<Carrier, Run[]>(carriers.map((carrier) => [carrier, []]));
    for (let round = 1; round <= surroundings.rounds; round++) {
      for (const carrier of carriers) {
        const run = await measure(carrier, { surroundings, first, data, lines, hash });
        surroundings.say(`round ${round}, ${carrier.name}: ${Math.round(lines / run.seconds)} lines/s`);
        runs.get(carrier)!.push(run);
      }
    }

    const rate = (carrier: Carrier) => median(runs.get(carrier)!.map((run) => lines / run.seconds));
    const [own, ...others] = carriers;
    const fastest = Math.max(...others.map(rate));
    return {
      tables: [
        {
          title: `${lines} lines, ${surroundings.rounds} rounds in turn; medians`,
          columns: ["", "lines/s", "slowest", "fastest", "MB/s", "logspread is", "kept for replay, bytes/line"],
          rows: carriers.map((carrier) => {
            const rates = runs.get(carrier)!.map((run) => lines / run.seconds);
            const kept = runs.get(carrier)![0]!.keptBytes;
            return [
              carrier.name,
              rate(carrier),
              Math.min(...rates),
              Math.max(...rates),
              (rate(carrier) * LINE_BYTES) / 1e6,
              carrier === own ? "" : `${(rate(own!) / rate(carrier)).toFixed(2)} x`,
              kept === undefined ? "nothing" : kept / lines,
            ];
          }),
        },
        {
          title: "what it took",
          columns: ["", "CPU s per million lines", "peak RSS, MB"],
          rows: carriers.flatMap((carrier) => usageRows(runs.get(carrier)!, lines)),
        },
      ],
      targets: [
        { what: "lines/s of logspread", got: rate(own!), wanted: { atLeast: 1_500_000 }, unit: "lines/s" },
        ...(others.length === 0
          ? []
          : [
              {
                what: "against the faster of the others",
                got: rate(own!) / fastest,
                wanted: { atLeast: 1.3 },
                unit: "x",
              },
            ]),
      ],
      faults: carriers.flatMap((carrier) =>
        runs.get(carrier)!.flatMap(({ fault }) => (fault === undefined ? [] : [`${carrier.name}: ${fault}`])),
      ),
      missing,
    };
  },
};

async function carriersOf(surroundings: Surroundings): Promise<{ carriers: Carrier[]; missing: string[] }> {
  const own = logspread(surroundings);
  if (surroundings.alone) return { carriers: [own], missing: ["rsyslog and syslog-ng: left out as asked"] };
  try {
    const tools = await debianTools(["rsyslog", "syslog-ng-core"], surroundings.say);
    return { carriers: [own, rsyslog(tools), syslogNg(tools)], missing: [] };
  } catch (error) {
    return { carriers: [own], missing: [`rsyslog and syslog-ng: cannot get Debian's packages: ${error}`] };
  }
}

interface Load {
  readonly surroundings: Surroundings;
  /** Files of one line and of the others. */
  readonly first: string;
  readonly data: string;
  readonly lines: number;
  /** Of both files. */
  readonly hash: string;
}

async function measure(carrier: Carrier, { surroundings, first, data, lines, hash }: Load): Promise<Run> {
  const folder = join(surroundings.folder, carrier.name);
  const output = join(surroundings.folder, `${carrier.name}.out`);
  // What earlier rounds left in the page cache is on disk now, and not in the way of this one's fsyncs.
  await runToEnd("sync", [], { log: join(surroundings.folder, "feed.log") });
  const running = await carrier.open(folder, output);
  const log = join(surroundings.folder, "feed.log");
  // The first line shows that everything is up.
  await feed(first, running.target, log).ended;
  await until(`${carrier.name}'s first line`, () => sizeOf(output) === LINE_BYTES);
  const before = running.usage();

  const start = performance.now();
  const feeder = feed(data, running.target, log);
  await until(`${carrier.name}'s last line`, () => sizeOf(output) >= lines * LINE_BYTES, 180_000).catch(() => {});
  const seconds = (performance.now() - start) / 1000;

  const usage = new Map(
    [...running.usage()].map(([name, after]) => [
      name,
      { ...after, cpuSeconds: after.cpuSeconds - before.get(name)!.cpuSeconds },
    ]),
  );
  const keptBytes = running.keptBytes();
  await feeder.ended;
  await running.close();
  const fault = faultOf(output, lines, hash);
  rmSync(folder, { recursive: true, force: true });
  rmSync(output, { force: true });
  return { seconds, usage, keptBytes, fault };
}

function usageRows(runs: readonly Run[], lines: number): [string, number, number][] {
  return [...runs[0]!.usage.keys()].map((name) => [
    name,
    median(runs.map((run) => run.usage.get(name)!.cpuSeconds)) / (lines / 1e6),
    Math.max(...runs.map((run) => run.usage.get(name)!.peakRssMB)),
  ]);
}
