/** Numbers and times as people read them; the same in the text and in the page. */
import type { TopList } from "../metrics/snapshot.ts";

/** "1,234,567". */
export function grouped(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** "1.23 GB": three digits, powers of ten. */
export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let unit = 0;
  for (; value >= 999.5 && unit < units.length - 1; unit++) value /= 1000;
  return `${unit === 0 ? Math.round(value) : Number(value.toPrecision(3))} ${units[unit]}`;
}

/** "12 ms", "1.23 s". */
export function seconds(value: number): string {
  if (value < 1e-3) return `${Number((value * 1e6).toPrecision(3))} µs`;
  if (value < 1) return `${Number((value * 1e3).toPrecision(3))} ms`;
  return value < 1000 ? `${Number(value.toPrecision(3))} s` : `${grouped(value)} s`;
}

/** "12.3 %"; "0.02 %" where one digit would say nothing. */
export function share(value: number): string {
  const percent = value * 100;
  if (percent === 0 || percent >= 0.1) return `${percent.toFixed(1)} %`;
  return `${percent >= 0.005 ? percent.toFixed(2) : "<0.01"} %`;
}

/** "2026-11-24 13:55:36 UTC". */
export function time(us: number): string {
  return `${new Date(us / 1000).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** "2026-11-24 13:00": the start of a step. */
export function stepTime(startS: number, stepS: number): string {
  const iso = new Date(startS * 1000).toISOString();
  return stepS === 86_400 ? iso.slice(0, 10) : iso.slice(0, 16).replace("T", " ");
}

/** Headings, and what the names in a list are. */
export const TITLES: Readonly<Record<TopList, string>> = {
  pages: "Pages",
  pagesByBytes: "Pages by bytes",
  slowest: "Slowest pages",
  notFound: "Not found (404)",
  referrers: "Referrers",
  referringSites: "Referring sites",
  browsers: "Browsers",
  systems: "Systems",
  robots: "Robots",
  vhosts: "Virtual hosts",
  methods: "Methods",
  protocols: "Protocols",
  countries: "Countries",
  addresses: "Addresses",
  users: "Users",
  entryPages: "Entry pages",
  exitPages: "Exit pages",
};
