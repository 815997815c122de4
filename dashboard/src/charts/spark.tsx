/** A line without axes, for the shape of things. What it shows is told in words beside it. */

interface Props {
  readonly values: readonly (number | null)[];
  /** Points that the width has room for; fewer are drawn from the right. */
  readonly steps?: number;
  readonly tone?: "accent" | "bad" | "dim";
}

const WIDTH = 100;
const HEIGHT = 24;

export function Spark({ values, steps, tone = "accent" }: Props) {
  const shown = values.slice(-(steps ?? values.length));
  const room = Math.max(steps ?? shown.length, 2);
  const top = Math.max(...shown.map((value) => value ?? 0), 0);
  const pieces: string[][] = [];
  let piece: string[] | undefined;
  shown.forEach((value, at) => {
    if (value === null) {
      piece = undefined;
      return;
    }
    if (piece === undefined) pieces.push((piece = []));
    const x = ((at + room - shown.length) / (room - 1)) * WIDTH;
    const y = top === 0 ? HEIGHT - 1 : HEIGHT - 1 - (value / top) * (HEIGHT - 3);
    piece.push(`${x.toFixed(1)},${y.toFixed(1)}`);
  });
  return (
    <svg class={`spark is-${tone}`} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      {pieces
        .filter(({ length }) => length > 1)
        .map((points, at) => (
          <g key={at}>
            <polygon
              points={`${points[0]!.split(",")[0]},${HEIGHT} ${points.join(" ")} ${points.at(-1)!.split(",")[0]},${HEIGHT}`}
            />
            <polyline points={points.join(" ")} />
          </g>
        ))}
    </svg>
  );
}
