/** The panels: each makes lines of an overview, the head first. */
import { classify } from "../metrics/agents.ts";
import type { Anomaly, Overview, ServerRow, SessionRow, TopRow } from "../metrics/snapshot.ts";
import { TITLES } from "../report/figures.ts";
import { STATUS_NAMES } from "../report/status-names.ts";
import { clock, type Figures, figuresFor, span as spanOf } from "./figures.ts";
import { clean, type Line, type Look, type Style, span } from "./line.ts";
import { spark } from "./spark.ts";
import type { Sort, State, Tab } from "./state.ts";
import { type Column, table } from "./table.ts";

/** From here on a share of errors is worth a look, and a fault. */
const WARN_SHARE = 0.01;
const BAD_SHARE = 0.05;
/** A robust z-score beyond this is no chance. */
const STRANGE = 3.5;
/** A clock that is off by more, s. */
const BAD_SKEW_S = 1;
/** A server that has been silent for longer stands out, s. */
const SILENT_S = 30;

export function errorStyle(share: number): Style {
  if (share >= BAD_SHARE) return "bad";
  return share >= WARN_SHARE ? "warn" : "plain";
}

export function statusStyle(status: number): Style {
  if (status >= 500) return "bad";
  if (status >= 400) return "warn";
  return status >= 200 && status < 300 ? "good" : "plain";
}

/** Title of the panel, and how many rows it has. */
export function titleOf(tab: Tab, { list, sort }: Pick<State, "list" | "sort">, overview: Overview): string {
  switch (tab) {
    case "servers":
      return `Servers ${overview.servers.length} by ${sort}`;
    case "pages":
      return TITLES[list];
    case "codes":
      return "Codes";
    case "sessions":
      return `Sessions ${overview.sessions.online}`;
    case "anomalies":
      return `Anomalies ${overview.anomalies.filter(({ closedUs }) => closedUs === null).length}`;
    default:
      return tab satisfies never;
  }
}

/** The panel `tab`: its head, then a line a row, `width` wide. */
export function panel(
  tab: Tab,
  state: Pick<State, "list" | "sort">,
  overview: Overview,
  width: number,
  look: Look,
): Line[] {
  const figures = figuresFor(look);
  switch (tab) {
    case "servers":
      return servers(overview, state.sort, width, look, figures);
    case "pages":
      return tops(overview.tops[state.list] ?? [], TITLES[state.list], width, look, figures);
    case "codes":
      return codes(overview, width, look, figures);
    case "sessions":
      return sessions(overview, width, look, figures);
    case "anomalies":
      return anomalies(overview, width, look);
    default:
      return tab satisfies never;
  }
}

function servers({ servers: rows, atUs }: Overview, sort: Sort, width: number, look: Look, f: Figures): Line[] {
  if (rows.length === 0) return nothing("No server has sent anything in this span.");
  const columns: Column<ServerRow>[] = [
    {
      title: "SERVER",
      align: "left",
      width: 10,
      max: 32,
      rank: 0,
      cell: (row) => span(clean(row.server, look), silent(row, atUs) ? "bad" : "bold"),
    },
    { title: "REQ/S", align: "right", width: 8, rank: 0, cell: (row) => f.rate(row.requestsPerS) },
    { title: "BYTES/S", align: "right", width: 9, rank: 2, cell: (row) => f.bytes(row.bytesPerS) },
    {
      title: "5XX",
      align: "right",
      width: 7,
      rank: 1,
      cell: (row) => span(f.share(row.errorShare), errorStyle(row.errorShare)),
    },
    { title: "REL", align: "right", width: 6, rank: 3, cell: (row) => f.times(row.relativeErrors) },
    { title: "TIME P50", align: "right", width: 8, rank: 7, cell: (row) => f.seconds(row.time?.p50 ?? null) },
    { title: "P95", align: "right", width: 7, rank: 4, cell: (row) => f.seconds(row.time?.p95 ?? null) },
    { title: "SIZE P95", align: "right", width: 8, rank: 9, cell: (row) => f.bytes(row.size?.p95 ?? null) },
    { title: "REQUESTS", align: "right", width: 9, rank: 8, cell: (row) => f.count(row.requests) },
    {
      title: "SKEW",
      align: "right",
      width: 8,
      rank: 5,
      cell: (row) => span(f.skew(row.skewS), Math.abs(row.skewS ?? 0) > BAD_SKEW_S ? "warn" : "plain"),
    },
    { title: "SEEN", align: "right", width: 6, rank: 10, cell: (row) => spanOf((atUs - row.lastSeenUs) / 1e6) },
    {
      title: "UNLIKE PEERS",
      align: "left",
      width: 12,
      rank: 11,
      cell: ({ deviation }) => unlikePeers(deviation),
    },
    {
      title: "TREND",
      align: "left",
      width: 10,
      max: 60,
      rank: 6,
      cell: (row, own) => span(spark(row.spark.slice(-own), own, look), "accent"),
    },
  ];
  return table(columns, sorted(rows, sort), width, look);
}

