/**
 * Who visits. Addresses are of the ranges reserved for documentation and benchmarks (RFC 5737, RFC 2544, RFC 3849), so
 * that no simulated visitor has the address of a real one.
 */
import type { Chance } from "./chance.ts";
import { SITE } from "./site.ts";

export interface Visitor {
  readonly address: string;
  readonly user: string;
  readonly agent: string;
  /** Where the visit starts from, as the first request's referrer. */
  readonly referrer: string;
  /** Has been here before, so that the browser has the assets. */
  readonly returning: boolean;
  readonly protocol: "HTTP/1.1" | "HTTP/2.0";
}

const CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0";

const BROWSERS: readonly (readonly [string, number])[] = [
  [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${CHROME} Safari/537.36`, 30],
  [`Mozilla/5.0 (Linux; Android 10; K) ${CHROME} Mobile Safari/537.36`, 24],
  [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
    17,
  ],
  [`Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) ${CHROME} Safari/537.36`, 9],
  [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${CHROME} Safari/537.36 Edg/142.0.0.0`, 8],
  ["Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0", 5],
  ["Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", 3],
  [
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
    6,
  ],
];

const REFERRERS: readonly (readonly [string, number])[] = [
  ["-", 42],
  ["https://www.google.com/", 30],
  ["https://www.bing.com/", 5],
  ["https://duckduckgo.com/", 5],
  ["https://partner.example/offers", 4],
  ["https://forum.example/t/which-kettle/381", 3],
  [`${SITE}/`, 3],
];

/** How many people know the site. A few of them come often. */
const KNOWN_VISITORS = 20_000;

/** The next visitor to arrive. */
export function arrivingVisitor(chance: Chance): Visitor {
  // Squaring prefers low numbers: regulars. What depends on the number is the same at each visit.
  const number = Math.floor(chance.next() ** 2 * KNOWN_VISITORS);
  const agentAt = ((number * 2_654_435_761) >>> 0) / 0x1_0000_0000;
  return {
    address: addressOf(number),
    user: number % 13 === 0 ? `member${number}` : "-",
    agent: at(BROWSERS, agentAt),
    referrer: chance.weighted(REFERRERS),
    returning: number < KNOWN_VISITORS / 4 && chance.happens(0.7),
    protocol: number % 5 === 0 ? "HTTP/1.1" : "HTTP/2.0",
  };
}

/** One in four has IPv6. */
export function addressOf(number: number): string {
  if (number % 4 === 3) return `2001:db8:${(number >> 8).toString(16)}:${(number & 0xff).toString(16)}::1`;
  return `198.${18 + ((number >> 16) & 1)}.${(number >> 8) & 0xff}.${number & 0xff}`;
}

function at<T>(items: readonly (readonly [T, number])[], share: number): T {
  let left = share * items.reduce((sum, [, weight]) => sum + weight, 0);
  return (items.find(([, weight]) => (left -= weight) < 0) ?? items.at(-1)!)[0];
}
