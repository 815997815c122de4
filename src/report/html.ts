/** A report as one page: no script, nothing loaded from anywhere, whatever stood in the lines escaped. */
import { TOP_LISTS, type TopRow } from "../metrics/snapshot.ts";
import { harmlessText } from "../outputs/harmless.ts";
import { bytes, grouped, seconds, share, stepTime, TITLES, time } from "./figures.ts";
import type { Report } from "./report.ts";
import { STATUS_NAMES } from "./status-names.ts";

const STYLE = `
:root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--dim:#5b6570;--line:#d9dee3;--card:#f6f8fa;--bar:#0969da;--part:#0969da26;--bad:#b35900}
@media(prefers-color-scheme:dark){:root{--bg:#0f1419;--fg:#e6e9ec;--dim:#98a2ad;--line:#2b333c;--card:#171d24;--bar:#58a6ff;--part:#58a6ff33;--bad:#ffab5e}}
*{box-sizing:border-box}body{margin:0 auto;padding:1.5rem;max-width:76rem;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif}
h1{font-size:1.5rem;margin:0}h2{font-size:1.05rem;margin:0 0 .6rem}p{margin:.2rem 0;color:var(--dim)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(10rem,1fr));gap:.75rem;margin:1.25rem 0}
.card,section{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.9rem 1rem}
.card b{display:block;font-size:1.35rem;font-variant-numeric:tabular-nums}.card span{color:var(--dim);font-size:.85rem}
.panels{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,32rem),1fr));gap:1rem}
section{margin:0 0 1rem;overflow-x:auto}.panels section{margin:0}
table{border-collapse:collapse;width:100%;table-layout:fixed;font-variant-numeric:tabular-nums;font-size:.88rem}
th{font-weight:600;color:var(--dim)}th,td{padding:.22rem .5rem;text-align:right;white-space:nowrap;border-top:1px solid var(--line)}
tr:first-child th{border-top:0;width:5.4rem}tr:first-child th:first-child{width:auto}
th:first-child,td:first-child{text-align:left;overflow:hidden;text-overflow:ellipsis}
td:first-child{font-family:ui-monospace,monospace;font-size:.82rem;background:linear-gradient(90deg,var(--part) var(--w,0),#0000 0) 0 50%/100% 72% no-repeat}
.few tr:first-child th{width:auto}.few th,.few td{padding:.22rem .3rem}
@media(max-width:30rem){body{padding:.8rem}tr:first-child th{width:4.3rem}th,td{padding:.22rem .25rem;font-size:.8rem}}
svg{display:block;width:100%;height:9rem}rect{fill:var(--bar)}text{fill:var(--dim);font-size:11px}.bad{color:var(--bad)}
pre{white-space:pre-wrap;word-break:break-all;font-size:.8rem;margin:0}
`;

export function htmlReport(report: Report): string {
  const { totals, scope } = report;
  const span = totals.requests === 0 ? "no requests" : `${time(scope.fromUs)} to ${time(scope.toUs)}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Report: ${escaped(span)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>Access log report</h1>
<p>${escaped(span)}</p>
<p>${filesText(report)}</p>
</header>
${cards(report)}
${chart(report)}
<main class="panels">
${codes(report)}
${distributions(report)}
${files(report)}
${TOP_LISTS.map((name) => topList(TITLES[name], report.tops[name] ?? [], totals.time !== null)).join("")}
${unparsed(report)}
</main>
</body>
</html>
`;
}

function filesText({ parsed }: Report): string {
  const names = parsed.files.map(({ file, format }) => `${file} (${format})`);
  return escaped(names.length > 6 ? `${names.slice(0, 6).join(", ")} and ${names.length - 6} more` : names.join(", "));
}

function cards({ totals, parsed }: Report): string {
  const notParsed = Object.values(parsed.unparsed).reduce((a, b) => a + b, 0);
  const all: [string, string][] = [
    ["requests", grouped(totals.requests)],
    ["sent", bytes(totals.bytes)],
    [`visitors (± ${share(totals.visitorsError)})`, grouped(totals.visitors)],
    ["server errors (5xx)", share(totals.errorShare)],
    ["of robots", share(totals.requests > 0 ? totals.robots / totals.requests : 0)],
    ["lines not parsed", grouped(notParsed)],
  ];
  if (totals.time !== null) all.push(["median duration", seconds(totals.time.p50)], ["p99", seconds(totals.time.p99)]);
  return `<div class="cards">${all.map(([name, value]) => `<div class="card"><b>${value}</b><span>${name}</span></div>`).join("")}</div>`;
}

