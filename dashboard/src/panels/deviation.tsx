import type { ServerRow } from "../../../src/metrics/snapshot.ts";

/** From here on a server stands out: the usual bound for robust z-scores. */
const STANDS_OUT = 3.5;
const NOTABLE = 2.5;
/** The mark ends here. */
const MOST = 7;

const MEASURES = [
  { key: "rate", more: "busier", less: "idler" },
  { key: "errors", more: "more errors", less: "fewer errors" },
  { key: "time", more: "slower", less: "faster" },
  { key: "size", more: "bigger", less: "smaller" },
] as const;

interface Deviating {
  readonly words: string;
  readonly level: "none" | "like" | "notable" | "out";
}

/** The measure in which the server differs most from its peers, in words. */
export function deviationOf(deviation: ServerRow["deviation"]): Deviating {
  const known = MEASURES.map((measure) => ({ ...measure, z: deviation[measure.key] })).filter(({ z }) => z !== null);
  if (known.length === 0) return { words: "no peers", level: "none" };
  const most = known.reduce((a, b) => (Math.abs(b.z!) > Math.abs(a.z!) ? b : a));
  const size = Math.abs(most.z!);
  if (size < NOTABLE) return { words: "like its peers", level: "like" };
  return { words: most.z! > 0 ? most.more : most.less, level: size < STANDS_OUT ? "notable" : "out" };
}

/** Four bars, for rate, errors, time and size, up for more than its peers and down for less; and the words. */
export function Deviation({ deviation }: Pick<ServerRow, "deviation">) {
  const { words, level } = deviationOf(deviation);
  const title = MEASURES.map(({ key }) => {
    const z = deviation[key];
    return `${key} ${z === null ? "unknown" : `${z > 0 ? "+" : ""}${z.toFixed(1)}`}`;
  }).join(", ");
  return (
    <span class={`deviation is-${level}`} title={`Distance from its peers, in deviations: ${title}`}>
      <svg viewBox="0 0 34 20" aria-hidden="true">
        <path d="M0 10h34" class="zero" />
        {MEASURES.map(({ key }, at) => {
          const z = deviation[key];
          if (z === null) return null;
          const height = Math.max((Math.min(Math.abs(z), MOST) / MOST) * 9.5, 1);
          const out = Math.abs(z) >= STANDS_OUT;
          return (
            <rect
              key={key}
              class={out ? "bar is-out" : "bar"}
              x={2 + at * 8}
              y={z > 0 ? 10 - height : 10}
              width="6"
              height={height}
              rx="1"
            />
          );
        })}
      </svg>
      <span>{words}</span>
    </span>
  );
}
