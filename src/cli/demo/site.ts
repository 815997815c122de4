/** The simulated site: its pages by popularity, what each loads, and how big things are. */
import { type Chance, zipf } from "./chance.ts";

export const SITE = "https://www.coolsite.example";

export interface Page {
  readonly path: string;
  readonly bytes: number;
  /** Typical time the server needs, ms. */
  readonly medianMs: number;
  readonly images: readonly Asset[];
}

export interface Asset {
  readonly path: string;
  readonly bytes: number;
}

export interface Site {
  /** Loaded once per visit, and by a returning visitor only asked about (304). */
  readonly assets: readonly Asset[];
  /** A page as visitors choose them: few are read by many, most by few. */
  page(chance: Chance): Page;
  /** All pages, as a crawler walks them. */
  readonly pages: readonly Page[];
}

const HOME = { path: "/", bytes: 18_400, medianMs: 14 };

const FIXED = [
  { path: "/products/", bytes: 31_200, medianMs: 22 },
  { path: "/news/", bytes: 24_100, medianMs: 18 },
  { path: "/about.html", bytes: 7_900, medianMs: 2 },
  { path: "/contact.html", bytes: 6_300, medianMs: 2 },
  { path: "/docs/", bytes: 12_700, medianMs: 9 },
  { path: "/downloads/", bytes: 9_800, medianMs: 6 },
];

const THINGS = "lamp chair kettle tent bicycle radio clock camera backpack knife guitar telescope blanket mug".split(
  " ",
);
const KINDS = "blue folding classic travel mini pro wooden solar silent winter city compact".split(" ");
const TOPICS = "opening summer-sale new-workshop interview recall repair-guide award open-day tour winners".split(" ");
const CHAPTERS = "getting-started installation care faq warranty returns sizes glossary accessories safety".split(" ");

const ASSETS: readonly Asset[] = [
  { path: "/assets/site.7c21.css", bytes: 21_900 },
  { path: "/assets/site.e41b.js", bytes: 84_300 },
  { path: "/assets/logo.svg", bytes: 3_120 },
  { path: "/assets/inter.woff2", bytes: 48_600 },
  { path: "/favicon.ico", bytes: 1_406 },
];

/** Builds the site; the same chance gives the same site. */
export function buildSite(chance: Chance): Site {
  const made: { path: string; bytes: number; medianMs: number }[] = [];
  const add = (path: string, bytes: number, medianMs: number) => {
    made.push({ path, bytes: Math.round(chance.logNormal(bytes, 0.4)), medianMs: chance.logNormal(medianMs, 0.3) });
  };
  for (const kind of KINDS) for (const thing of THINGS) add(`/products/${kind}-${thing}`, 22_000, 19);
  for (const topic of TOPICS)
    for (const month of ["08", "09", "10", "11"]) add(`/news/2026/${month}/${topic}`, 16_000, 12);
  for (const chapter of CHAPTERS) add(`/docs/${chapter}.html`, 11_000, 3);
  shuffle(made, chance);
  const pages = [HOME, ...FIXED, ...made].map((page, rank) => ({ ...page, images: imagesOf(page.path, rank, chance) }));
  const rank = zipf(pages.length, 0.95);
  return { assets: ASSETS, pages, page: (by) => pages[rank(by)]! };
}

function imagesOf(path: string, rank: number, chance: Chance): Asset[] {
  if (path.endsWith(".html")) return [];
  const name = path.split("/").findLast((part) => part !== "") ?? "home";
  const count = rank === 0 ? 4 : chance.whole(1, 4);
  return Array.from({ length: count }, (_, i) => ({
    path: `/images/${name}-${i + 1}.webp`,
    bytes: Math.round(chance.logNormal(46_000, 0.7)),
  }));
}

function shuffle<T>(items: T[], chance: Chance): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = chance.whole(0, i + 1);
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
}