function silent(row: ServerRow, atUs: number): boolean {
  return atUs - row.lastSeenUs > SILENT_S * 1e6;
}

/** The figure in which it differs most, if that is no chance: "time +5.2". */
function unlikePeers(deviation: ServerRow["deviation"]) {
  const all = (Object.entries(deviation) as [string, number | null][]).filter(([, z]) => Math.abs(z ?? 0) > STRANGE);
  const worst = all.toSorted(([, a], [, b]) => Math.abs(b!) - Math.abs(a!))[0];
  if (worst === undefined) return span("");
  const [name, z] = worst as [string, number];
  return span(`${name} ${z > 0 ? "+" : "-"}${Math.abs(z) < 100 ? Math.abs(z).toFixed(1) : "99"}`, "warn");
}

/** Equal ones by name, so that rows do not jump. */
export function sorted(rows: readonly ServerRow[], sort: Sort): ServerRow[] {
  const figure: Readonly<Record<Sort, (row: ServerRow) => number>> = {
    requests: (row) => row.requestsPerS,
    bytes: (row) => row.bytesPerS,
    errors: (row) => row.errorShare,
    time: (row) => row.time?.p95 ?? -1,
    name: () => 0,
  };
  const of = figure[sort];
  const byName = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  return rows.toSorted((a, b) => of(b) - of(a) || byName(a.server, b.server));
}

function tops(rows: readonly TopRow[], title: string, width: number, look: Look, f: Figures): Line[] {
  if (rows.length === 0) return nothing(`${title}: nothing in this span.`);
  const columns: Column<TopRow>[] = [
    { title: title.toUpperCase(), align: "left", width: 28, max: 400, rank: 0, cell: (row) => clean(row.key, look) },
    { title: "REQUESTS", align: "right", width: 9, rank: 0, cell: (row) => f.count(row.requests) },
    { title: "MORE BY", align: "right", width: 7, rank: 7, cell: (row) => (row.over === 0 ? "" : f.count(row.over)) },
    { title: "SHARE", align: "right", width: 7, rank: 1, cell: (row) => f.share(row.share) },
    { title: "BYTES", align: "right", width: 8, rank: 6, cell: (row) => f.bytes(row.bytes) },
    {
      title: "ERRORS",
      align: "right",
      width: 7,
      rank: 3,
      cell: (row) => span(f.count(row.errors), errorStyle(row.requests > 0 ? row.errors / row.requests : 0)),
    },
    { title: "TIME", align: "right", width: 7, rank: 2, cell: (row) => f.seconds(row.meanTimeS) },
    {
      title: "TREND",
      align: "left",
      width: 10,
      max: 30,
      rank: 5,
      cell: (row, own) => span(spark(row.trend, own, look), "accent"),
    },
  ];
  return table(columns, rows, width, look);
}

