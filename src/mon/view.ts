/** The whole screen as lines: what the node tells, what the person has chosen, and the state of the connection. Pure. */
import type { Overview } from "../metrics/snapshot.ts";
import { clock, figuresFor, span as spanOf } from "./figures.ts";
import {
  clean,
  clip,
  clipLine,
  fit,
  type Line,
  type Look,
  lineWidth,
  type Span,
  type Style,
  span,
  widthOf,
} from "./line.ts";
import { errorStyle, panel, statusStyle, titleOf } from "./panels.ts";
import { columns, resample } from "./spark.ts";
import { isJoined, type State, TABS, type Tab } from "./state.ts";

/** How it stands with the node. Times are of the monitor's own clock, ms. */
export type Link =
  | { readonly kind: "connecting"; readonly node: string }
  | { readonly kind: "live"; readonly node: string }
  | {
      readonly kind: "lost";
      readonly node: string;
      readonly why: string;
      readonly sinceMs: number;
      readonly retryAtMs: number;
    }
  /** By the person. */
  | { readonly kind: "disconnected" };

export interface Feed {
  readonly link: Link;
  /** The latest, kept while the node is away. */
  readonly overview: Overview | undefined;
  /** When it came. */
  readonly receivedMs: number;
}

export interface Shown {
  readonly feed: Feed;
  readonly state: State;
  /** Groups that there are, for the list of them. */
  readonly known: readonly string[];
  readonly nowMs: number;
}

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

export interface View {
  /** As many as the terminal has rows, none wider than it. */
  readonly lines: readonly Line[];
  /** How far its panel can be scrolled. */
  readonly maxScroll: number;
}

/** Less than this shows the rates only. */
const LEAST_COLUMNS = 40;
const LEAST_ROWS = 10;
/** From here on the chart and, beside another panel, the servers have room. */
const CHART_ROWS = 20;
const TALL_ROWS = 36;
const FIGURE_WIDTH = 19;

export function view(shown: Shown, size: Size, look: Look): View {
  const { columns: width, rows } = size;
  const head = headOf(shown, width, look);
  const { lines, maxScroll } =
    width < LEAST_COLUMNS || rows < LEAST_ROWS
      ? { lines: [head, ...small(shown, look)], maxScroll: 0 }
      : full(shown, head, size, look);
  const filled = lines.slice(0, rows).map((line) => clipLine(line, width, look));
  while (filled.length < rows) filled.push([]);
  return { lines: filled, maxScroll };
}

function full(shown: Shown, head: Line, { columns: width, rows }: Size, look: Look): View {
  const { state, feed } = shown;
  const { overview } = feed;
  const above = [head, ...alertsOf(shown, width, look)];
  const foot = footOf(state, width, look);
  if (state.overlay.kind === "help") return finish(above, HELP.slice(0, rows - above.length - 1), foot, rows, 0);
  if (state.overlay.kind === "groups") {
    const room = rows - above.length - 1;
    return finish(above, groupsOf(shown, state.overlay.at, room, look), foot, rows, 0);
  }
  if (overview === undefined)
    return finish(above, [[], [span("  Waiting for the first figures...", "dim")]], foot, rows, 0);
  above.push(...figuresOf(overview, width, rows >= TALL_ROWS ? 5 : 4, look));
  if (rows >= CHART_ROWS) above.push(...chartOf(overview, width, rows >= TALL_ROWS ? 5 : 3, look));
  let room = rows - above.length - 1;
  if (rows >= TALL_ROWS && state.tab !== "servers") {
    const servers = panel("servers", state, overview, width, look);
    const most = Math.floor(room / 2) - 1;
    above.push(ruleOf("servers", state, overview, width, look), ...cut(servers, 0, most, width, look).lines);
    room = rows - above.length - 1;
  }
  above.push(tabsOf(state, overview, width, look));
  const { lines, maxScroll } = cut(panel(state.tab, state, overview, width, look), state.scroll, room - 1, width, look);
  return finish(above, lines, foot, rows, maxScroll);
}

