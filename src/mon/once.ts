/** One overview as a plain report. */
import type { Overview } from "../metrics/snapshot.ts";
import { TITLES, time } from "../report/figures.ts";
import { span as spanOf } from "./figures.ts";
import { clean, type Line, type Look, lineWidth, type Span, span } from "./line.ts";
import { panel } from "./panels.ts";
import type { Sort } from "./state.ts";
import { figuresOf } from "./view.ts";

/** Of each list of pages, and of sessions. */
const ROWS = 10;

/** Lines, from the top; each ends in "\n" and no terminal is harmed by any. */
export function onceText(all: Overview, node: string, sort: Sort, width: number, look: Look): string {
  const overview = shortened(all);
  const { scope, lagS } = overview;
  const groups = scope.groups.length === 0 ? "all groups" : scope.groups.join(", ");
  const parts: Line[][] = [
    [
      [span(`logspread  ${clean(groups, look)}  ${clean(node, look)}${overview.simulated ? "  SIMULATED" : ""}`)],
      [span(`${time(scope.fromUs)} to ${time(scope.toUs)}, ${spanOf(lagS)} behind the bus`)],
    ],
    figuresOf(overview, width, 10, look),
    part("Servers", panel("servers", { list: "pages", sort }, overview, width, look)),
    part("Status codes", panel("codes", { list: "pages", sort }, overview, width, look)),
    ...(["pages", "slowest", "notFound"] as const)
      .filter((list) => (overview.tops[list] ?? []).length > 0)
      .map((list) => part(TITLES[list], panel("pages", { list, sort }, overview, width, look))),
    part("Sessions", panel("sessions", { list: "pages", sort }, overview, width, look)),
    part("Anomalies", panel("anomalies", { list: "pages", sort }, overview, width, look)),
  ];
  const text = (line: Line) =>
    line
      .map((each: Span) => each.text)
      .join("")
      .trimEnd();
  return `${parts.map((lines) => lines.map(text).join("\n")).join("\n\n")}\n`;
}

/** A report is read from the top: of what may be long it has the beginning. */
function shortened(overview: Overview): Overview {
  const tops = Object.fromEntries(Object.entries(overview.tops).map(([list, rows]) => [list, rows.slice(0, ROWS)]));
  return { ...overview, tops, sessions: { ...overview.sessions, rows: overview.sessions.rows.slice(0, ROWS) } };
}

function part(title: string, lines: readonly Line[]): Line[] {
  return [[span(`${title}:`)], ...lines.filter((line) => lineWidth(line) > 0)];
}
