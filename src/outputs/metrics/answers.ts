/** Answers questions from the engine and from history. */
import type { Past } from "../../metrics/engine.ts";
import { stepFor } from "../../metrics/overview.ts";
import type { Overview, Scope } from "../../metrics/snapshot.ts";
import { type History, STEPS } from "./history.ts";
import type { Filter, Query, Range } from "./messages.ts";
import type { MetricsParts } from "./parts.ts";
import { quoted } from "./traffic.ts";

/** Sessions in an overview, and clicks of each; a question about one session tells more. */
const SESSION_ROWS = 30;
const CLICKS = 12;
/** Stretches of history that are kept merged: those that several pages look at. */
const REMEMBERED = 4;

export interface AnswersDeps {
  readonly parts: MetricsParts;
  readonly history: History;
  readonly simulated: boolean;
  readonly lagS: () => number;
}

export class Answers {
  readonly #deps: AnswersDeps;
  readonly #pasts = new Map<string, Past>();

  constructor(deps: AnswersDeps) {
    this.#deps = deps;
  }

  /** JSON, or Prometheus text; undefined if there is no such thing. */
  answer(query: Query): string | undefined {
    const { parts, simulated, lagS } = this.#deps;
    switch (query.kind) {
      case "overview": {
        const { view, scope } = this.#view(query.filter, query.range);
        const options = { topRows: query.topRows, sessionRows: SESSION_ROWS, lagS: lagS(), simulated };
        return JSON.stringify(withFewerClicks(view.overview(scope, options), CLICKS));
      }
      case "top": {
        const { view, scope } = this.#view(query.filter, query.range);
        return JSON.stringify({ scope, rows: view.top(query.list, scope, query.limit) });
      }
      case "sessions": {
        const scope = { ...query.filter, fromUs: 0, toUs: parts.engine.nowUs };
        const rows = parts.visits.search(query.text, scope, query.limit);
        return JSON.stringify({ ...parts.visits.snapshot(scope, 0), rows });
      }
      case "session": {
        const session = parts.visits.session(query.id);
        return session && JSON.stringify(session);
      }
      case "anomalies":
        return JSON.stringify({ rows: parts.anomalies.within(this.#scope(query.filter, query.range)) });
      case "traffic":
        return this.#traffic();
      default:
        query satisfies never;
        return undefined;
    }
  }

  #scope({ groups, servers }: Filter, range: Range): Scope {
    if (!("lastS" in range)) return { groups, servers, fromUs: range.fromUs, toUs: range.toUs };
    const nowUs = this.#deps.parts.engine.nowUs;
    const toUs = nowUs - (nowUs % 1e6);
    return { groups, servers, fromUs: Math.max(0, toUs - range.lastS * 1e6), toUs };
  }

  /** Memory, or history where memory does not go back far enough and history goes further. */
  #view(filter: Filter, range: Range): { readonly view: Past; readonly scope: Scope } {
    const { parts, history } = this.#deps;
    const { engine } = parts;
    const scope = this.#scope(filter, range);
    const fromS = Math.floor(scope.fromUs / 1e6);
    const inMemoryS = engine.minutes[0] ?? engine.minuteS;
    const oldestS = Math.min(...STEPS.map((step) => history.oldest(step) ?? Number.POSITIVE_INFINITY));
    if (fromS >= inMemoryS || oldestS >= inMemoryS) return { view: engine, scope };
    const toS = Math.min(Math.ceil(scope.toUs / 60e6) * 60, engine.minuteS);
    const wantedS = stepFor(Math.max(0, toS - fromS));
    // Where minutes are gone already, hours stand for them.
    const longest = wantedS === 60 && (history.oldest(60) ?? Number.POSITIVE_INFINITY) > fromS ? 3600 : wantedS;
    const startS = Math.max(fromS, oldestS) - (Math.max(fromS, oldestS) % longest);
    const key = `${startS} ${toS} ${longest} ${engine.minuteS}`;
    let view = this.#pasts.get(key);
    this.#pasts.delete(key);
    view ??= engine.past(history.span(startS, toS, longest));
    this.#pasts.set(key, view);
    for (const oldest of this.#pasts.keys()) {
      if (this.#pasts.size <= REMEMBERED) break;
      this.#pasts.delete(oldest);
    }
    return { view, scope: { ...scope, fromUs: startS * 1e6 } };
  }

  #traffic(): string {
    const { parts } = this.#deps;
    const nowUs = parts.engine.nowUs;
    const { online } = parts.visits.snapshot({ groups: [], servers: [], fromUs: nowUs, toUs: nowUs }, 0);
    const unparsed = new Map<string, number>();
    for (const { server, name, unparsed: lines } of parts.parsers) {
      if (lines === 0) continue;
      const labels = `source=${quoted(server)},format=${quoted(name)}`;
      unparsed.set(labels, (unparsed.get(labels) ?? 0) + lines);
    }
    return [
      parts.traffic.text(),
      "# HELP logspread_sessions_active Visits of people with a request in the last minutes\n",
      "# TYPE logspread_sessions_active gauge\n",
      `logspread_sessions_active ${online}\n`,
      "# HELP logspread_lines_unparsed_total Log lines that are not in the format\n",
      "# TYPE logspread_lines_unparsed_total counter\n",
      ...[...unparsed].map(([labels, lines]) => `logspread_lines_unparsed_total{${labels}} ${lines}\n`),
    ].join("");
  }
}

/** An overview is sent every second: it tells the latest clicks only. */
export function withFewerClicks(overview: Overview, clicks: number): Overview {
  const rows = overview.sessions.rows.map((row) => ({ ...row, clicks: row.clicks.slice(-clicks) }));
  return { ...overview, sessions: { ...overview.sessions, rows } };
}
