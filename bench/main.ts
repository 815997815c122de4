/** `npm run bench`: runs benchmarks, prints what they found, and ends with 1 if a line was lost, doubled or damaged. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Outcome } from "./benchmark.ts";
import { benchmarks } from "./benchmarks.ts";
import { machineText, thisMachine } from "./machine.ts";
import { killAll } from "./program.ts";
import { textOf } from "./report.ts";

const USAGE = `npm run bench [-- NAME... [options]]

${benchmarks.map(({ name, measures }) => `  ${name.padEnd(10)} ${measures}`).join("\n")}

  --lines N       lines to send, for those that send a number of them
  --rounds N      times that each candidate is measured, in turn (default 3)
  --seconds N     for those that measure over time (default 10)
  --short         little of everything: does it work?
  --alone         without the programs that logspread is compared with
  --folder DIR    where to work; its disk is the one that is measured (default ${tmpdir()})
  --program FILE  measure this program instead of dist/cli/main.js, such as that of another version
  --json FILE     write what was found to a file`;

async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      lines: { type: "string" },
      rounds: { type: "string" },
      seconds: { type: "string" },
      short: { type: "boolean", default: false },
      alone: { type: "boolean", default: false },
      folder: { type: "string", default: tmpdir() },
      program: { type: "string", default: join(import.meta.dirname, "../dist/cli/main.js") },
      json: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const unknown = positionals.find((name) => !benchmarks.some((benchmark) => benchmark.name === name));
  if (unknown !== undefined) {
    console.error(`bench: there is no benchmark ${unknown}\n\n${USAGE}`);
    return 2;
  }
  const { short } = values;
  const count = (name: "lines" | "rounds" | "seconds") => countOf(name, values[name]);
  const machine = thisMachine();
  console.log(machineText(machine));

  const found: Record<string, Outcome> = {};
  for (const benchmark of benchmarks) {
    if (positionals.length > 0 && !positionals.includes(benchmark.name)) continue;
    const folder = mkdtempSync(join(values.folder, "logspread-bench-"));
    process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
    const outcome = await benchmark.run({
      node: process.execPath,
      program: resolve(values.program),
      folder,
      lines: count("lines") ?? (short ? 20_000 : undefined),
      rounds: count("rounds") ?? (short ? 1 : 3),
      seconds: count("seconds") ?? (short ? 1 : 10),
      short,
      alone: values.alone,
      say: (text) => console.error(`${benchmark.name}: ${text}`),
    });
    rmSync(folder, { recursive: true, force: true });
    console.log(`\n${textOf(benchmark, outcome)}`);
    found[benchmark.name] = outcome;
  }
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ machine, found }, undefined, 2)}\n`);
  return Object.values(found).some(({ faults }) => faults.length > 0) ? 1 : 0;
}

function countOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`--${name} ${text}: not a number above 0`);
  return value;
}

process.on("exit", killAll);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
process.exitCode = await main(process.argv.slice(2));
