/** Sizes and durations as people write them: "10GB", "64MiB", "7d", "500ms". Pure functions; the schema pieces are in schema.ts. */

const SIZES: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 1e3,
  kb: 1e3,
  m: 1e6,
  mb: 1e6,
  g: 1e9,
  gb: 1e9,
  t: 1e12,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

const DURATIONS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1e3,
  sec: 1e3,
  m: 60e3,
  min: 60e3,
  h: 3600e3,
  d: 86_400e3,
  w: 7 * 86_400e3,
  y: 365 * 86_400e3,
};

const AMOUNT = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i;

/** Bytes of "10GB" (10^10), "64MiB" (64 * 2^20), "4096"; undefined if `text` is no size. */
export function parseSize(text: string): number | undefined {
  return amount(text, SIZES);
}

/** Milliseconds of "500ms", "10s", "5m", "2h", "7d", "1w"; undefined if `text` is none. A bare number has no meaning here. */
export function parseDurationMs(text: string): number | undefined {
  return amount(text, DURATIONS_MS);
}

function amount(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const found = AMOUNT.exec(text);
  if (!found) return undefined;
  const unit = found[2]!.toLowerCase();
  if (!Object.hasOwn(units, unit)) return undefined;
  const value = Math.round(Number(found[1]) * units[unit]!);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** "64 MiB", "1.5 GB": powers of two where they show it in a few digits exactly, else powers of ten to one decimal. */
export function formatSize(bytes: number): string {
  for (const [unit, factor] of [
    ["TiB", 2 ** 40],
    ["GiB", 2 ** 30],
    ["MiB", 2 ** 20],
    ["KiB", 2 ** 10],
  ] as const) {
    if (bytes % factor === 0 && bytes >= factor && bytes < 10_000 * factor) return `${bytes / factor} ${unit}`;
  }
  for (const [unit, factor] of [
    ["TB", 1e12],
    ["GB", 1e9],
    ["MB", 1e6],
    ["kB", 1e3],
  ] as const) {
    if (bytes >= factor) return `${Number((bytes / factor).toFixed(1))} ${unit}`;
  }
  return `${bytes} bytes`;
}