const CHART_WIDTH = 1200;
const CHART_HEIGHT = 140;

function chart({ series }: Report): string {
  const { requests, stepS, startS } = series;
  if (requests.length < 2) return "";
  const most = requests.reduce((a, b) => Math.max(a, b), 1);
  const width = CHART_WIDTH / requests.length;
  const bars = requests
    .map((count, i) => {
      const height = (count / most) * (CHART_HEIGHT - 20);
      const at = `${stepTime(startS + i * stepS, stepS)}: ${grouped(count)}`;
      return `<rect x="${(i * width).toFixed(2)}" y="${(CHART_HEIGHT - 16 - height).toFixed(2)}" width="${Math.max(0.5, width - (width > 4 ? 1 : 0)).toFixed(2)}" height="${height.toFixed(2)}"><title>${at}</title></rect>`;
    })
    .join("");
  const last = stepTime(startS + (requests.length - 1) * stepS, stepS);
  return `<section><h2>Requests over time, at most ${grouped(most)} in ${stepName(stepS)}</h2>
<svg viewBox="0 0 ${CHART_WIDTH} ${CHART_HEIGHT}" preserveAspectRatio="none" role="img" aria-label="Requests over time">${bars}</svg>
<p>${stepTime(startS, stepS)} to ${last} UTC</p></section>`;
}

function stepName(stepS: number): string {
  return stepS === 60 ? "a minute" : stepS === 3600 ? "an hour" : "a day";
}

function codes({ codes: rows }: Report): string {
  if (rows.length === 0) return "";
  const body = rows.map(
    ({ status, requests, share: part }) =>
      `<tr><td${filled(part)}>${status === 0 ? "unknown" : `${status} ${STATUS_NAMES[status] ?? ""}`}</td><td>${grouped(requests)}</td><td>${share(part)}</td></tr>`,
  );
  return table("Status codes", ["status", "requests", "share"], body);
}

function distributions({ totals }: Report): string {
  const columns = ["mean", "p50", "p90", "p95", "p99", "max"] as const;
  const body: string[] = [];
  if (totals.time !== null) {
    body.push(`<tr><td>duration</td>${columns.map((c) => `<td>${seconds(totals.time![c])}</td>`).join("")}</tr>`);
  }
  if (totals.size !== null) {
    body.push(`<tr><td>size</td>${columns.map((c) => `<td>${bytes(totals.size![c])}</td>`).join("")}</tr>`);
  }
  return body.length === 0 ? "" : table("Distributions", ["", ...columns], body, "few");
}

function files({ servers }: Report): string {
  if (servers.length === 0) return "";
  const body = servers.map(
    ({ server, requests, errorShare }) =>
      `<tr><td title="${escaped(server)}">${escaped(server)}</td><td>${grouped(requests)}</td><td>${share(errorShare)}</td></tr>`,
  );
  return table("Files", ["file", "requests", "5xx"], body);
}

function topList(title: string, rows: readonly TopRow[], timed: boolean): string {
  if (rows.length === 0) return "";
  const body = rows.map((row) => {
    const over = row.over === 0 ? "" : ` <span title="at most so many too many">± ${grouped(row.over)}</span>`;
    const meanTime = timed ? `<td>${row.meanTimeS === null ? "" : seconds(row.meanTimeS)}</td>` : "";
    return `<tr><td title="${escaped(row.key)}"${filled(row.share)}>${escaped(row.key)}</td><td>${grouped(row.requests)}${over}</td><td>${share(row.share)}</td><td>${bytes(row.bytes)}</td>${meanTime}</tr>`;
  });
  return table(title, ["", "requests", "share", "bytes", ...(timed ? ["mean time"] : [])], body);
}

function table(title: string, columns: readonly string[], body: readonly string[], kind = ""): string {
  const head = columns.map((column) => `<th scope="col">${column}</th>`).join("");
  return `<section><h2>${title}</h2><table class="${kind}"><tr>${head}</tr>${body.join("")}</table></section>\n`;
}

/** A cell's background, filled to this share. */
function filled(part: number): string {
  return ` style="--w:${(Math.min(1, part) * 100).toFixed(2)}%"`;
}

function unparsed({ parsed }: Report): string {
  if (parsed.samples.length === 0) return "";
  const lines = parsed.samples.map(({ reason, line }) => `${reason}: ${escaped(line)}`);
  return `<section><h2 class="bad">Latest lines that did not parse</h2><pre>${lines.join("\n")}</pre></section>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text of a line in a page: no markup, and no character that hides or turns what stands beside it. */
function escaped(text: string): string {
  return harmlessText(text).replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}
