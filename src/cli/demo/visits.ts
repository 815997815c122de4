/** What visitors and robots do: each visit yields its requests in the order in which they end. */
import type { Chance } from "./chance.ts";
import { endMs, type Request } from "./request.ts";
import { type Asset, type Page, SITE, type Site } from "./site.ts";
import { addressOf, arrivingVisitor, type Visitor } from "./visitor.ts";

export type Visit = Generator<Request, void, undefined>;

/** Reading time between two pages, median, ms. */
const THINK_MS = 14_000;

/** After each page, this share goes on to another. */
const STAYS = 0.8;

/** A person: pages one after the other, each with what it loads, now and then a search, a purchase or a broken link. */
export function* personVisit(site: Site, chance: Chance, startMs: number): Visit {
  const visitor = arrivingVisitor(chance);
  const seen = new Set<string>(visitor.returning ? site.assets.map(({ path }) => path) : []);
  let atMs = startMs;
  let referrer = visitor.referrer;
  let page = chance.happens(0.35) ? site.pages[0]! : site.page(chance);
  for (;;) {
    const target = targetOf(page, chance);
    const view = [requestOf(visitor, chance, atMs, target, page, referrer)];
    const from = `${SITE}${target}`;
    if (view[0]!.status === 200) {
      for (const asset of [...site.assets, ...page.images]) {
        const cached = seen.has(asset.path);
        if (cached && chance.happens(0.85)) continue; // not even asked about
        seen.add(asset.path);
        view.push(assetRequest(visitor, chance, endMs(view[0]!) + chance.exponential(60), asset, from, cached));
      }
    }
    yield* view.sort((a, b) => endMs(a) - endMs(b));
    let viewedMs = endMs(view.at(-1)!);
    if (chance.happens(0.04))
      viewedMs = yield* purchase(visitor, chance, viewedMs + chance.logNormal(9_000, 0.5), from);
    if (!chance.happens(STAYS)) return;
    atMs = viewedMs + chance.logNormal(THINK_MS, 0.8) + 200_000 * Number(chance.happens(0.02));
    referrer = from;
    page = chance.happens(0.12) ? site.pages[0]! : site.page(chance);
  }
}

/** A crawler: pages in a row at an even pace, nothing else. */
export function* crawlerVisit(site: Site, chance: Chance, startMs: number): Visit {
  const [agent, number] = chance.of(CRAWLERS);
  const robot = { ...ROBOT, address: addressOf(60_000 + number + chance.whole(0, 4)), agent };
  const first = chance.whole(0, site.pages.length);
  const paceMs = chance.of([900, 2_000, 5_000]);
  let atMs = startMs;
  yield shortRequest(robot, chance, atMs, "/robots.txt", 200, 164);
  for (let i = 0; i < 40; i++) {
    atMs += paceMs * (0.8 + 0.4 * chance.next());
    yield requestOf(robot, chance, atMs, site.pages[(first + i) % site.pages.length]!.path, site.pages[first]!, "-");
  }
}

/** A scan for what should not be there: many 404 in a few seconds from one address. */
export function* scanVisit(chance: Chance, startMs: number): Visit {
  const scanner = { ...ROBOT, address: addressOf(90_000 + chance.whole(0, 3_000)), agent: chance.of(SCANNERS) };
  let atMs = startMs;
  for (const target of SCANNED) {
    atMs += 40 + chance.exponential(120);
    yield shortRequest(scanner, chance, atMs, target, /\.(env|git)|server-status/.test(target) ? 403 : 404, 196);
  }
}

/** A monitor: asks for the same thing, minute after minute, for ever. */
export function* monitorVisit(chance: Chance, startMs: number): Visit {
  const monitor = { ...ROBOT, address: addressOf(70_000), agent: "check_http/v2.4 (monitoring-plugins 2.4)" };
  for (let atMs = startMs; ; atMs += 5_000)
    yield { ...shortRequest(monitor, chance, atMs, "/healthz", 200, 2), method: "HEAD" };
}

