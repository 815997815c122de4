/** What the page shows: filters and time. It stands in the address, so that a view can be sent to a colleague. */

/** The last `spanS` seconds as they go on; a fixed stretch of time; or one that is played again. */
export type Range =
  | { readonly kind: "last"; readonly spanS: number }
  | { readonly kind: "fixed"; readonly fromS: number; readonly toS: number }
  | { readonly kind: "replay"; readonly fromS: number; readonly toS: number; readonly speed: number };

export interface View {
  readonly groups: readonly string[];
  readonly servers: readonly string[];
  readonly range: Range;
}

export const SPANS: readonly { readonly spanS: number; readonly label: string; readonly words: string }[] = [
  { spanS: 60, label: "1m", words: "last minute" },
  { spanS: 300, label: "5m", words: "last 5 minutes" },
  { spanS: 900, label: "15m", words: "last 15 minutes" },
  { spanS: 3600, label: "1h", words: "last hour" },
  { spanS: 6 * 3600, label: "6h", words: "last 6 hours" },
  { spanS: 24 * 3600, label: "24h", words: "last 24 hours" },
  { spanS: 7 * 86_400, label: "7d", words: "last 7 days" },
];

export const SPEEDS = [1, 2, 5, 10, 30, 60] as const;

export const LIVE: Range = { kind: "last", spanS: 300 };

/** Shortest stretch that can be zoomed to, s. */
export const SHORTEST_S = 5;

/** The view that an address like "#range=1h&groups=web" asks for; what cannot be understood is as if it were not there. */
export function viewOf(hash: string): View {
  const query = new URLSearchParams(hash.replace(/^#/, ""));
  return { groups: listOf(query.get("groups")), servers: listOf(query.get("servers")), range: rangeOf(query) };
}

function rangeOf(query: URLSearchParams): Range {
  const from = secondsOf(query.get("from"));
  const to = secondsOf(query.get("to"));
  if (from !== undefined && to !== undefined && to - from >= SHORTEST_S) {
    const speed = Number(query.get("replay"));
    return speed >= 1 && speed <= 60
      ? { kind: "replay", fromS: from, toS: to, speed }
      : { kind: "fixed", fromS: from, toS: to };
  }
  const span = SPANS.find(({ label }) => label === query.get("range"));
  return span === undefined ? LIVE : { kind: "last", spanS: span.spanS };
}

export function hashOf({ groups, servers, range }: View): string {
  const query = new URLSearchParams();
  if (range.kind === "last") query.set("range", SPANS.find(({ spanS }) => spanS === range.spanS)?.label ?? "5m");
  else {
    query.set("from", new Date(range.fromS * 1000).toISOString());
    query.set("to", new Date(range.toS * 1000).toISOString());
    if (range.kind === "replay") query.set("replay", String(range.speed));
  }
  if (groups.length > 0) query.set("groups", groups.map(encodeURIComponent).join(","));
  if (servers.length > 0) query.set("servers", servers.map(encodeURIComponent).join(","));
  return `#${query}`;
}

function listOf(text: string | null): string[] {
  return (text ?? "").split(",").filter(Boolean).slice(0, 100).map(decoded);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function secondsOf(text: string | null): number | undefined {
  const s = text === null ? Number.NaN : new Date(text).getTime() / 1000;
  return Number.isFinite(s) ? s : undefined;
}
