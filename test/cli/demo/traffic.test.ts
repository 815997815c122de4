import assert from "node:assert/strict";
import { test } from "node:test";
import { chanceFrom } from "../../../src/cli/demo/chance.ts";
import { endMs, type Request } from "../../../src/cli/demo/request.ts";
import { balancer, servers } from "../../../src/cli/demo/servers.ts";
import { buildSite } from "../../../src/cli/demo/site.ts";
import { REQUESTS_PER_VISIT, traffic } from "../../../src/cli/demo/traffic.ts";
import { personVisit } from "../../../src/cli/demo/visits.ts";

const START = Date.UTC(2026, 10, 24, 10);
const DAY_MS = 12 * 60_000;

function requestsOf(seed: number, perSecond: number, ms: number): Request[] {
  return [...traffic(perSecond, chanceFrom(seed), START).upTo(START + ms)];
}

const day = requestsOf(5, 50, DAY_MS);

test("the same seed gives the same lines", () => {
  const lines = (seed: number) => {
    const chance = chanceFrom(seed);
    const { serve } = balancer(chance, START);
    return [...traffic(20, chance, START).upTo(START + 20_000)].map((request) => serve(request).line).join("");
  };
  assert.equal(lines(1), lines(1));
  assert.notEqual(lines(1), lines(2));
});

test("over a day of the demo the rate is about what was asked for, from the start on", () => {
  const rate = day.length / (DAY_MS / 1000);
  assert.ok(rate > 40 && rate < 60, `${rate} requests/s`);
  const early = day.filter((request) => endMs(request) < START + 30_000).length / 30;
  assert.ok(early > 30 && early < 70, `${early} requests/s in the first half minute`);
});

test("visits are as long as the arrivals count on", () => {
  const chance = chanceFrom(9);
  const site = buildSite(chance);
  const visits = Array.from({ length: 3000 }, () => [...personVisit(site, chance, START)].length);
  const mean = visits.reduce((a, b) => a + b) / visits.length;
  assert.ok(Math.abs(mean / REQUESTS_PER_VISIT.person - 1) < 0.15, `${mean} requests`);
});

test("requests come out in the order of their ends, none before the start", () => {
  for (let i = 1; i < day.length; i++) assert.ok(endMs(day[i]!) >= endMs(day[i - 1]!), `request ${i}`);
  assert.ok(endMs(day[0]!) >= START);
});

test("there are visitors who come again, crawlers, a scan, searches and purchases", () => {
  const some = (what: (request: Request) => boolean) => assert.ok(day.some(what), String(what));
  some((r) => r.status === 304);
  some((r) => r.agent.includes("Googlebot"));
  some((r) => r.target === "/wp-login.php" && r.status === 404);
  some((r) => r.target.startsWith("/search?q="));
  some((r) => r.method === "POST" && r.target === "/checkout");
  some((r) => r.user !== "-");
  some((r) => r.address.includes(":"));
});

test("a few pages are read by many", () => {
  const counts = new Map<string, number>();
  for (const { target } of day.filter((r) => !/^\/(assets|images)/.test(r.target))) {
    counts.set(target, (counts.get(target) ?? 0) + 1);
  }
  const sorted = [...counts.values()].sort((a, b) => b - a);
  const total = sorted.reduce((a, b) => a + b);
  assert.ok(sorted.slice(0, 10).reduce((a, b) => a + b) / total > 0.3);
  assert.ok(sorted.length > 150);
});

test("one visit goes through several servers, and each serves its share", () => {
  const { serve } = balancer(chanceFrom(3), START);
  const counts = servers.map(() => 0);
  const ofAddress = new Map<string, Set<number>>();
  for (const request of day) {
    const { server } = serve(request);
    counts[server]!++;
    const seen = ofAddress.get(request.address) ?? new Set();
    ofAddress.set(request.address, seen.add(server));
  }
  for (const count of counts) assert.ok(Math.abs(count / day.length - 0.25) < 0.02, String(counts));
  assert.ok([...ofAddress.values()].filter((seen) => seen.size > 1).length > ofAddress.size / 2);
});

test("a line is Apache's combined format with %D, of addresses that nobody has", () => {
  const { serve } = balancer(chanceFrom(3), START);
  const form =
    /^(198\.1[89]\.\d+\.\d+|2001:db8:[\da-f:]+) - (-|\w+) \[24\/Nov\/2026:\d\d:\d\d:\d\d \+0000\] "(GET|POST|HEAD) \/\S* HTTP\/[\d.]+" \d{3} (\d+|-) "[^"]+" "[^"]+" \d+\n$/;
  for (const request of day) assert.match(serve(request).line, form);
});