const ROBOT = { user: "-", referrer: "-", returning: false, protocol: "HTTP/1.1" } as const;

const CRAWLERS = [
  ["Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", 0],
  ["Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", 8],
  ["Mozilla/5.0 (compatible; ExampleBot/1.4; +https://bot.example/about)", 16],
  ["Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)", 24],
] as const;

const SCANNERS = ["Mozilla/5.0 zgrab/0.x", "-", "python-requests/2.32.3", "Mozilla/5.0 (Windows NT 6.1)"];

const SCANNED = (
  "/.env /.git/config /wp-login.php /wp-admin/ /xmlrpc.php /admin/ /phpmyadmin/ /backup.zip /config.json /.aws/credentials " +
  "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php /server-status /cgi-bin/luci /old/ /test.php /shell.php /api/v1/users /.DS_Store"
).split(" ");

const SEARCHED =
  "lamp tent winter+tent blue+kettle repair returns solar radio gift guitar+strings folding+bicycle".split(" ");

function targetOf(page: Page, chance: Chance): string {
  if (chance.happens(0.03)) return `/search?q=${chance.of(SEARCHED)}`;
  if (chance.happens(0.004)) return `${page.path.replace(/\/$/, "")}/index.old.html`;
  return page.path;
}

function requestOf(
  visitor: Visitor,
  chance: Chance,
  atMs: number,
  target: string,
  page: Page,
  referrer: string,
): Request {
  const missing = target.endsWith(".old.html");
  const status = missing ? 404 : chance.happens(0.0015) ? chance.of([500, 502, 503]) : 200;
  const bytes = status === 200 ? Math.round(page.bytes * (0.97 + 0.06 * chance.next())) : 421;
  const medianMs = target.startsWith("/search") ? 85 : page.medianMs;
  const durationUs = chance.logNormal(medianMs * 1000, 0.6);
  return { ...whoOf(visitor), atMs, durationUs, method: "GET", target, status, bytes, referrer };
}

function assetRequest(
  visitor: Visitor,
  chance: Chance,
  atMs: number,
  asset: Asset,
  referrer: string,
  cached: boolean,
): Request {
  const durationUs = chance.logNormal(500 + asset.bytes / 60, 0.5);
  const [status, bytes] = cached ? [304, 0] : [200, asset.bytes];
  return { ...whoOf(visitor), atMs, durationUs, method: "GET", target: asset.path, status, bytes, referrer };
}

function shortRequest(
  visitor: Visitor,
  chance: Chance,
  atMs: number,
  target: string,
  status: number,
  bytes: number,
): Request {
  const durationUs = chance.logNormal(450, 0.4);
  return { ...whoOf(visitor), atMs, durationUs, method: "GET", target, status, bytes, referrer: "-" };
}

/** Returns when the last of its requests ended, ms. */
function* purchase(
  visitor: Visitor,
  chance: Chance,
  startMs: number,
  from: string,
): Generator<Request, number, undefined> {
  let atMs = startMs;
  let endedMs = startMs;
  const step = (
    method: "GET" | "POST",
    target: string,
    status: number,
    bytes: number,
    medianMs: number,
    referrer: string,
  ) => {
    const durationUs = chance.logNormal(medianMs * 1000, 0.5);
    const request: Request = { ...whoOf(visitor), atMs, durationUs, method, target, status, bytes, referrer };
    endedMs = endMs(request);
    atMs = endedMs + chance.logNormal(6_000, 0.6);
    return request;
  };
  yield step("POST", "/cart", 303, 0, 30, from);
  yield step("GET", "/cart", 200, 9_400, 24, from);
  if (chance.happens(0.6)) return endedMs;
  yield step("POST", "/checkout", 303, 0, 210, `${SITE}/cart`);
  yield step("GET", "/thank-you", 200, 5_100, 16, `${SITE}/cart`);
  return endedMs;
}

function whoOf({ address, user, agent, protocol }: Visitor) {
  return { address, user, agent, protocol };
}
