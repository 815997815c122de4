/** Overviews as a node makes them, of a site with a few servers. */
import type { Overview, Quantiles, ServerRow, SessionRow, TopRow } from "../../src/metrics/snapshot.ts";

export const AT_US = Date.UTC(2026, 10, 24, 13, 55, 36) * 1000;

export function quantiles(p50: number): Quantiles {
  return {
    count: 1000,
    mean: p50 * 1.2,
    p50,
    p90: p50 * 3,
    p95: p50 * 5,
    p99: p50 * 20,
    max: p50 * 100,
    error: 0.01,
  };
}

export function server(name: string, change: Partial<ServerRow> = {}): ServerRow {
  return {
    server: name,
    requests: 12_345,
    requestsPerS: 41.2,
    bytesPerS: 512_000,
    errorShare: 0.002,
    relativeErrors: 1.1,
    time: quantiles(0.012),
    size: quantiles(4000),
    skewS: 0.003,
    lastSeenUs: AT_US - 400_000,
    spark: Array.from({ length: 60 }, (_, i) => 30 + (i % 12)),
    deviation: { rate: 0.1, errors: 0.4, time: -0.3, size: 0 },
    ...change,
  };
}

export function top(key: string, change: Partial<TopRow> = {}): TopRow {
  return {
    key,
    requests: 5000,
    over: 0,
    bytes: 12_000_000,
    errors: 2,
    meanTimeS: 0.02,
    share: 0.12,
    trend: Array.from({ length: 30 }, (_, i) => i),
    ...change,
  };
}

export function session(visitor: string, change: Partial<SessionRow> = {}): SessionRow {
  return {
    id: "s1",
    group: "coolsite",
    visitor,
    agent: "Firefox",
    robot: false,
    startUs: AT_US - 300e6,
    lastUs: AT_US - 2e6,
    requests: 42,
    pages: 7,
    bytes: 100_000,
    servers: ["web1", "web3"],
    entryPage: "/",
    exitPage: "/cart",
    clicks: [],
    ...change,
  };
}

export function overview(change: Partial<Overview> = {}): Overview {
  const requests = Array.from({ length: 300 }, (_, i) => 120 + (i % 30));
  const none = requests.map(() => null);
  return {
    scope: { groups: [], servers: [], fromUs: AT_US - 300e6, toUs: AT_US },
    atUs: AT_US,
    lagS: 0.2,
    simulated: false,
    totals: {
      requests: 37_035,
      bytes: 460_000_000,
      classes: [0, 0, 35_000, 1500, 500, 35],
      errorShare: 0.001,
      visitors: 2345,
      visitorsError: 0.016,
      robots: 1200,
      unparsed: {},
      time: quantiles(0.012),
      size: quantiles(4000),
    },
    now: { requestsPerS: 123.4, bytesPerS: 1_530_000, errorShare: 0.0008 },
    series: {
      stepS: 1,
      startS: AT_US / 1e6 - 300,
      requests,
      bytes: requests.map((count) => count * 12_000),
      classes: [0, 0, 120, 4, 2, 0].map((count) => requests.map(() => count)),
      visitors: requests,
      timeP50: none,
      timeP95: none,
      timeP99: none,
    },
    servers: [server("web1"), server("web2", { requestsPerS: 40.8 }), server("web3", { requestsPerS: 41.4 })],
    codes: [
      { status: 200, requests: 35_000, share: 0.945, perS: 116.6 },
      { status: 304, requests: 1500, share: 0.04, perS: 5 },
      { status: 404, requests: 500, share: 0.0135, perS: 1.6 },
      { status: 503, requests: 35, share: 0.001, perS: 0.1 },
    ],
    groups: [
      { group: "coolsite", requests: 37_000 },
      { group: "shop", requests: 35 },
    ],
    tops: { pages: [top("/"), top("/cart", { requests: 3000 }), top("/search?q=logs", { requests: 800, over: 12 })] },
    sessions: {
      online: 321,
      robotsOnline: 4,
      visits: 87,
      meanLengthS: 194,
      lengthS: quantiles(120),
      meanPages: 5.4,
      endedEarly: 0,
      rows: [session("192.0.2.7"), session("alice", { exitPage: "/checkout" })],
    },
    anomalies: [],
    ...change,
  };
}
