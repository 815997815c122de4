import { useState } from "preact/hooks";
import type { Overview, TopList, TopRow } from "../../../src/metrics/snapshot.ts";
import { Spark } from "../charts/spark.tsx";
import { addressOf, filtersOf, getJson, timesOf } from "../data/api.ts";
import { usePoll } from "../data/use-poll.ts";
import type { View } from "../data/view.ts";
import * as figures from "../text/figures.ts";
import { visible } from "../text/visible.ts";
import { Fig } from "./fig.tsx";

interface Tab {
  readonly list: TopList;
  readonly label: string;
  /** What a row is. */
  readonly of: string;
}

const TABS: readonly Tab[] = [
  { list: "pages", label: "Pages", of: "Page" },
  { list: "pagesByBytes", label: "Bytes", of: "Page" },
  { list: "slowest", label: "Slowest", of: "Page" },
  { list: "notFound", label: "404", of: "Not found" },
  { list: "referrers", label: "Referrers", of: "Referrer" },
  { list: "referringSites", label: "Sites", of: "Referring site" },
  { list: "browsers", label: "Browsers", of: "Browser" },
  { list: "systems", label: "Systems", of: "System" },
  { list: "robots", label: "Robots", of: "Robot" },
  { list: "vhosts", label: "Hosts", of: "Virtual host" },
  { list: "countries", label: "Countries", of: "Country" },
  { list: "addresses", label: "Addresses", of: "Address" },
  { list: "entryPages", label: "Entry", of: "Entry page" },
  { list: "exitPages", label: "Exit", of: "Exit page" },
  { list: "methods", label: "Methods", of: "Method" },
  { list: "protocols", label: "Protocols", of: "Protocol" },
  { list: "users", label: "Users", of: "User" },
];

const FEW = 10;
const MANY = 100;

/** The top lists, one at a time. The last step of a trend is still being counted, so it is not drawn. */
export function Tops({ overview, view }: { readonly overview: Overview; readonly view: View }) {
  const [at, setAt] = useState(0);
  const [many, setMany] = useState(false);
  const { list, of } = TABS[at]!;
  const given = overview.tops[list];
  const more = usePoll<{ rows: TopRow[] }>(
    many || given === undefined
      ? addressOf(`v1/metrics/top/${list}`, {
          ...filtersOf(view),
          ...timesOf(coarse(view.range), overview.scope),
          limit: many ? MANY : FEW,
        })
      : undefined,
    5000,
    getJson,
  );
  const rows = (many || given === undefined ? more?.rows : given) ?? given ?? [];
  const most = Math.max(...rows.map(({ share }) => share), Number.MIN_VALUE);
  const move = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = (at + step + TABS.length) % TABS.length;
    setAt(next);
    document.getElementById(`tab-${TABS[next]!.list}`)?.focus();
  };
  return (
    <section class="panel area-tops" aria-label="Top lists">
      <div class="tabs" role="tablist" aria-label="Top lists" onKeyDown={move}>
        {TABS.map((tab, index) => (
          <button
            type="button"
            role="tab"
            key={tab.list}
            id={`tab-${tab.list}`}
            aria-selected={index === at}
            aria-controls="top-list"
            tabIndex={index === at ? 0 : -1}
            onClick={() => setAt(index)}
          >
            {tab.label}
          </button>
        ))}
      </div>
      <div id="top-list" role="tabpanel" aria-labelledby={`tab-${list}`} class={many ? "scroll tall" : "scroll"}>
        <table class="rows tops">
          <thead>
            <tr>
              <th scope="col" class="left">
                {of}
              </th>
              <th scope="col" class="left col-trend rank-2">
                Trend
              </th>
              <th scope="col">Requests</th>
              <th scope="col">Share</th>
              <th scope="col" class="rank-2">
                Bytes
              </th>
              <th scope="col" class="rank-3">
                Errors
              </th>
              <th scope="col" class="rank-2" title="Mean response time">
                Time
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, many ? MANY : FEW).map((row) => (
              <Row key={row.key} row={row} most={most} />
            ))}
          </tbody>
        </table>
        {rows.length === 0 && <p class="nothing">{nothing(list)}</p>}
      </div>
      <button
        type="button"
        class="control quiet"
        aria-expanded={many}
        disabled={rows.length < FEW && !many}
        onClick={() => setMany(!many)}
      >
        {many ? "Show fewer" : `Show up to ${MANY}`}
      </button>
    </section>
  );
}

/** Bars are of the first row's length, as the lists are of many small shares. */
function Row({ row, most }: { readonly row: TopRow; readonly most: number }) {
  const key = visible(row.key, 300);
  const bound = row.over > 0 ? `; at least ${figures.exact(row.requests - row.over)}` : "";
  return (
    <tr>
      <th scope="row" class="left key">
        <meter class="share" min={0} max={most} value={row.share} aria-hidden="true" />
        <bdi title={key}>{key === "" ? "(none)" : key}</bdi>
      </th>
      <td class="col-trend rank-2">{row.trend.length > 2 && <Spark values={row.trend.slice(0, -1)} tone="dim" />}</td>
      <td>
        <Fig {...figures.count(row.requests)} title={`${figures.exact(row.requests)} requests${bound}`} />
      </td>
      <td>
        <Fig {...figures.percent(row.share)} />
      </td>
      <td class="rank-2">
        <Fig {...figures.bytes(row.bytes)} />
      </td>
      <td class="rank-3">
        <Fig {...figures.percent(row.requests === 0 ? null : row.errors / row.requests)} />
      </td>
      <td class="rank-2">
        <Fig {...figures.seconds(row.meanTimeS)} />
      </td>
    </tr>
  );
}

/** A moving range changes every second; the address of a question must not. */
function coarse(range: View["range"]): View["range"] {
  if (range.kind !== "last") return range;
  const toS = Math.floor(Date.now() / 10_000) * 10 + 10;
  return { kind: "fixed", fromS: toS - range.spanS, toS };
}

function nothing(list: TopList): string {
  if (list === "countries") return "No countries: they need a MaxMind file, see the manual of the metrics.";
  if (list === "notFound") return "Everything that was asked for was there.";
  if (list === "slowest") return "The log format does not tell how long requests took.";
  return "Nothing to list in this time.";
}
