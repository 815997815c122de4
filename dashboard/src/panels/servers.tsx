import { useState } from "preact/hooks";
import type { Overview, ServerRow } from "../../../src/metrics/snapshot.ts";
import { Spark } from "../charts/spark.tsx";
import * as figures from "../text/figures.ts";
import { visible } from "../text/visible.ts";
import { Deviation } from "./deviation.tsx";
import { Fig } from "./fig.tsx";

interface Props {
  readonly overview: Overview;
  readonly chosen: readonly string[];
  readonly choose: (servers: readonly string[]) => void;
}

interface Column {
  readonly key: string;
  readonly label: string;
  readonly title: string;
  /** Undefined for what cannot be sorted by. */
  readonly by?: (row: ServerRow) => number | string;
  /** 1 is always there; the higher, the sooner it goes on narrow screens. */
  readonly rank: 1 | 2 | 3;
  readonly left?: boolean;
}

const COLUMNS: readonly Column[] = [
  { key: "server", label: "Server", title: "Name of the server", by: (row) => row.server, rank: 1, left: true },
  { key: "trend", label: "Trend", title: "Requests over the last 60 steps", rank: 2, left: true },
  { key: "rate", label: "Requests", title: "Requests a second", by: (row) => row.requestsPerS, rank: 1 },
  { key: "bandwidth", label: "Bandwidth", title: "Bytes a second", by: (row) => row.bytesPerS, rank: 3 },
  { key: "errors", label: "Errors", title: "Share of 5xx", by: (row) => row.errorShare, rank: 1 },
  {
    key: "relative",
    label: "vs all",
    title: "Its error share over that of all servers together",
    by: (row) => row.relativeErrors ?? -1,
    rank: 3,
  },
  { key: "p95", label: "p95", title: "95 % of its answers took less", by: (row) => row.time?.p95 ?? -1, rank: 1 },
  { key: "size", label: "Size", title: "Half of its answers are smaller", by: (row) => row.size?.p50 ?? -1, rank: 3 },
  { key: "skew", label: "Clock", title: "Its clock against the bus", by: (row) => row.skewS ?? 0, rank: 2 },
  { key: "deviation", label: "Against its peers", title: "Rate, errors, time, size", by: worst, rank: 2, left: true },
];

/** Clocks that are so far off make orders and durations misleading, s. */
const SKEWED_S = 1;
/** A server that sent nothing for so long is silent, s. */
const SILENT_S = 30;

export function Servers({ overview, chosen, choose }: Props) {
  const [sort, setSort] = useState({ key: "server", down: false });
  const column = COLUMNS.find(({ key }) => key === sort.key)!;
  const rows = [...overview.servers].sort((a, b) => compare(column.by!(a), column.by!(b)) * (sort.down ? -1 : 1));
  const sortBy = ({ key }: Column) => setSort({ key, down: sort.key === key ? !sort.down : key !== "server" });
  const sorting = (key: string) => (sort.key !== key ? undefined : sort.down ? "descending" : "ascending");
  return (
    <section class="panel area-servers" aria-labelledby="servers-title">
      <div class="panel-head">
        <h2 id="servers-title">Servers</h2>
        <span class="dim">{rows.length}</span>
      </div>
      <div class="scroll" tabIndex={-1}>
        <table class="rows servers">
          <thead>
            <tr>
              {COLUMNS.map((one) => (
                <th
                  key={one.key}
                  scope="col"
                  class={`col-${one.key} rank-${one.rank}${one.left ? " left" : ""}`}
                  aria-sort={sorting(one.key)}
                  title={one.title}
                >
                  {one.by === undefined ? (
                    one.label
                  ) : (
                    <button type="button" class="sort" onClick={() => sortBy(one)}>
                      {one.label}
                    </button>
                  )}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <Row
                key={row.server}
                row={row}
                silentS={(overview.scope.toUs - row.lastSeenUs) / 1e6}
                chosen={chosen.includes(row.server)}
                toggle={() =>
                  choose(
                    chosen.includes(row.server)
                      ? chosen.filter((name) => name !== row.server)
                      : [...chosen, row.server],
                  )
                }
              />
            ))}
          </tbody>
        </table>
        {rows.length === 0 && <p class="nothing">No server has sent anything in this time.</p>}
      </div>
    </section>
  );
}

interface RowProps {
  readonly row: ServerRow;
  readonly silentS: number;
  readonly chosen: boolean;
  readonly toggle: () => void;
}

function Row({ row, silentS, chosen, toggle }: RowProps) {
  const silent = silentS > SILENT_S;
  return (
    <tr data-server={row.server} class={silent ? "is-silent" : undefined}>
      <th scope="row" class="left col-server">
        <button
          type="button"
          class="name"
          aria-pressed={chosen}
          title={`Show ${chosen ? "all" : "only this"}`}
          onClick={toggle}
        >
          <bdi>{visible(row.server, 60)}</bdi>
        </button>
        {silent && <small class="flag">silent for {figures.text(figures.span(silentS))}</small>}
      </th>
      <td class="col-trend rank-2">
        <Spark values={row.spark} steps={60} tone="dim" />
      </td>
      <td>
        <Fig {...figures.perSecond(row.requestsPerS)} title={`${figures.exact(row.requests)} in all`} />
      </td>
      <td class="rank-3">
        <Fig {...figures.bytesPerSecond(row.bytesPerS)} />
      </td>
      <td class={row.errorShare >= 0.01 ? "is-bad" : undefined}>
        <Fig {...figures.percent(row.errorShare)} />
      </td>
      <td class="rank-3">
        <Fig {...figures.times(row.relativeErrors)} />
      </td>
      <td>
        <Fig {...figures.seconds(row.time?.p95)} />
      </td>
      <td class="rank-3">
        <Fig {...figures.bytes(row.size?.p50)} />
      </td>
      <td class={`rank-2${Math.abs(row.skewS ?? 0) >= SKEWED_S ? " is-notable" : ""}`}>
        <Fig {...figures.offset(row.skewS)} />
      </td>
      <td class="left col-deviation rank-2">
        <Deviation deviation={row.deviation} />
      </td>
    </tr>
  );
}

function worst({ deviation }: ServerRow): number {
  return Math.max(...Object.values(deviation).map((z) => Math.abs(z ?? 0)));
}

const byName = new Intl.Collator("en", { numeric: true }).compare;

function compare(a: number | string, b: number | string): number {
  return typeof a === "string" || typeof b === "string" ? byName(String(a), String(b)) : a - b;
}
