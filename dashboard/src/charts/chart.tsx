import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { SHORTEST_S } from "../data/view.ts";
import { clock, day, mark } from "../text/moment.ts";
import { type ColourName, colour } from "./colours.ts";

export interface Line {
  readonly label: string;
  readonly colour: ColourName;
  /** Values as they are; drawn on top of the lines after it in a stack. */
  readonly values: readonly (number | null)[];
  readonly dash?: readonly number[];
}

interface Props {
  readonly title: string;
  /** s since the epoch. */
  readonly times: readonly number[];
  readonly stepS: number;
  /** The whole width, s. */
  readonly fromS: number;
  readonly toS: number;
  readonly lines: readonly Line[];
  /** "stack": heights add up; "log": each for itself, on a scale that gives every power of ten the same room. */
  readonly kind: "stack" | "log";
  readonly format: (value: number | null) => string;
  /** Changes with the colours. */
  readonly theme: string;
  /** One sentence that says what is to be seen. */
  readonly summary: string;
  readonly zoom: (fromS: number, toS: number) => void;
}

/** Distances that marks on a time axis may have, s. */
const TIME_STEPS_S = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800,
];

/** Charts with the same key move their crosshairs together. */
const SYNC = "time";
const HEIGHT = 208;
const AXIS_WIDTH = 58;
const FONT = "11px Inter, system-ui, sans-serif";

