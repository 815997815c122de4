/**
 * How fast lines are parsed, one core, nothing but the parsing: `node bench/formats.ts [FORMAT...]`. combined reads the
 * sample; every other format its own example, again and again. Each slice of 100 lines counts with the best of its times,
 * so that what else runs on the machine disturbs little.
 */
import { readFileSync } from "node:fs";
import { NAMED_FORMATS, parserFor } from "../src/formats/parser-for.ts";
import { AccessRecord } from "../src/formats/record.ts";

const SLICE_LINES = 100;
const MEASURE_MS = 1500;

/** Best time a line, ns. */
function measure(format: string, bytes: Buffer): number {
  const parser = parserFor(format);
  const record = new AccessRecord();
  const starts: number[] = [0];
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) starts.push(at + 1);
  const lines = starts.length - 1;
  const best = new Float64Array(Math.ceil(lines / SLICE_LINES)).fill(Number.POSITIVE_INFINITY);
  const end = performance.now() + MEASURE_MS;
  while (performance.now() < end) {
    for (let slice = 0; slice < best.length; slice++) {
      const last = Math.min((slice + 1) * SLICE_LINES, lines);
      const before = process.hrtime.bigint();
      for (let i = slice * SLICE_LINES; i < last; i++) parser.parse(bytes, starts[i]!, starts[i + 1]! - 1, record);
      best[slice] = Math.min(best[slice]!, Number(process.hrtime.bigint() - before));
    }
  }
  return best.reduce((sum, ns) => sum + ns, 0) / lines;
}

const asked = process.argv.slice(2);
for (const { name, example } of NAMED_FORMATS) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  const bytes =
    name === "combined"
      ? readFileSync(new URL("../test/data/access-combined.log", import.meta.url))
      : Buffer.from(`${example}\n`.repeat(SLICE_LINES));
  const ns = measure(name, bytes);
  const perLine = Math.round(bytes.length / bytes.toString("latin1").split("\n").length);
  console.log(
    `${name.padEnd(18)} ${(1000 / ns).toFixed(2)} million lines/s (${ns.toFixed(0)} ns, ${perLine} bytes a line)`,
  );
}