function finish(
  above: readonly Line[],
  panelLines: readonly Line[],
  foot: Line,
  rows: number,
  maxScroll: number,
): View {
  const lines = [...above, ...panelLines].slice(0, rows - 1);
  while (lines.length < rows - 1) lines.push([]);
  return { lines: [...lines, foot], maxScroll };
}

/** The head of a panel and as many of its rows as `room` has, from `scroll` on; the last says how many more there are. */
function cut(lines: readonly Line[], scroll: number, room: number, width: number, look: Look): View {
  const [head, ...body] = lines as [Line, ...Line[]];
  const most = Math.max(1, room - 1);
  if (body.length <= most) return { lines, maxScroll: 0 };
  const seen = Math.max(1, most - 1);
  const maxScroll = body.length - seen;
  const from = Math.min(scroll, maxScroll);
  const note = `${from + 1} to ${from + seen} of ${body.length}: arrow keys show more`;
  return { lines: [head, ...body.slice(from, from + seen), [span(clip(note, width, look), "dim")]], maxScroll };
}

function headOf({ feed, state, nowMs }: Shown, width: number, look: Look): Line {
  const { link, overview } = feed;
  const groups = state.groups.length === 0 ? "all groups" : state.groups.join(", ");
  const left = ` logspread  ${clean(groups, look)}, last ${spanOf(state.spanS)}`;
  const tags: string[] = [];
  if (overview?.simulated) tags.push("SIMULATED");
  if (state.paused) tags.push("PAUSED");
  tags.push(link.kind === "live" ? "live" : link.kind);
  if (overview !== undefined) {
    tags.push(`data ${spanOf((nowMs - feed.receivedMs) / 1000)} old`);
    if (overview.lagS >= 1) tags.push(`lag ${spanOf(overview.lagS)}`);
    tags.push(clock(overview.atUs));
  }
  const short = ` ${tags.join("  ")} `;
  const long = link.kind === "disconnected" ? short : ` ${clean(link.node, look)} ${short}`;
  const right = widthOf(left) + widthOf(long) <= width ? long : clip(short, width, look);
  return [span(fit(left, Math.max(0, width - widthOf(right)), "left", look) + right, "bar")];
}

function alertsOf({ feed, state, nowMs }: Shown, width: number, look: Look): Line[] {
  const alerts: Line[] = [];
  const { link, overview } = feed;
  const say = (text: string, style: Style) => alerts.push([span(clip(text, width, look), style)]);
  if (link.kind === "lost") {
    const again = Math.max(0, Math.ceil((link.retryAtMs - nowMs) / 1000));
    say(
      ` ${clean(link.node, look)} gone for ${spanOf((nowMs - link.sinceMs) / 1000)}, next try in ${again} s: ${clean(link.why, look)}`,
      "bad",
    );
  } else if (link.kind === "disconnected") say(" Disconnected: c connects again", "warn");
  if (state.notice !== "") say(` ${clean(state.notice, look)}`, "warn");
  const open = overview?.anomalies.filter(({ closedUs }) => closedUs === null) ?? [];
  if (open.length > 0 && state.overlay.kind === "none" && state.tab !== "anomalies") {
    const more = open.length > 1 ? ` (and ${open.length - 1} more: key 5)` : "";
    const room = width - widthOf(more);
    alerts.push([span(clip(` ! ${clean(open.at(-1)!.text, look)}`, room, look), "bad"), span(more, "bad")]);
  }
  return alerts;
}

interface Figure {
  readonly name: string;
  readonly value: string;
  readonly style?: Style;
}

