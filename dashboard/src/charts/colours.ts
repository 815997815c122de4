/** The colours of the style sheet, for canvases. */
export type ColourName =
  | "ink"
  | "dim"
  | "line"
  | "panel"
  | "class-0"
  | "class-2"
  | "class-3"
  | "class-4"
  | "class-5"
  | "p50"
  | "p95"
  | "p99";

/** `--name` as it is now. */
export function colour(name: ColourName): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
