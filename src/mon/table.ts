/** Rows in columns: on a narrow terminal the least important columns are left out. */
import { fit, type Line, type Look, type Span, span, widthOf } from "./line.ts";

export interface Column<Row> {
  readonly title: string;
  readonly align: "left" | "right";
  /** Columns of the terminal at least. */
  readonly width: number;
  /** The same at most, if there is room; as `width` if not given. */
  readonly max?: number;
  /** What is left out first has the highest; 0 always stays. */
  readonly rank: number;
  cell(row: Row, width: number): string | Span;
}

const GAP = 1;

/** The head, then a line a row, each no wider than `width`. Cells must have been cleaned. */
export function table<Row>(all: readonly Column<Row>[], rows: readonly Row[], width: number, look: Look): Line[] {
  const chosen = choose(all, width);
  const line = (cellOf: (column: Column<Row>, width: number) => Span): Line => {
    const spans: Span[] = [];
    for (const [i, { column, width: own }] of chosen.entries()) {
      const { text, style } = cellOf(column, own);
      const filled = fit(text, own, column.align, look);
      const last = i === chosen.length - 1;
      spans.push(span(last ? filled : filled + " ".repeat(GAP), style));
    }
    return spans;
  };
  const asSpan = (cell: string | Span) => (typeof cell === "string" ? span(cell) : cell);
  return [
    line(({ title }) => span(title, "dim")),
    ...rows.map((row) => line((column, own) => asSpan(column.cell(row, own)))),
  ];
}

function choose<Row>(all: readonly Column<Row>[], width: number): { column: Column<Row>; width: number }[] {
  let kept = [...all];
  const least = () => kept.reduce((sum, column) => sum + Math.max(column.width, widthOf(column.title)) + GAP, -GAP);
  while (least() > width) {
    const worst = kept.reduce((a, b) => (b.rank >= a.rank ? b : a));
    if (worst.rank === 0) break;
    kept = kept.filter((column) => column !== worst);
  }
  const chosen = kept.map((column) => ({ column, width: Math.max(column.width, widthOf(column.title)) }));
  let spare = width - least();
  // What is over goes to those that can use it, a column at a time.
  for (let given = true; spare > 0 && given; ) {
    given = false;
    for (const each of chosen) {
      if (spare > 0 && each.width < (each.column.max ?? 0)) {
        each.width++;
        spare--;
        given = true;
      }
    }
  }
  // Narrower than what always stays: the widest gives way.
  for (; spare < 0; spare++) {
    const widest = chosen.reduce((a, b) => (b.width > a.width ? b : a));
    if (widest.width <= 1) break;
    widest.width--;
  }
  return chosen;
}
