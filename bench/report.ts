/** Outcomes as text for people. */
import { type Benchmark, isMet, type Outcome, type Table, type Target } from "./benchmark.ts";

export function textOf(benchmark: Benchmark, outcome: Outcome): string {
  return [
    `${benchmark.name}: ${benchmark.measures}`,
    ...outcome.tables.map(tableText),
    listText("Wanted", outcome.targets.map(targetText)),
    listText("Not measured", [...benchmark.doesNotMeasure, ...(outcome.missing ?? [])]),
    listText("WRONG RESULT", outcome.faults),
  ]
    .filter((text) => text !== "")
    .join("\n\n");
}

function tableText({ title, columns, rows }: Table): string {
  const cells = [columns, ...rows].map((row) => row.map((cell) => (typeof cell === "number" ? figure(cell) : cell)));
  const widths = columns.map((_, i) => Math.max(...cells.map((row) => row[i]!.length)));
  const lines = cells.map((row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join("  ")
      .trimEnd(),
  );
  return [title, ...lines].join("\n  ");
}

function targetText({ what, got, wanted, unit, ...rest }: Target): string {
  const limit = "atLeast" in wanted ? `at least ${figure(wanted.atLeast)}` : `at most ${figure(wanted.atMost)}`;
  const verdict = isMet({ what, got, wanted, unit, ...rest }) ? "met" : "MISSED";
  return `${what}: ${figure(got)} ${unit}, wanted ${limit}: ${verdict}`;
}

function listText(title: string, items: readonly string[]): string {
  return items.length === 0 ? "" : [`${title}:`, ...items.map((item) => `- ${item}`)].join("\n  ");
}

/** Three significant digits, thousands set apart. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return "-";
  if (Math.abs(value) >= 1000)
    return Number(value.toPrecision(4)).toLocaleString("en-US", { maximumFractionDigits: 0 });
  return String(Number(value.toPrecision(3)));
}
