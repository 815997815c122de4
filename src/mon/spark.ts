/** Figures over time as blocks. */
import { type Look, type Span, type Style, span } from "./line.ts";

/** `values` brought to at most `width` figures: neighbours make their mean. */
export function resample(values: readonly number[], width: number): number[] {
  if (values.length <= width) return values.map(finite);
  return Array.from({ length: width }, (_, i) => {
    const from = Math.floor((i * values.length) / width);
    const to = Math.max(from + 1, Math.floor(((i + 1) * values.length) / width));
    return values.slice(from, to).reduce((sum, value) => sum + finite(value), 0) / (to - from);
  });
}

/** One line, newest at the right; the highest of its own values is a full block, and what is not zero is seen. */
export function spark(values: readonly number[], width: number, { blocks }: Look): string {
  const steps = resample(values, width);
  const most = Math.max(...steps, 0);
  const top = blocks.length - 1;
  const drawn = steps.map((value) =>
    value <= 0 ? blocks[0]! : blocks[Math.max(1, Math.round((value / most) * top))]!,
  );
  return drawn.join("").padStart(width);
}

/** Columns of `height` lines, `styleOf` colours each. Lines from the top. */
export function columns(
  values: readonly number[],
  most: number,
  height: number,
  styleOf: (index: number) => Style,
  { blocks }: Look,
): Span[][] {
  const top = blocks.length - 1;
  const filled = values.map((value) => (value <= 0 ? 0 : Math.max(1, Math.round((value / most) * top * height))));
  return Array.from({ length: height }, (_, row) => {
    const below = (height - 1 - row) * top;
    const spans: Span[] = [];
    for (const [i, level] of filled.entries()) {
      const text = blocks[Math.min(top, Math.max(0, level - below))]!;
      const style = styleOf(i);
      const last = spans.at(-1);
      if (last?.style === style) spans[spans.length - 1] = span(last.text + text, style);
      else spans.push(span(text, style));
    }
    return spans;
  });
}

function finite(value: number): number {
  return Number.isFinite(value) && value > 0 ? value : 0;
}
