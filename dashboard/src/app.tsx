import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { addressOf, getJson } from "./data/api.ts";
import { type Feed, follow, NO_FEED } from "./data/feed.ts";
import { usePoll } from "./data/use-poll.ts";
import { hashOf, LIVE, type Range, SHORTEST_S, SPANS, type View, viewOf } from "./data/view.ts";
import { Header } from "./header/header.tsx";
import { Help } from "./header/help.tsx";
import { edgesOf } from "./header/range-picker.tsx";
import { ReplayBar } from "./header/replay-bar.tsx";
import { chooseTheme, isDark } from "./header/theme.ts";
import { Anomalies } from "./panels/anomalies.tsx";
import { Codes } from "./panels/codes.tsx";
import { Figures } from "./panels/figures.tsx";
import { Empty, Loading, Refused } from "./panels/notices.tsx";
import { Servers } from "./panels/servers.tsx";
import { Sessions } from "./panels/sessions.tsx";
import { Tail } from "./panels/tail.tsx";
import { Tops } from "./panels/tops.tsx";
import { TrafficCharts } from "./panels/traffic-charts.tsx";
import { moment } from "./text/moment.ts";

/** Groups are looked for this often, ms. */
const GROUPS_MS = 10_000;
/** Names of servers that are remembered for the filter. */
const MAX_SERVERS = 500;

interface BusStatus {
  readonly groups: readonly { readonly group: string }[];
}

export function App() {
  const [view, setView] = useView();
  const feed = useFeed(view);
  const [replayOpen, setReplayOpen] = useState(view.range.kind === "replay");
  const [help, setHelp] = useState(false);
  const [paused, setPaused] = useState(false);
  const [theme, setTheme] = useState(() => (isDark() ? "dark" : "light"));
  const retheme = useCallback(() => setTheme(isDark() ? "dark" : "light"), []);
  useEffect(() => {
    const system = matchMedia("(prefers-color-scheme: dark)");
    system.addEventListener("change", retheme);
    return () => system.removeEventListener("change", retheme);
  }, [retheme]);
  const change = useCallback((part: Partial<View>) => setView((old) => ({ ...old, ...part })), [setView]);
  const choose = useCallback((range: Range) => change({ range }), [change]);
  const zoom = useCallback((fromS: number, toS: number) => choose({ kind: "fixed", fromS, toS }), [choose]);
  useKeys({
    view,
    choose,
    themeChanged: retheme,
    toggleReplay: () => setReplayOpen((open) => !open),
    toggleHelp: () => setHelp((open) => !open),
    togglePaused: () => setPaused((is) => !is),
  });
  const bus = usePoll<BusStatus>(addressOf("v1/groups"), GROUPS_MS, getJson);
  const groups = (bus?.groups ?? []).map(({ group }) => group).filter((name) => !name.startsWith("$"));
  const { overview, link } = feed;
  const servers = useServers(overview?.servers.map(({ server }) => server) ?? []);
  const replaying = view.range.kind === "replay";
  const refused = link.kind === "refused" ? link.refusal : undefined;
  const empty =
    bus !== undefined && groups.length === 0 && (overview?.totals.requests ?? 0) === 0 && refused === undefined;
  useTitle(feed);
  return (
    <>
      {overview?.simulated === true && (
        <p class="banner" role="note">
          <strong>Simulated</strong> No real site, no real visitors: this is the demo.
        </p>
      )}
      <Header
        feed={feed}
        view={view}
        groups={groups}
        servers={servers}
        replayOpen={replayOpen}
        change={change}
        toggleReplay={() => setReplayOpen(!replayOpen)}
        themeChanged={retheme}
        help={() => setHelp(true)}
      />
      {(replayOpen || replaying) && (
        <ReplayBar feed={feed} range={view.range} choose={choose} close={() => setReplayOpen(false)} />
      )}
      <main id="main" tabIndex={-1} class={staleness(feed, replaying)} data-link={link.kind}>
        {view.range.kind === "fixed" && !replayOpen && (
          <p class="fixed-note">
            <span>
              {moment(view.range.fromS)} – {moment(view.range.toS)}
            </span>
            <button type="button" class="control" onClick={() => choose(widened(view.range))}>
              Zoom out
            </button>
            <button type="button" class="control" onClick={() => choose(LIVE)}>
              Back to live
            </button>
          </p>
        )}
        {refused !== undefined && <Refused refusal={refused} />}
        {empty && <Empty />}
        {overview === undefined && refused === undefined && !empty && (
          <Loading lost={link.kind === "lost" ? "The node does not answer" : undefined} />
        )}
        {overview !== undefined && !empty && (
          <div class="grid">
            <Figures overview={overview} online={feed.online} moving={view.range.kind !== "fixed"} />
            <TrafficCharts overview={overview} theme={theme} zoom={zoom} />
            <Servers overview={overview} chosen={view.servers} choose={(chosen) => change({ servers: chosen })} />
            <Anomalies anomalies={overview.anomalies} atUs={overview.scope.toUs} view={view} replaying={replaying} />
            <Tops overview={overview} view={view} />
            <Codes codes={overview.codes} />
            <Sessions overview={overview} view={view} replaying={replaying} />
            <Tail groups={view.groups} paused={paused} setPaused={setPaused} />
          </div>
        )}
      </main>
      <Help open={help} close={() => setHelp(false)} />
    </>
  );
}

