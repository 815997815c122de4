import { useRef, useState } from "preact/hooks";
import type { Overview, SessionRow, Sessions as Snapshot } from "../../../src/metrics/snapshot.ts";
import { addressOf, filtersOf, getJson } from "../data/api.ts";
import { usePoll } from "../data/use-poll.ts";
import type { View } from "../data/view.ts";
import { agentWords } from "../text/agent.ts";
import * as figures from "../text/figures.ts";
import { clock } from "../text/moment.ts";
import { visible } from "../text/visible.ts";

const SHOWN = 12;
const FOUND = 50;
/** The order changes this often only: on a busy site other visitors are the latest in every second, ms. */
const CALM_MS = 5000;

interface Shown {
  rows: readonly SessionRow[];
  sinceMs: number;
}

interface Props {
  readonly overview: Overview;
  readonly view: View;
  readonly replaying: boolean;
}

/** Who is online, and where each has been. */
export function Sessions({ overview, view, replaying }: Props) {
  const [query, setQuery] = useState("");
  const [openId, setOpenId] = useState<string>();
  const held = useRef(false);
  const shown = useRef<Shown>({ rows: [], sinceMs: 0 });
  const found = usePoll<Snapshot>(
    query !== "" && !replaying
      ? addressOf("v1/metrics/sessions", { ...filtersOf(view), limit: FOUND, q: query })
      : undefined,
    2000,
    getJson,
  );
  const { sessions } = overview;
  const given = query !== "" && found !== undefined ? found.rows : sessions.rows;
  const fresh = query === "" ? given.slice(0, SHOWN) : given.filter((row) => !replaying || matches(row, query));
  const calm = query === "" && (held.current || Date.now() - shown.current.sinceMs < CALM_MS);
  if (calm) shown.current.rows = keepPlaces(shown.current.rows, given, fresh);
  else shown.current = { rows: withOpen(fresh, shown.current.rows, openId), sinceMs: Date.now() };
  const { rows } = shown.current;
  const release = (event: Event) => {
    const inside = (event.currentTarget as HTMLElement).contains((event as FocusEvent).relatedTarget as Node | null);
    if (!inside) held.current = false;
  };
  const hold = () => {
    held.current = true;
  };
  return (
    <section class="panel area-sessions" aria-labelledby="sessions-title">
      <div class="panel-head">
        <h2 id="sessions-title">Online</h2>
        <span class="dim">
          {figures.text(figures.count(sessions.online))} visitors
          {sessions.robotsOnline > 0 && `, ${figures.text(figures.count(sessions.robotsOnline))} robots`}
        </span>
        <input
          type="search"
          class="find"
          placeholder="Find a visitor"
          aria-label="Find a visitor"
          value={query}
          onInput={(event) => setQuery(event.currentTarget.value)}
        />
      </div>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: rows keep their places while somebody reads or points at them. */}
      <div class="scroll tall" onMouseEnter={hold} onMouseLeave={release} onFocusIn={hold} onFocusOut={release}>
        <table class="rows sessions">
          <thead>
            <tr>
              <th scope="col" class="left">
                Visitor
              </th>
              <th scope="col" class="left col-where">
                Where
              </th>
              <th scope="col" class="rank-2" title="Pages / requests">
                Pages
              </th>
              <th scope="col">Time</th>
              <th scope="col" class="left rank-2">
                Servers
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <Row
                key={row.id}
                row={row}
                atUs={overview.scope.toUs}
                replaying={replaying}
                open={openId === row.id}
                toggle={() => setOpenId(openId === row.id ? undefined : row.id)}
              />
            ))}
          </tbody>
        </table>
        {rows.length === 0 && (
          <p class="nothing">{query === "" ? "Nobody is online." : "Nobody like that is online."}</p>
        )}
      </div>
    </section>
  );
}

interface RowProps {
  readonly row: SessionRow;
  readonly atUs: number;
  readonly replaying: boolean;
  readonly open: boolean;
  readonly toggle: () => void;
}