/** At most `most` lines of figures; the most telling come first. */
export function figuresOf(
  { now, totals, sessions, series }: Overview,
  width: number,
  most: number,
  look: Look,
): Line[] {
  const f = figuresFor(look);
  const unparsed = Object.values(totals.unparsed).reduce((sum, count) => sum + count, 0);
  const ofAll = (count: number) => (totals.requests > 0 ? count / totals.requests : null);
  const seconds = series.requests.length * series.stepS;
  const perClass: Figure[] = [2, 3, 4, 5].map((index) => ({
    name: `${index}xx`,
    value: f.share(ofAll(totals.classes[index as 2])),
    style: totals.classes[index as 2] > 0 ? statusStyle(index * 100) : "plain",
  }));
  const figures: Figure[] = [
    { name: "Requests/s", value: f.rate(now.requestsPerS) },
    { name: "Band", value: `${f.bytes(now.bytesPerS)}/s` },
    { name: "5xx now", value: f.share(now.errorShare), style: errorStyle(now.errorShare) },
    { name: "Online", value: f.count(sessions.online) },
    { name: "Requests", value: f.count(totals.requests) },
    { name: "Bulk", value: f.bytes(totals.bytes) },
    { name: "5xx", value: f.share(totals.errorShare), style: errorStyle(totals.errorShare) },
    { name: "Visitors", value: f.count(totals.visitors) },
    { name: "Time p50", value: f.seconds(totals.time?.p50 ?? null) },
    { name: "Time p95", value: f.seconds(totals.time?.p95 ?? null) },
    { name: "Time p99", value: f.seconds(totals.time?.p99 ?? null) },
    ...(unparsed > 0 ? [{ name: "Unparsed", value: f.count(unparsed), style: "warn" as const }] : []),
    { name: "Size p50", value: f.bytes(totals.size?.p50 ?? null) },
    ...perClass.slice(0, 3),
    { name: "Robots", value: f.share(ofAll(totals.robots)) },
    perClass[3]!,
    { name: "Size p95", value: f.bytes(totals.size?.p95 ?? null) },
    { name: "Visits", value: f.count(sessions.visits) },
    { name: "Visit", value: f.seconds(sessions.meanLengthS) },
    { name: "Pages", value: f.rate(sessions.meanPages) },
    { name: "Time max", value: f.seconds(totals.time?.max ?? null) },
    { name: "Mean/s", value: f.rate(seconds > 0 ? totals.requests / seconds : null) },
  ];
  const across = Math.max(1, Math.floor((width + 1) / (FIGURE_WIDTH + 1)));
  const cell = Math.floor(width / across);
  const lines: Line[] = [];
  for (let from = 0; from < figures.length && lines.length < most; from += across) {
    const line: Span[] = [];
    for (const { name, value, style = "bold" } of figures.slice(from, from + across)) {
      const label = ` ${name} `;
      line.push(span(label, "dim"));
      line.push(
        span(fit(value, cell - label.length - 1, "right", look), style === "plain" ? "bold" : style),
        span(" "),
      );
    }
    lines.push(line);
  }
  return lines;
}

/** Requests a second over the span, in columns that redden with the share of 5xx. */
function chartOf({ series }: Overview, width: number, height: number, look: Look): Line[] {
  const f = figuresFor(look);
  const room = Math.max(10, width - 12);
  const perS = resample(
    series.requests.map((count) => count / series.stepS),
    room,
  );
  const errors = resample(series.classes[5] ?? [], room);
  const requests = resample(series.requests, room);
  const styleOf = (i: number): Style => {
    const style = errorStyle(requests[i]! > 0 ? (errors[i] ?? 0) / requests[i]! : 0);
    return style === "plain" ? "accent" : style;
  };
  const most = Math.max(...perS, 0);
  // Few steps are drawn wider, so that the chart is as long as the span.
  const each = Math.max(1, Math.floor(room / Math.max(1, perS.length)));
  const wide = perS.flatMap((value) => Array<number>(each).fill(value));
  const lines = columns(wide, most, height, (i) => styleOf(Math.floor(i / each)), look);
  return lines.map((line, row) => {
    const label = row === 0 ? `${f.rate(most)}/s` : row === height - 1 ? "0/s" : "";
    return [span(`${fit(label, 10, "right", look)} `, "dim"), ...line];
  });
}

function tabsOf(state: State, overview: Overview, width: number, look: Look): Line {
  const line: Span[] = [span(look.rule.repeat(2), "dim")];
  for (const [i, tab] of TABS.entries()) {
    if (tab === state.tab) line.push(span(`[${titleOf(tab, state, overview)}]`, "bold"));
    else line.push(span(` ${i + 1} ${tab} `, "dim"));
  }
  return ruled(line, width, look);
}

