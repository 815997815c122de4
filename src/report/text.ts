/** A report as text, 80 columns wide, that no terminal can be harmed by. */
import { TOP_LISTS, type TopRow } from "../metrics/snapshot.ts";
import { harmlessText } from "../outputs/harmless.ts";
import type { Paint } from "../outputs/paint.ts";
import { bytes, grouped, seconds, share, stepTime, TITLES, time } from "./figures.ts";
import type { Report } from "./report.ts";
import { STATUS_NAMES } from "./status-names.ts";

const WIDTH = 80;

/** Most steps of the chart; of more, neighbours are added up. */
const CHART_ROWS = 24;

export function textReport(report: Report, paint: Paint): string {
  const parts = [
    headText(report, paint),
    chartText(report, paint),
    codesText(report, paint),
    distributionText(report, paint),
    filesText(report, paint),
    ...TOP_LISTS.map((name) => topText(TITLES[name], report.tops[name] ?? [], report, paint)),
    unparsedText(report, paint),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function headText({ totals, scope, parsed }: Report, paint: Paint): string {
  const span = totals.requests === 0 ? "no requests" : `${time(scope.fromUs)} to ${time(scope.toUs)}`;
  const rows: [string, string][] = [
    ["Requests", grouped(totals.requests)],
    ["Bytes", bytes(totals.bytes)],
    ["Visitors", `${grouped(totals.visitors)} (standard error ${share(totals.visitorsError)})`],
    ["Robots' requests", `${grouped(totals.robots)} (${share(ratio(totals.robots, totals.requests))})`],
    ["Server errors (5xx)", share(totals.errorShare)],
    ["Lines read", `${grouped(parsed.lines)} in ${seconds(parsed.seconds)}`],
  ];
  const unparsed = parsed.lines - parsed.requests - parsed.headers - parsed.outside;
  if (parsed.outside > 0) rows.push(["Outside the time", grouped(parsed.outside)]);
  if (parsed.truncated > 0) rows.push(["Cut lines, counted", grouped(parsed.truncated)]);
  if (unparsed > 0) rows.push(["Not parsed", `${grouped(unparsed)} (${reasons(parsed.unparsed)})`]);
  return [paint.bold(clip(span, WIDTH)), ...rows.map(([name, value]) => `  ${name.padEnd(20)} ${value}`)].join("\n");
}

function reasons(unparsed: Readonly<Record<string, number>>): string {
  return Object.entries(unparsed)
    .map(([reason, count]) => `${reason}: ${grouped(count)}`)
    .join(", ");
}

function chartText({ series }: Report, paint: Paint): string {
  const { requests, bytes: sent, startS, stepS } = series;
  if (requests.length < 2) return "";
  const each = Math.ceil(requests.length / CHART_ROWS);
  const rows: { at: number; requests: number; bytes: number }[] = [];
  for (let i = 0; i < requests.length; i += each) {
    const sum = (values: readonly number[]) => values.slice(i, i + each).reduce((a, b) => a + b, 0);
    rows.push({ at: startS + i * stepS, requests: sum(requests), bytes: sum(sent) });
  }
  const most = Math.max(...rows.map((row) => row.requests));
  const lines = rows.map(({ at, requests: count, bytes: size }) => {
    const head = `  ${stepTime(at, stepS).padEnd(16)} ${grouped(count).padStart(11)} ${bytes(size).padStart(9)} `;
    return head + bar(ratio(count, most), WIDTH - head.length);
  });
  return [paint.bold("Requests and bytes over time"), ...lines].join("\n");
}

function codesText({ codes }: Report, paint: Paint): string {
  if (codes.length === 0) return "";
  const lines = codes.map(({ status, requests, share: part }) => {
    const name = status === 0 ? "unknown" : `${status} ${STATUS_NAMES[status] ?? ""}`;
    const head = `  ${clip(name, 32).padEnd(32)} ${grouped(requests).padStart(11)} ${share(part).padStart(7)} `;
    return head + bar(part, WIDTH - head.length);
  });
  return [paint.bold("Status codes"), ...lines].join("\n");
}

function distributionText({ totals }: Report, paint: Paint): string {
  const columns = ["mean", "p50", "p90", "p95", "p99", "max"] as const;
  const line = (name: string, values: readonly string[]) =>
    `  ${name.padEnd(16)}${values.map((v) => v.padStart(10)).join("")}`;
  const lines: string[] = [];
  if (totals.time !== null)
    lines.push(
      line(
        "Duration",
        columns.map((c) => seconds(totals.time![c])),
      ),
    );
  if (totals.size !== null)
    lines.push(
      line(
        "Size",
        columns.map((c) => bytes(totals.size![c])),
      ),
    );
  if (lines.length === 0) return "";
  return [paint.bold("Distributions"), line("", columns), ...lines].join("\n");
}

function filesText({ servers }: Report, paint: Paint): string {
  if (servers.length === 0) return "";
  const lines = servers.map(({ server, requests, errorShare, size }) => {
    const sum = size === null ? "" : bytes(size.mean * size.count);
    return `  ${tail(server, 44).padEnd(44)} ${grouped(requests).padStart(11)} ${sum.padStart(9)} ${share(errorShare).padStart(9)}`;
  });
  return [`${paint.bold("Files")}${" ".repeat(46)}requests     bytes       5xx`, ...lines].join("\n");
}

function topText(title: string, rows: readonly TopRow[], { totals }: Report, paint: Paint): string {
  if (rows.length === 0) return "";
  const timed = totals.time !== null;
  const keyWidth = WIDTH - 2 - 34 - (timed ? 9 : 0);
  const head = `${paint.bold(title)}${" ".repeat(Math.max(1, keyWidth + 2 - title.length))}`;
  const columns = `${"requests".padStart(11)}${"share".padStart(8)}${"bytes".padStart(9)}${"±".padStart(6)}`;
  const lines = rows.map((row) => {
    const figures = [
      grouped(row.requests).padStart(11),
      share(row.share).padStart(8),
      bytes(row.bytes).padStart(9),
      (row.over === 0 ? "" : grouped(row.over)).padStart(6),
      timed ? (row.meanTimeS === null ? "" : seconds(row.meanTimeS)).padStart(9) : "",
    ];
    return `  ${clip(row.key, keyWidth).padEnd(keyWidth)}${figures.join("")}`;
  });
  return [`${head}${columns}${timed ? "time".padStart(9) : ""}`, ...lines.map((line) => line.trimEnd())].join("\n");
}

function unparsedText({ parsed }: Report, paint: Paint): string {
  if (parsed.samples.length === 0) return "";
  const lines = parsed.samples.slice(-5).map(({ reason, line }) => `  ${clip(`${reason}: ${line}`, WIDTH - 2)}`);
  return [paint.bold("Latest lines that did not parse"), ...lines].join("\n");
}

/** Harmless, and no longer than `width`. */
function clip(text: string, width: number): string {
  const safe = [...harmlessText(text)];
  return safe.length <= width ? safe.join("") : `${safe.slice(0, width - 1).join("")}…`;
}

/** The same, with the end rather than the beginning. */
function tail(text: string, width: number): string {
  const safe = [...harmlessText(text)];
  return safe.length <= width ? safe.join("") : `…${safe.slice(-(width - 1)).join("")}`;
}

function bar(part: number, width: number): string {
  return "█".repeat(Math.round(Math.min(1, part) * width));
}

function ratio(part: number, whole: number): number {
  return whole > 0 ? part / whole : 0;
}
