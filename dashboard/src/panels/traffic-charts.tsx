import type { Overview } from "../../../src/metrics/snapshot.ts";
import { Chart, type Line } from "../charts/chart.tsx";
import type { ColourName } from "../charts/colours.ts";
import { perSecondOf, timesOfSteps, wholeSteps } from "../charts/steps.ts";
import { exact, percent, perSecond, seconds, text } from "../text/figures.ts";

interface Props {
  readonly overview: Overview;
  readonly theme: string;
  readonly zoom: (fromS: number, toS: number) => void;
}

/** From the top of the stack down: failures lie at the bottom, where heights can be compared. */
const CLASSES: readonly { label: string; colour: ColourName; classes: readonly number[] }[] = [
  { label: "other", colour: "class-0", classes: [0, 1] },
  { label: "2xx", colour: "class-2", classes: [2] },
  { label: "3xx", colour: "class-3", classes: [3] },
  { label: "4xx", colour: "class-4", classes: [4] },
  { label: "5xx", colour: "class-5", classes: [5] },
];

export function TrafficCharts({ overview, theme, zoom }: Props) {
  const { series, scope, totals } = overview;
  const length = wholeSteps(overview);
  const times = timesOfSteps(series, length);
  const { stepS } = series;
  const common = { times, stepS, fromS: scope.fromUs / 1e6, toS: scope.toUs / 1e6, theme, zoom };
  const byClass = CLASSES.map(({ label, colour, classes }): Line => {
    const sums = Array.from({ length }, (_, at) => classes.reduce((sum, c) => sum + (series.classes[c]?.[at] ?? 0), 0));
    return { label, colour, values: perSecondOf(sums, stepS, length) };
  });
  const rates = perSecondOf(series.requests, stepS, length);
  const quantiles: Line[] = [
    { label: "p50", colour: "p50", values: series.timeP50.slice(0, length) },
    { label: "p95", colour: "p95", values: series.timeP95.slice(0, length), dash: [6, 3] },
    { label: "p99", colour: "p99", values: series.timeP99.slice(0, length), dash: [2, 3] },
  ];
  return (
    <>
      <section class="panel area-requests">
        <Chart
          {...common}
          title="Requests by status"
          lines={byClass}
          kind="stack"
          format={(value) => text(perSecond(value === null ? null : round(value)))}
          summary={`${exact(totals.requests)} requests, ${text(percent(totals.errorShare))} of them failed. ${rangeOf(rates, (value) => text(perSecond(value)))}`}
        />
      </section>
      <section class="panel area-times">
        <Chart
          {...common}
          title="Response time"
          lines={quantiles}
          kind="log"
          format={(value) => text(seconds(value))}
          summary={
            totals.time === null
              ? "The log format does not tell how long requests took."
              : `Half of all took less than ${text(seconds(totals.time.p50))}, 95 % less than ${text(seconds(totals.time.p95))}.`
          }
        />
        {totals.time === null && totals.requests > 0 && (
          <p class="over-chart">The log format does not tell how long requests took.</p>
        )}
      </section>
    </>
  );
}

/** Without what floating point adds. */
function round(value: number): number {
  return Math.abs(value) < 1e-9 ? 0 : Number(value.toPrecision(6));
}

function rangeOf(values: readonly number[], format: (value: number) => string): string {
  if (values.length === 0) return "";
  return `Between ${format(Math.min(...values))} and ${format(Math.max(...values))}, ${format(values.at(-1)!)} at the end.`;
}