function ruleOf(tab: Tab, state: State, overview: Overview, width: number, look: Look): Line {
  return ruled([span(look.rule.repeat(2), "dim"), span(` ${titleOf(tab, state, overview)} `, "bold")], width, look);
}

function ruled(line: readonly Span[], width: number, look: Look): Line {
  const spare = width - lineWidth(line);
  return spare > 0 ? [...line, span(look.rule.repeat(spare), "dim")] : clipLine(line, width, look);
}

const KEYS: readonly (readonly [string, string])[] = [
  ["q", "quit"],
  ["?", "help"],
  ["t", "panel"],
  ["g", "groups"],
  ["s", "sort"],
  ["p", "pause"],
  ["+-", "span"],
  ["c", "connect"],
  ["l", "list"],
  ["n", "node"],
];

function footOf({ overlay, connected, paused }: State, width: number, look: Look): Line {
  if (overlay.kind === "groups") {
    return clipLine([span(" space join or leave   a all   arrows move   enter done", "dim")], width, look);
  }
  const line: Span[] = [];
  for (const [key, does] of KEYS) {
    const text = key === "c" && connected ? "disconnect" : key === "p" && paused ? "go on" : does;
    if (lineWidth(line) + key.length + text.length + 3 > width) break;
    line.push(span(` ${key}`, "bold"), span(` ${text} `, "dim"));
  }
  return line;
}

const HELP: readonly Line[] = [
  ["", ""],
  ["t, tab, arrows", "next panel: servers, pages, codes, sessions, anomalies"],
  ["1 2 3 4 5", "one of them"],
  ["up, down, pages", "scroll it"],
  ["s", "sort the servers by requests, bytes, errors, time or name"],
  ["l", "another list in the panel of pages: slowest, not found, ..."],
  ["g", "join and leave groups"],
  ["+  -", "longer and shorter span: 1 min to 24 h"],
  ["p, space", "pause what is shown, and go on"],
  ["c", "disconnect from the node, and connect"],
  ["n", "the next node of --to"],
  ["ctrl-l, ctrl-z", "draw everything anew; suspend"],
  ["q, ctrl-c", "quit"],
  ["", ""],
  ["REL", "share of 5xx over that of all servers together"],
  ["SKEW", "the server's clock against the node's: + is ahead"],
  ["", "All figures: docs/metrics.md. Any key closes this."],
].map(([key, does]) => [span(`  ${key!.padEnd(17)}`, "bold"), span(does!)]);

function groupsOf({ state, known, feed }: Shown, at: number, room: number, look: Look): Line[] {
  const counts = new Map(feed.overview?.groups.map(({ group, requests }) => [group, requests]));
  const f = figuresFor(look);
  const all = state.groups.length === 0;
  const rows = [
    { text: "all groups, also those to come", joined: all, count: "" },
    ...known.map((group) => ({
      text: clean(group, look),
      joined: isJoined(state, group),
      count: counts.has(group) ? `${f.count(counts.get(group)!)} requests` : "",
    })),
  ].map(({ text, joined, count }, i): Line => {
    const mark = joined ? "[x]" : "[ ]";
    const line = ` ${i === at ? ">" : " "} ${mark} ${fit(text, 40, "left", look)} ${count}`;
    return [span(line, i === at ? "bar" : joined ? "plain" : "dim")];
  });
  const list = Math.max(1, room - 2);
  const from = Math.max(0, Math.min(at - Math.floor(list / 2), rows.length - list));
  return [[span(" Groups", "bold")], ...rows.slice(from, from + list)];
}

/** For a terminal of a few lines. */
function small({ feed: { overview, link } }: Shown, look: Look): Line[] {
  if (overview === undefined) return [[span(link.kind)]];
  const f = figuresFor(look);
  const { now } = overview;
  return [
    [span(`${f.rate(now.requestsPerS)} requests/s`)],
    [span(`${f.bytes(now.bytesPerS)}/s`)],
    [span(`${f.share(now.errorShare)} 5xx`, errorStyle(now.errorShare))],
  ];
}
