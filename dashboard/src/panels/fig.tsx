import type { Figure } from "../text/figures.ts";

/** A figure in a table: digits to the right, the unit in a column of its own, so that nothing moves when it changes. */
export function Fig({ value, unit, title }: Figure & { readonly title?: string }) {
  return (
    <span class="fig" title={title}>
      <span>{value}</span>
      <small>{unit}</small>
    </span>
  );
}