function codes({ codes: rows }: Overview, width: number, look: Look, f: Figures): Line[] {
  if (rows.length === 0) return nothing("No request in this span.");
  const columns: Column<(typeof rows)[number]>[] = [
    {
      title: "CODE",
      align: "left",
      width: 4,
      rank: 0,
      cell: ({ status }) => span(status === 0 ? "?" : String(status), statusStyle(status)),
    },
    {
      title: "MEANING",
      align: "left",
      width: 16,
      max: 30,
      rank: 2,
      cell: ({ status }) => (status === 0 ? "not told" : (STATUS_NAMES[status] ?? "")),
    },
    { title: "COUNT", align: "right", width: 11, rank: 0, cell: (row) => f.count(row.requests) },
    { title: "RATE/S", align: "right", width: 9, rank: 0, cell: (row) => f.rate(row.perS) },
    { title: "SHARE", align: "right", width: 7, rank: 1, cell: (row) => f.share(row.share) },
    {
      title: "",
      align: "left",
      width: 8,
      max: 60,
      rank: 3,
      cell: (row, own) =>
        span(
          look.blocks.at(-1)!.repeat(Math.ceil(Math.min(1, Math.max(0, row.share || 0)) * own)),
          statusStyle(row.status),
        ),
    },
  ];
  return table(columns, rows, width, look);
}

function sessions({ sessions: all, atUs }: Overview, width: number, look: Look, f: Figures): Line[] {
  if (all.rows.length === 0) return nothing("Nobody is online.");
  const columns: Column<SessionRow>[] = [
    {
      title: "VISITOR",
      align: "left",
      width: 15,
      max: 40,
      rank: 0,
      cell: (row) => span(clean(row.visitor, look), row.robot ? "dim" : "bold"),
    },
    { title: "PAGES", align: "right", width: 5, rank: 2, cell: (row) => f.count(row.pages) },
    { title: "REQ", align: "right", width: 6, rank: 3, cell: (row) => f.count(row.requests) },
    { title: "FOR", align: "right", width: 7, rank: 1, cell: (row) => spanOf((row.lastUs - row.startUs) / 1e6) },
    { title: "AGO", align: "right", width: 6, rank: 4, cell: (row) => spanOf((atUs - row.lastUs) / 1e6) },
    {
      title: "AT",
      align: "left",
      width: 14,
      max: 80,
      rank: 0,
      cell: (row) => clean(row.exitPage ?? row.clicks.at(-1)?.path ?? look.none, look),
    },
    {
      title: "SERVERS",
      align: "left",
      width: 12,
      max: 30,
      rank: 5,
      cell: (row) => clean(row.servers.join(" "), look),
    },
    {
      title: "AGENT",
      align: "left",
      width: 12,
      max: 30,
      rank: 6,
      cell: (row) => clean(agentOf(row), look),
    },
  ];
  return table(columns, all.rows, width, look);
}

/** "Firefox, Windows", "robot: Googlebot". */
function agentOf({ agent, robot }: SessionRow): string {
  const known = classify(agent);
  if (robot || known.robot !== undefined) return `robot: ${known.robot ?? agent}`;
  return known.browser.startsWith("(") ? agent : `${known.browser}, ${known.system}`;
}

function anomalies({ anomalies: all, atUs }: Overview, width: number, look: Look): Line[] {
  if (all.length === 0) return nothing("Nothing unusual.");
  const columns: Column<Anomaly>[] = [
    { title: "SINCE", align: "left", width: 8, rank: 1, cell: (row) => clock(row.openedUs) },
    {
      title: "FOR",
      align: "right",
      width: 7,
      rank: 2,
      cell: (row) => spanOf(((row.closedUs ?? atUs) - row.openedUs) / 1e6),
    },
    {
      title: "STATE",
      align: "left",
      width: 5,
      rank: 0,
      cell: (row) => (row.closedUs === null ? span("OPEN", "bad") : span("over", "dim")),
    },
    { title: "KIND", align: "left", width: 11, rank: 3, cell: (row) => clean(row.kind, look) },
    { title: "GROUP", align: "left", width: 10, max: 20, rank: 4, cell: (row) => clean(row.group, look) },
    { title: "WHAT", align: "left", width: 20, max: 200, rank: 0, cell: (row) => clean(row.text, look) },
  ];
  const open = all.filter(({ closedUs }) => closedUs === null);
  return table(columns, [...open, ...all.filter((row) => !open.includes(row))], width, look);
}

function nothing(text: string): Line[] {
  return [[span(text, "dim")]];
}
