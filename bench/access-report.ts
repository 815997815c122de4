import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { writeAccessLog } from "./access-log.ts";
import type { Benchmark, Surroundings } from "./benchmark.ts";
import { debianTools } from "./debian-tools.ts";
import { start, type Usage } from "./program.ts";
import { median } from "./statistics.ts";

const LINES = 2_000_000;
const LOOK_MS = 20;

/** One program's run over the file. */
interface Run {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMB: number;
}

/** What both programs say of the log. */
interface Figures {
  readonly requests: number;
  readonly bytes: number;
  /** By status. */
  readonly codes: Readonly<Record<string, number>>;
}

interface Candidate {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  figures(): Figures;
}

export const accessReport: Benchmark = {
  name: "report",
  measures:
    "`logspread report` on a log of 100,000 addresses and 20,000 pages, beside GoAccess with the same panels, one core each",
  doesNotMeasure: [
    "several cores: both programs are held to one, GoAccess 1.7 has no use for more",
    "reading from the disk: the file is in memory, as it has just been written",
    "what GoAccess shows and the report does not: hours of the day, key phrases, visitors of each page",
  ],

  async run(surroundings) {
    const lines = surroundings.lines ?? LINES;
    const log = join(surroundings.folder, "access.log");
    surroundings.say(`writing ${lines} lines`);
    const bytes = writeAccessLog(log, lines);
    const own = ownCandidate(surroundings, log);
    const theirs = surroundings.alone ? undefined : await goaccess(surroundings, log).catch((error: Error) => error);
    const candidates = theirs === undefined || theirs instanceof Error ? [own] : [own, theirs];
    const runs = new Map<Candidate, Run[]>(candidates.map((candidate) => [candidate, []]));
    for (let round = 1; round <= surroundings.rounds; round++) {
      for (const candidate of candidates) {
        surroundings.say(`${candidate.name}, round ${round} of ${surroundings.rounds}`);
        runs.get(candidate)!.push(await measure(candidate, surroundings.folder));
      }
    }
    const of = (candidate: Candidate, what: keyof Run) => median(runs.get(candidate)!.map((run) => run[what]));
    const faults: string[] = [];
    const figures = own.figures();
    if (figures.requests !== lines) faults.push(`logspread counted ${figures.requests} requests of ${lines}`);
    const other = candidates[1];
    if (other !== undefined) faults.push(...differences(figures, other.figures()));
    return {
      tables: [
        {
          title: `${lines} lines of ${Math.round(bytes / lines)} bytes; median of ${surroundings.rounds}`,
          columns: ["", "s", "CPU s", "lines/s", "peak RSS, MB"],
          rows: candidates.map((c) => [
            c.name,
            of(c, "seconds"),
            of(c, "cpuSeconds"),
            Math.round(lines / of(c, "seconds")),
            Math.round(of(c, "peakMB")),
          ]),
        },
      ],
      targets:
        other === undefined
          ? []
          : [
              {
                what: "times as fast as GoAccess, by processor time",
                got: of(other, "cpuSeconds") / of(own, "cpuSeconds"),
                wanted: { atLeast: 8 },
                unit: "x",
              },
              {
                what: "part of GoAccess's memory",
                got: of(own, "peakMB") / of(other, "peakMB"),
                wanted: { atMost: 1 / 3 },
                unit: "x",
              },
            ],
      faults,
      missing: theirs instanceof Error ? [`GoAccess could not be had: ${theirs.message}`] : [],
    };
  },
};

function ownCandidate({ node, program, folder }: Surroundings, log: string): Candidate {
  const output = join(folder, "logspread.html");
  return {
    name: "logspread report",
    command: node,
    args: [program, "report", "--format", "combined", "--html", output, log],
    env: {},
    figures: () => figuresOf(node, program, log),
  };
}

/** The same report as JSON, made once more: the page is for people. */
function figuresOf(node: string, program: string, log: string): Figures {
  const { execFileSync } = process.getBuiltinModule("node:child_process");
  const text = execFileSync(node, [program, "report", "--json", log], { maxBuffer: 1e9 }).toString();
  const { totals, codes } = JSON.parse(text) as {
    totals: { requests: number; bytes: number };
    codes: { status: number; requests: number }[];
  };
  return { ...totals, codes: Object.fromEntries(codes.map(({ status, requests }) => [status, requests])) };
}

async function goaccess({ say, folder }: Surroundings, log: string): Promise<Candidate> {
  const installed = "/usr/bin/goaccess";
  const tools = existsSync(installed) ? undefined : await debianTools(["goaccess"], say);
  const output = join(folder, "goaccess.json");
  return {
    name: "GoAccess 1.7",
    command: tools === undefined ? installed : join(tools.root, installed),
    args: [log, "--log-format=COMBINED", "--no-global-config", "--no-progress", "-o", output],
    env: tools?.env ?? {},
    figures() {
      const { general, status_codes } = JSON.parse(readFileSync(output, "latin1")) as {
        general: { valid_requests: number; bandwidth: number };
        status_codes: { data: { items: { data: string; hits: { count: number } }[] }[] };
      };
      const codes = status_codes.data.flatMap(({ items }) => items);
      return {
        requests: general.valid_requests,
        bytes: general.bandwidth,
        codes: Object.fromEntries(codes.map(({ data, hits }) => [data.slice(0, 3), hits.count])),
      };
    },
  };
}

/** Runs it on the last core, alone. What the kernel counts is read until the process has gone. */
async function measure({ command, args, env }: Candidate, folder: string): Promise<Run> {
  const core = String(availableParallelism() - 1);
  const started = performance.now();
  const program = start("taskset", ["-c", core, command, ...args], { env, log: join(folder, "report.log") });
  let usage: Usage = { cpuSeconds: 0, rssMB: 0, peakRssMB: 0 };
  let running = true;
  const code = program.ended.finally(() => (running = false));
  while (running) {
    try {
      const now = program.usage();
      if (now.peakRssMB > 0) usage = now;
    } catch {
      break; // it has ended between two looks
    }
    await Promise.race([code, sleep(LOOK_MS)]);
  }
  if ((await code) !== 0) throw new Error(`${command} failed: ${program.text().slice(-2000)}`);
  return { seconds: (performance.now() - started) / 1000, cpuSeconds: usage.cpuSeconds, peakMB: usage.peakRssMB };
}

function differences(ours: Figures, theirs: Figures): string[] {
  const found: string[] = [];
  if (ours.requests !== theirs.requests) found.push(`${ours.requests} requests, GoAccess ${theirs.requests}`);
  if (ours.bytes !== theirs.bytes) found.push(`${ours.bytes} bytes, GoAccess ${theirs.bytes}`);
  for (const status of new Set([...Object.keys(ours.codes), ...Object.keys(theirs.codes)])) {
    if (ours.codes[status] === theirs.codes[status]) continue;
    found.push(`status ${status}: ${ours.codes[status] ?? 0} requests, GoAccess ${theirs.codes[status] ?? 0}`);
  }
  return found;
}
