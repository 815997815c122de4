import type { ComponentChildren } from "preact";
import type { Overview } from "../../../src/metrics/snapshot.ts";
import { Spark } from "../charts/spark.tsx";
import { perSecondOf, ratioOf, wholeSteps } from "../charts/steps.ts";
import * as figures from "../text/figures.ts";

interface Props {
  readonly overview: Overview;
  readonly online: readonly number[];
  /** Whether time goes on: then rates are those of the last seconds. */
  readonly moving: boolean;
}

/** The overview's figures, each with its shape over the time that is shown. */
export function Figures({ overview, online, moving }: Props) {
  const { totals, now, series, scope, sessions } = overview;
  const length = wholeSteps(overview);
  const spanS = Math.max((scope.toUs - scope.fromUs) / 1e6, 1);
  const requestsPerS = moving ? now.requestsPerS : totals.requests / spanS;
  const bytesPerS = moving ? now.bytesPerS : totals.bytes / spanS;
  const errorShare = moving ? now.errorShare : totals.errorShare;
  const share4xx = totals.requests === 0 ? null : totals.classes[4] / totals.requests;
  const { time, size } = totals;
  return (
    <section class="figures" aria-label="Overview">
      <Tile
        name="requests"
        label="Requests"
        figure={figures.perSecond(requestsPerS)}
        note={
          <>
            <b data-exact={totals.requests} title={`${figures.exact(totals.requests)} requests`}>
              {figures.text(figures.count(totals.requests))}
            </b>{" "}
            in all
          </>
        }
        spark={perSecondOf(series.requests, series.stepS, length)}
      />
      <Tile
        name="bandwidth"
        label="Bandwidth"
        figure={figures.bytesPerSecond(bytesPerS)}
        note={
          <>
            <b data-exact={totals.bytes}>{figures.text(figures.bytes(totals.bytes))}</b> in all
          </>
        }
        spark={perSecondOf(series.bytes, series.stepS, length)}
      />
      <Tile
        name="errors"
        label="Errors"
        figure={figures.percent(errorShare)}
        bad={errorShare >= 0.01}
        note={
          <>
            <b>{figures.text(figures.count(totals.classes[5]))}</b> 5xx ·{" "}
            <b>{figures.text(figures.percent(share4xx))}</b> 4xx
          </>
        }
        spark={ratioOf(series.classes[5] ?? [], series.requests, length)}
        tone="bad"
      />
      <Tile
        name="time"
        label="Response time"
        title="Of 95 % of all requests"
        figure={figures.seconds(time?.p95)}
        mark="p95"
        note={
          <>
            p50 <b>{figures.text(figures.seconds(time?.p50))}</b> · p99{" "}
            <b>{figures.text(figures.seconds(time?.p99))}</b>
          </>
        }
        spark={series.timeP95.slice(0, length)}
      />
      <Tile
        name="size"
        label="Size"
        title="Half of all answers are smaller"
        figure={figures.bytes(size?.p50)}
        mark="p50"
        note={
          <>
            p95 <b>{figures.text(figures.bytes(size?.p95))}</b> · max <b>{figures.text(figures.bytes(size?.max))}</b>
          </>
        }
        spark={ratioOf(series.bytes, series.requests, length)}
      />
      <Tile
        name="sessions"
        label="Online"
        figure={figures.count(sessions.online)}
        note={
          sessions.meanLengthS === null ? (
            <>no visit has ended</>
          ) : (
            <>
              <b>{figures.text(figures.span(sessions.meanLengthS))}</b> a visit ·{" "}
              <b>{sessions.meanPages === null ? "–" : sessions.meanPages.toFixed(1)}</b> pages
            </>
          )
        }
        spark={online}
        steps={60}
      />
      <Tile
        name="visitors"
        label="Visitors"
        figure={figures.count(totals.visitors)}
        note={
          <>
            ± {figures.text(figures.percent(totals.visitorsError))} · robots{" "}
            <b>{figures.text(figures.percent(totals.requests === 0 ? null : totals.robots / totals.requests))}</b>
          </>
        }
        spark={series.visitors.slice(0, length)}
      />
    </section>
  );
}

interface TileProps {
  readonly name: string;
  readonly label: string;
  readonly title?: string;
  readonly figure: figures.Figure;
  /** Which quantile it is. */
  readonly mark?: string;
  readonly bad?: boolean;
  readonly note: ComponentChildren;
  readonly spark: readonly (number | null)[];
  readonly steps?: number;
  readonly tone?: "accent" | "bad";
}

function Tile({ name, label, title, figure, mark, bad, note, spark, steps, tone }: TileProps) {
  return (
    <div class="tile" data-figure={name}>
      <h2 title={title}>
        {label}
        {mark !== undefined && <small>{mark}</small>}
      </h2>
      <p class={`big${bad ? " is-bad" : ""}`}>
        {bad && (
          <svg viewBox="0 0 12 12" aria-hidden="true">
            <path d="M6 1l5.5 10H.5z" />
          </svg>
        )}
        <span>{figure.value}</span>
        <small>{figure.unit}</small>
      </p>
      <Spark values={spark} steps={steps} tone={tone} />
      <p class="note">{note}</p>
    </div>
  );
}