/** The view, kept in the address. */
function useView(): [View, (change: (old: View) => View) => void] {
  const [view, setView] = useState(() => viewOf(location.hash));
  useEffect(() => {
    const onHash = () => setView((old) => (location.hash === hashOf(old) ? old : viewOf(location.hash)));
    window.addEventListener("hashchange", onHash);
    return () => window.removeEventListener("hashchange", onHash);
  }, []);
  useEffect(() => {
    const hash = hashOf(view);
    if (location.hash !== hash && (location.hash !== "" || hash !== hashOf({ ...view, ...START }))) {
      history.replaceState(null, "", hash);
    }
  }, [view]);
  return [view, setView];
}

const START: View = { groups: [], servers: [], range: LIVE };

function useFeed(view: View): Feed {
  const [feed, setFeed] = useState<Feed>(NO_FEED);
  useEffect(() => {
    const abort = new AbortController();
    setFeed((old) => ({ ...old, link: { kind: "connecting" } }));
    void follow(view, (part) => !abort.signal.aborted && setFeed((old) => ({ ...old, ...part })), abort.signal);
    return () => abort.abort();
  }, [view]);
  return feed;
}

/** Every server that was seen: one that is filtered out must stay in the list. */
function useServers(now: readonly string[]): readonly string[] {
  const seen = useRef<Set<string>>(new Set());
  for (const name of now) if (seen.current.size < MAX_SERVERS) seen.current.add(name);
  return [...seen.current];
}

function useTitle({ link, overview }: Feed): void {
  const open = overview?.anomalies.filter(({ closedUs }) => closedUs === null).length ?? 0;
  const title = `${link.kind === "lost" ? "✕ " : open > 0 ? `▲ ${open} · ` : ""}logspread`;
  useEffect(() => {
    document.title = title;
  }, [title]);
}

function staleness({ link }: Feed, replaying: boolean): string {
  return `${link.kind === "lost" ? "is-stale" : ""}${replaying ? " is-replay" : ""}`;
}

function widened(range: Range): Range {
  const { fromS, toS } = edgesOf(range);
  const half = (toS - fromS) / 2;
  return { kind: "fixed", fromS: fromS - half, toS: Math.min(toS + half, Date.now() / 1000) };
}

function narrowed(range: Range): Range {
  const { fromS, toS } = edgesOf(range);
  const quarter = (toS - fromS) / 4;
  if (2 * quarter < SHORTEST_S) return range;
  return { kind: "fixed", fromS: fromS + quarter, toS: toS - quarter };
}

interface Keys {
  readonly view: View;
  readonly choose: (range: Range) => void;
  readonly themeChanged: () => void;
  readonly toggleReplay: () => void;
  readonly toggleHelp: () => void;
  readonly togglePaused: () => void;
}

/** Single keys, unless somebody is writing. */
function useKeys(keys: Keys): void {
  const latest = useRef(keys);
  latest.current = keys;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if ((event.target as HTMLElement).closest("input:not([type=range]):not([type=checkbox]), select, textarea"))
        return;
      if (press(event.key, latest.current)) event.preventDefault();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}

/** Whether the key means something here. */
function press(key: string, { view, choose, ...keys }: Keys): boolean {
  const span = SPANS[Number(key) - 1];
  if (span !== undefined) choose({ kind: "last", spanS: span.spanS });
  else if (key === "l") choose(LIVE);
  else if (key === "-" || key === "−") choose(widened(view.range));
  else if (key === "+" || key === "=") choose(narrowed(view.range));
  else if (key === "g") document.getElementById("filter-groups")?.click();
  else if (key === "s") document.getElementById("filter-servers")?.click();
  else if (key === "r") keys.toggleReplay();
  else if (key === "/") document.getElementById("tail-filter")?.focus();
  else if (key === "p") keys.togglePaused();
  else if (key === "?") keys.toggleHelp();
  else if (key === "t") {
    chooseTheme(isDark() ? "light" : "dark");
    keys.themeChanged();
  } else return false;
  return true;
}
