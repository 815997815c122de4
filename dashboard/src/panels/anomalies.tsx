import { useState } from "preact/hooks";
import type { Anomaly, AnomalyKind } from "../../../src/metrics/snapshot.ts";
import { addressOf, filtersOf, getJson } from "../data/api.ts";
import { usePoll } from "../data/use-poll.ts";
import type { View } from "../data/view.ts";
import { span, text } from "../text/figures.ts";
import { moment } from "../text/moment.ts";
import { visible } from "../text/visible.ts";

const KINDS: Readonly<Record<AnomalyKind, string>> = {
  errors: "Errors",
  time: "Slow",
  size: "Size",
  rate: "Rate",
  "page-size": "Page size",
  "page-errors": "Page errors",
  silent: "Silent",
  clock: "Clock",
};

/** Closed ones that are shown. */
const MOST_CLOSED = 50;

interface Props {
  readonly anomalies: readonly Anomaly[];
  readonly atUs: number;
  readonly view: View;
  /** A replay tells its own story; only live pages ask for what has been. */
  readonly replaying: boolean;
}

/** What stands out now, and what did. */
export function Anomalies({ anomalies, atUs, view, replaying }: Props) {
  const [which, setWhich] = useState<"open" | "closed">("open");
  const past = usePoll<{ rows: Anomaly[] }>(
    which === "closed" && !replaying ? addressOf("v1/metrics/anomalies", filtersOf(view)) : undefined,
    5000,
    getJson,
  );
  const open = anomalies.filter(({ closedUs }) => closedUs === null);
  const closed = (past?.rows ?? anomalies)
    .filter(({ closedUs }) => closedUs !== null)
    .sort((a, b) => b.closedUs! - a.closedUs!)
    .slice(0, MOST_CLOSED);
  const rows = which === "open" ? open : closed;
  return (
    <section class="panel area-anomalies" aria-labelledby="anomalies-title">
      <div class="panel-head">
        <h2 id="anomalies-title">Anomalies</h2>
        <fieldset class="segments small" aria-label="Which anomalies">
          <button type="button" aria-pressed={which === "open"} onClick={() => setWhich("open")}>
            Open {open.length}
          </button>
          <button type="button" aria-pressed={which === "closed"} onClick={() => setWhich("closed")}>
            Closed
          </button>
        </fieldset>
      </div>
      <ul class="anomalies" aria-live="polite">
        {rows.map((row) => (
          <li key={row.id} class={row.closedUs === null ? "is-open" : "is-closed"}>
            <svg viewBox="0 0 14 14" aria-hidden="true">
              {row.closedUs === null ? <path d="M7 1l6.5 12H.5z" /> : <path d="M2 7.5L5.5 11 12 3.5" class="tick" />}
            </svg>
            <div>
              <p>{visible(row.text, 300)}</p>
              <p class="dim">
                {KINDS[row.kind] ?? row.kind} · {moment(row.openedUs / 1e6)} ·{" "}
                {row.closedUs === null
                  ? `for ${text(span((atUs - row.openedUs) / 1e6))}`
                  : `lasted ${text(span((row.closedUs - row.openedUs) / 1e6))}`}
              </p>
            </div>
          </li>
        ))}
      </ul>
      {rows.length === 0 && (
        <p class="nothing">{which === "open" ? "Nothing stands out." : "Nothing has stood out so far."}</p>
      )}
    </section>
  );
}