function Row({ row, atUs, replaying, open, toggle }: RowProps) {
  const last = row.clicks.at(-1);
  return (
    <>
      <tr class={open ? "is-expanded" : undefined} data-session={row.id}>
        <th scope="row" class="left">
          <button type="button" class="name expand" aria-expanded={open} onClick={toggle}>
            <svg viewBox="0 0 10 10" class="caret" aria-hidden="true">
              <path d="M3 1l4 4-4 4" />
            </svg>
            <bdi>{visible(row.visitor, 60)}</bdi>
          </button>
          <small class="dim">
            <bdi title={visible(row.agent, 300)}>{visible(agentWords(row.agent), 60)}</bdi>
            {row.robot && <span class="flag">robot</span>}
          </small>
        </th>
        <td class="left col-where">
          <bdi title={visible(last?.path ?? "", 300)}>{visible(last?.path ?? "", 200)}</bdi>
        </td>
        <td class="rank-2">
          {row.pages}
          <span class="dim">/{row.requests}</span>
        </td>
        <td title={`last seen ${clock(row.lastUs / 1e6)}`}>
          {figures.text(figures.span((row.lastUs - row.startUs) / 1e6))}
        </td>
        <td class="left rank-2 crossed">
          <bdi>{row.servers.map((name) => visible(name, 30)).join(", ")}</bdi>
        </td>
      </tr>
      {open && (
        <tr class="detail">
          <td colSpan={5}>
            <ClickStream row={row} atUs={atUs} replaying={replaying} />
          </td>
        </tr>
      )}
    </>
  );
}

/** What one visitor did, newest first, and which server answered. */
function ClickStream({ row, atUs, replaying }: Omit<RowProps, "open" | "toggle">) {
  const address = addressOf(`v1/metrics/sessions/${encodeURIComponent(row.id)}`);
  const asked = usePoll<SessionRow>(replaying ? undefined : address, 3000, getJson);
  const whole = asked !== undefined && asked.lastUs >= row.lastUs ? asked : row;
  const clicks = whole.clicks.toReversed();
  return (
    <div class="stream">
      <p class="dim">
        Since {clock(whole.startUs / 1e6)} · {whole.requests} requests · {figures.text(figures.bytes(whole.bytes))} ·
        last seen {figures.text(figures.span((atUs - whole.lastUs) / 1e6))} ago · {crossed(whole.servers)}
      </p>
      <ol class="clicks" aria-label="Clicks, newest first">
        {clicks.map((click, at) => (
          <li key={`${click.timeUs} ${clicks.length - at}`}>
            <time>{clock(click.timeUs / 1e6)}</time>
            <span class={`code is-class-${Math.floor(click.status / 100)}`}>{click.status}</span>
            <bdi class="path" title={visible(click.path, 300)}>
              {click.method === "GET" ? "" : `${visible(click.method, 20)} `}
              {visible(click.path, 300)}
            </bdi>
            <bdi
              class={`by${clicks[at + 1] !== undefined && clicks[at + 1]!.server !== click.server ? " is-other" : ""}`}
            >
              {visible(click.server, 30)}
            </bdi>
          </li>
        ))}
      </ol>
    </div>
  );
}

function crossed(servers: readonly string[]): string {
  return servers.length === 1 ? "one server" : `${servers.length} servers`;
}

function matches({ visitor, agent, clicks }: SessionRow, query: string): boolean {
  const wanted = query.toLowerCase();
  return [visitor, agent, clicks.at(-1)?.path ?? ""].some((text) => text.toLowerCase().includes(wanted));
}

/** Rows stay where they are, with what is known of them now; new ones fill what is free. */
function keepPlaces(
  kept: readonly SessionRow[],
  given: readonly SessionRow[],
  fresh: readonly SessionRow[],
): readonly SessionRow[] {
  const byId = new Map(given.map((row) => [row.id, row]));
  const ids = new Set(kept.map(({ id }) => id));
  const free = Math.max(SHOWN - kept.length, 0);
  return [...kept.map((row) => byId.get(row.id) ?? row), ...fresh.filter(({ id }) => !ids.has(id)).slice(0, free)];
}

/** A visitor who is being looked at stays, at the top, when others have been active since. */
function withOpen(
  fresh: readonly SessionRow[],
  before: readonly SessionRow[],
  openId: string | undefined,
): readonly SessionRow[] {
  const open = before.find(({ id }) => id === openId);
  return open === undefined || fresh.some(({ id }) => id === openId) ? fresh : [open, ...fresh];
}