/** A chart over time: drag to zoom, arrow keys to read it value by value. */
export function Chart(props: Props) {
  const { title, times, stepS, lines, kind, format, theme, summary } = props;
  const latest = useRef(props);
  latest.current = props;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const [at, setAt] = useState<number | null>(null);
  const shape = lines.map(({ label }) => label).join();

  // The plot is made anew for another shape or theme only.
  useEffect(() => {
    const element = place.current!;
    const made = new uPlot(optionsOf(latest, element.clientWidth, setAt), dataOf(latest.current), element);
    plot.current = made;
    const observer = new ResizeObserver(() => {
      if (element.clientWidth > 0) made.setSize({ width: element.clientWidth, height: HEIGHT });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [shape, theme]);

  // `lines` and `times` come anew with every update.
  useEffect(() => {
    plot.current?.setData(dataOf(latest.current));
  }, [lines, times]);

  const read = at !== null && at < times.length ? at : null;
  const onKeyDown = (event: KeyboardEvent) => {
    const move = { ArrowLeft: -1, ArrowRight: 1, Home: -times.length, End: times.length }[event.key];
    const { fromS, toS, zoom } = latest.current;
    if (move !== undefined) {
      const next = Math.min(Math.max((read ?? times.length) + move, 0), times.length - 1);
      const left = plot.current?.valToPos(times[next] ?? 0, "x") ?? 0;
      plot.current?.setCursor({ left, top: 0 });
      setAt(next);
    } else if (event.key === "Enter" && read !== null) {
      const half = Math.max((toS - fromS) / 4, SHORTEST_S);
      zoom(times[read]! - half, times[read]! + half);
    } else if (event.key === "Escape" && read !== null) {
      setAt(null);
      plot.current?.setCursor({ left: -10, top: -10 });
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const shown = read ?? times.length - 1;
  return (
    <figure class="chart">
      <figcaption>
        <h2>
          {title} {kind === "log" && <small class="dim">log scale</small>}
        </h2>
        <ul class="legend" aria-hidden="true">
          {lines.map(({ label, colour: name, values, dash }) => (
            <li key={label}>
              <svg viewBox="0 0 14 10" class={`key is-${name}`} aria-hidden="true">
                {kind === "stack" ? (
                  <rect width="10" height="10" x="2" rx="2" />
                ) : (
                  <path d="M0 5h14" stroke-dasharray={dash?.join(" ")} />
                )}
              </svg>
              {label} <b>{format(values[shown] ?? null)}</b>
            </li>
          ))}
        </ul>
        <span class="chart-at" aria-hidden="true">
          {read === null ? "" : `${stepS >= 86_400 ? day(times[read]!) : clock(times[read]!)}`}
        </span>
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys read the chart. */}
      <div class="plot" ref={place} tabIndex={0} role="img" aria-label={`${title}. ${summary}`} onKeyDown={onKeyDown} />
      <p class="sr-only" role="status">
        {read !== null && document.activeElement === place.current
          ? `${clock(times[read]!)}: ${lines.map(({ label, values }) => `${label} ${format(values[read] ?? null)}`).join(", ")}`
          : ""}
      </p>
    </figure>
  );
}

/** For a stack each line gets the sum of itself and those after it; the last one lies at the bottom. */
function dataOf({ times, lines, kind }: Props): uPlot.AlignedData {
  // What took no time at all has no place on a logarithmic scale.
  if (kind === "log") return [[...times], ...lines.map(({ values }) => values.map((value) => (value ? value : null)))];
  const sums: number[][] = [];
  let below = times.map(() => 0);
  for (const { values } of lines.toReversed()) {
    below = below.map((sum, at) => sum + (values[at] ?? 0));
    sums.unshift(below);
  }
  return [[...times], ...sums];
}

function optionsOf(
  latest: { readonly current: Props },
  width: number,
  setAt: (at: number | null) => void,
): uPlot.Options {
  const { lines, kind } = latest.current;
  const stacked = kind === "stack";
  const axis = { stroke: colour("dim"), font: FONT, ticks: { show: false } };
  return {
    width,
    height: HEIGHT,
    padding: [10, 22, 0, 0],
    legend: { show: false },
    cursor: {
      sync: { key: SYNC },
      points: { size: 7, stroke: () => colour("panel") },
      x: true,
      y: false,
      drag: { x: true, y: false, setScale: false },
      focus: { prox: 1e3 },
    },
    focus: { alpha: 1 },
    scales: {
      x: { time: true, range: () => [latest.current.fromS, latest.current.toS] },
      y: stacked
        ? { range: (_, __, most) => [0, roundTop(most)] }
        : { distr: 3, range: (_, least, most) => decades(least, most) },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 28,
        space: 64,
        incrs: [...TIME_STEPS_S],
        values: (_, marks) => marks.map((s) => mark(s, (marks[1] ?? s) - (marks[0] ?? s))),
      },
      {
        ...axis,
        size: AXIS_WIDTH,
        space: stacked ? 44 : 30,
        ...(stacked ? {} : { splits: (_, __, least, most) => logMarks(least, most), filter: (_, marks) => marks }),
        grid: { stroke: colour("line"), width: 1 },
        values: (_, marks) => marks.map((value) => latest.current.format(value)),
      },
    ],
    series: [
      {},
      ...lines.map(({ label, colour: name, dash }) => ({
        label,
        stroke: stacked ? colour("panel") : colour(name),
        fill: stacked ? colour(name) : undefined,
        width: stacked ? 0.5 : 1.75,
        dash: dash === undefined ? undefined : [...dash],
        points: { show: false },
        spanGaps: false,
      })),
    ],
    hooks: {
      setCursor: [(self) => setAt(self.cursor.idx ?? null)],
      setSelect: [
        (self) => {
          const { left, width: wide } = self.select;
          if (wide < 6) return;
          const fromS = self.posToVal(left, "x");
          const toS = Math.max(self.posToVal(left + wide, "x"), fromS + SHORTEST_S);
          self.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          latest.current.zoom(Math.floor(fromS), Math.ceil(toS));
        },
      ],
    },
  };
}

/** The next round number, so that the axis moves seldom. */
function roundTop(most: number | null): number {
  if (most === null || !(most > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  const step = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((factor) => factor * power >= most * 1.05) ?? 12;
  return step * power;
}

/** From a round number below to one above, at least one power of ten apart. */
function decades(least: number | null, most: number | null): [number, number] {
  if (least === null || most === null || !(least > 0)) return [0.001, 1];
  const bottom = logMarks(least / 10, least).at(-1) ?? least;
  const top = logMarks(most, most * 10)[0] ?? most;
  return top / bottom < 10 ? [bottom / 2, bottom * 10] : [bottom, top];
}

/** 1, 2 and 5 of every power of ten between the two; of many powers only the 1. */
function logMarks(least: number, most: number): number[] {
  const marks: number[] = [];
  const factors = most / least > 500 ? [1] : most / least > 30 ? [1, 3] : [1, 2, 5];
  for (let power = Math.floor(Math.log10(least)); power <= Math.ceil(Math.log10(most)); power++) {
    for (const factor of factors) {
      const mark = Number((factor * 10 ** power).toPrecision(1));
      if (mark >= least * 0.999 && mark <= most * 1.001) marks.push(mark);
    }
  }
  return marks;
}
