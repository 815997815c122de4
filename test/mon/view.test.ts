import assert from "node:assert/strict";
import { test } from "node:test";
import type { Overview } from "../../src/metrics/snapshot.ts";
import { ASCII, type Look, lineWidth, UNICODE } from "../../src/mon/line.ts";
import { onceText } from "../../src/mon/once.ts";
import { newState, type State, TABS } from "../../src/mon/state.ts";
import { type Feed, type Size, view } from "../../src/mon/view.ts";
import { AT_US, overview, quantiles, server, session, top } from "./overview.ts";

process.env.TZ = "UTC";

const SMALL = { columns: 60, rows: 15 };
const USUAL = { columns: 80, rows: 24 };
const LARGE = { columns: 120, rows: 40 };

interface Given {
  overview?: Overview | undefined;
  state?: Partial<State>;
  feed?: Partial<Feed>;
  size?: Size;
  look?: Look;
  known?: readonly string[];
}

/** The screen as text; checks of every screen that it is as large as the terminal. */
function shown(given: Given = {}): string[] {
  const { state, feed, size = USUAL, look = UNICODE, known = ["coolsite", "shop"] } = given;
  const { lines } = view(
    {
      feed: {
        link: { kind: "live", node: "http://log1:4804" },
        overview: "overview" in given ? given.overview : overview(),
        receivedMs: 9600,
        ...feed,
      },
      state: { ...newState([], 300), ...state },
      known,
      nowMs: 10_000,
    },
    size,
    look,
  );
  assert.equal(lines.length, size.rows);
  for (const line of lines) assert.ok(lineWidth(line) <= size.columns, line.map(({ text }) => text).join(""));
  return lines.map((line) =>
    line
      .map(({ text }) => text)
      .join("")
      .trimEnd(),
  );
}

test("80x24 shows the figures, the chart, a row a server and the keys", () => {
  const lines = shown();
  assert.deepEqual(lines.slice(0, 5), [
    " logspread  all groups, last 5 min               live  data 0.4 s old  13:55:36",
    " Requests/s     123  Band     1.53 MB/s  5xx now     0.08 %  Online         321",
    " Requests    37,035  Bulk        460 MB  5xx          0.1 %  Visitors     2,345",
    " Time p50     12 ms  Time p95     60 ms  Time p99    240 ms  Size p50      4 kB",
    " 2xx         94.5 %  3xx          4.1 %  4xx          1.4 %  Robots       3.2 %",
  ]);
  assert.match(lines[5]!, /^ {5}149\/s [▁▂▃▄▅▆▇█]{60}|^ {5}148\/s /);
  assert.deepEqual(lines.slice(8, 13), [
    "──[Servers 3 by requests] 2 pages  3 codes  4 sessions  5 anomalies ────────────",
    "SERVER            REQ/S   BYTES/S     5XX    REL     P95     SKEW TREND",
    "web3               41.4    512 kB   0.2 %   1.1×   60 ms    +3 ms ██▆▆▆▆▇▇▇▇▇███",
    "web1               41.2    512 kB   0.2 %   1.1×   60 ms    +3 ms ██▆▆▆▆▇▇▇▇▇███",
    "web2               40.8    512 kB   0.2 %   1.1×   60 ms    +3 ms ██▆▆▆▆▇▇▇▇▇███",
  ]);
  assert.equal(lines[23], " q quit  ? help  t panel  g groups  s sort  p pause  +- span  c disconnect");
});

test("60x15 leaves out the chart and the least important columns", () => {
  const lines = shown({ size: SMALL });
  assert.match(lines[1]!, /Requests\/s +123 .*Band.*5xx now/);
  assert.equal(lines[6], "SERVER                REQ/S   BYTES/S     5XX    REL     P95");
  assert.ok(lines.some((line) => line.startsWith("web1 ")));
  assert.equal(
    lines.find((line) => /█{20}/.test(line)),
    undefined,
  );
});

test("120x40 shows more columns, and beside another panel the servers", () => {
  const lines = shown({ size: LARGE, state: { tab: "codes" } }).join("\n");
  assert.match(lines, /http:\/\/log1:4804/);
  assert.match(lines, /SERVER .*TIME P50 .*SIZE P95 +REQUESTS .*SEEN/);
  assert.match(lines, /404 {2}Not Found +500 +1\.6 +1\.4 %/);
});

test("a terminal of a few lines shows the rates", () => {
  assert.deepEqual(shown({ size: { columns: 30, rows: 4 } }).slice(1), ["123 requests/s", "1.53 MB/s", "0.08 % 5xx"]);
});

test("every panel of every overview fits every terminal", () => {
  const hostile = "\x1b]0;owned\x07\x9b2J\u202e<b>\r\n漢字🙂é́́́́" + "x".repeat(5000);
  const nothing: Overview = overview({
    servers: [],
    codes: [],
    groups: [],
    tops: {},
    sessions: { ...overview().sessions, online: 0, meanLengthS: null, lengthS: null, meanPages: null, rows: [] },
    series: { ...overview().series, requests: [], bytes: [], classes: [], visitors: [] },
    totals: { ...overview().totals, requests: 0, bytes: 0, time: null, size: null, classes: [0, 0, 0, 0, 0, 0] },
    now: { requestsPerS: 0, bytesPerS: 0, errorShare: 0 },
  });
  const huge = 1.7e300;
  const all: Overview[] = [
    overview(),
    nothing,
    overview({
      scope: { ...overview().scope, groups: [hostile] },
      now: { requestsPerS: huge, bytesPerS: huge, errorShare: 1 },
      totals: {
        ...overview().totals,
        requests: huge,
        bytes: huge,
        visitors: huge,
        time: quantiles(huge),
        unparsed: { x: huge },
      },
      lagS: 1e9,
      simulated: true,
      servers: Array.from({ length: 50 }, (_, i) =>
        server(hostile + i, {
          requests: huge,
          requestsPerS: huge,
          bytesPerS: Number.NaN,
          skewS: -huge,
          relativeErrors: null,
          time: null,
          size: quantiles(huge),
          lastSeenUs: 0,
          spark: [Number.NaN, -1, huge, 0],
          deviation: { rate: huge, errors: null, time: null, size: null },
        }),
      ),
      codes: [{ status: 0, requests: huge, share: 7, perS: huge }],
      groups: [{ group: hostile, requests: huge }],
      tops: { pages: Array.from({ length: 40 }, () => top(hostile, { meanTimeS: null, trend: [], requests: huge })) },
      sessions: {
        ...overview().sessions,
        rows: [session(hostile, { agent: hostile, servers: [hostile], exitPage: hostile, startUs: 0 })],
      },
      anomalies: [
        {
          id: 1,
          kind: "errors",
          subject: hostile,
          group: hostile,
          openedUs: Number.NaN,
          closedUs: null,
          value: huge,
          expected: 0,
          text: hostile,
        },
      ],
    }),
  ];
  const sizes = [SMALL, USUAL, LARGE, { columns: 40, rows: 10 }, { columns: 1, rows: 1 }, { columns: 300, rows: 100 }];
  const overlays: State["overlay"][] = [{ kind: "none" }, { kind: "help" }, { kind: "groups", at: 1 }];
  for (const each of all) {
    for (const size of sizes) {
      for (const tab of TABS) {
        for (const overlay of overlays) {
          for (const look of [UNICODE, ASCII]) {
            const state = { tab, overlay, scroll: 7, notice: hostile, groups: [hostile] };
            const lines = shown({ overview: each, size, state, look, known: [hostile] });
            // Neither a control character nor one that turns text; for a terminal of ASCII, nothing else.
            for (const line of lines) {
              assert.doesNotMatch(line, look.ascii ? /[^\x20-\x7e]/ : /[\0-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/);
            }
          }
        }
      }
    }
  }
  for (const each of all) {
    assert.doesNotMatch(onceText(each, "http://x", "errors", 80, ASCII), /[^\x20-\x7e\n]/);
  }
});

test("what is not known is a dash and never a zero", () => {
  const lines = shown({
    overview: overview({
      servers: [server("web1", { time: null, skewS: null, relativeErrors: null })],
      totals: { ...overview().totals, time: null },
    }),
  });
  assert.match(lines[3]!, /Time p50 +– +Time p95 +– +Time p99 +–/);
  assert.match(lines.find((line) => line.startsWith("web1 "))!, /0\.2 % +– +– +– /);
});

test("a lost node is told with its reason, and with the age of the figures", () => {
  const lines = shown({
    feed: {
      receivedMs: 3000,
      link: { kind: "lost", node: "http://log1:4804", why: "connect ECONNREFUSED", sinceMs: 4000, retryAtMs: 12_500 },
    },
  });
  assert.match(lines[0]!, /lost {2}data 7\.0 s old/);
  assert.equal(lines[1], " http://log1:4804 gone for 6.0 s, next try in 3 s: connect ECONNREFUSED");
});

test("an open anomaly is told above every other panel, and one that is over is not", () => {
  const anomaly = {
    id: 1,
    kind: "errors" as const,
    subject: "web3",
    group: "coolsite",
    openedUs: AT_US - 90e6,
    closedUs: null,
    value: 0.05,
    expected: 0.001,
    text: "web3 fails",
  };
  assert.equal(shown({ overview: overview({ anomalies: [anomaly] }) })[1], " ! web3 fails");
  const over = overview({ anomalies: [{ ...anomaly, closedUs: AT_US }] });
  assert.doesNotMatch(shown({ overview: over }).join("\n"), /web3 fails/);
  const panel = shown({ overview: overview({ anomalies: [anomaly] }), state: { tab: "anomalies" } }).join("\n");
  assert.match(panel, /13:54:06 +90 s OPEN +errors +coolsite +web3 fails/);
});

test("lag, pause and simulated figures are told in the first line", () => {
  const [first] = shown({ overview: overview({ lagS: 4.2, simulated: true }), state: { paused: true } });
  assert.match(first!, /SIMULATED {2}PAUSED {2}live {2}data 0\.4 s old {2}lag 4\.2 s/);
});

test("lines that did not parse are told among the figures", () => {
  const totals = { ...overview().totals, unparsed: { "no request": 3, "bad status": 4 } };
  assert.match(shown({ overview: overview({ totals }) }).join("\n"), /Unparsed +7$/m);
  assert.doesNotMatch(shown().join("\n"), /Unparsed/);
});

test("servers are sorted by what is asked for, equal ones by name", () => {
  const servers = [
    server("c", { errorShare: 0.01, requestsPerS: 3, time: null }),
    server("a", { errorShare: 0, requestsPerS: 9, time: quantiles(1) }),
    server("b", { errorShare: 0.01, requestsPerS: 1, time: quantiles(2) }),
  ];
  const order = (sort: State["sort"]) =>
    shown({ overview: overview({ servers }), state: { sort } })
      .map((line) => /^([abc]) +\d/.exec(line)?.[1] ?? "")
      .join("");
  assert.equal(order("requests"), "acb");
  assert.equal(order("errors"), "bca");
  assert.equal(order("time"), "bac");
  assert.equal(order("name"), "abc");
});

test("a panel that is longer than the screen can be scrolled to its end, and no further", () => {
  const servers = Array.from({ length: 100 }, (_, i) => server(`web${String(i).padStart(2, "0")}`));
  const given: Given = { overview: overview({ servers }), state: { sort: "name", scroll: 1e9 } };
  const lines = shown(given);
  assert.ok(lines.some((line) => line.startsWith("web99 ")));
  assert.ok(lines.some((line) => line.startsWith("89 to 100 of 100")));
});

test("pages show their figures, and the bound of their error where there is one", () => {
  const lines = shown({ state: { tab: "pages" }, size: LARGE }).join("\n");
  assert.match(lines, /PAGES +REQUESTS MORE BY/);
  assert.match(lines, /\/search\?q=logs +800 +12 +12\.0 % +12 MB +2 +20 ms/);
});

test("sessions show where a visitor is and through which servers it came", () => {
  const lines = shown({ state: { tab: "sessions" } }).join("\n");
  assert.match(lines, /alice +7 +42 +4 min +2\.0 s \/checkout +web1 web3/);
});

test("the list of groups marks those that are joined, patterns included", () => {
  const lines = shown({ state: { overlay: { kind: "groups", at: 1 }, groups: ["cool*"] } });
  assert.match(lines[3]!, /^ > \[x\] coolsite +37,000 requests/);
  assert.match(lines[4]!, /^ {3}\[ \] shop/);
});

test("the first screen says that it waits", () => {
  assert.match(shown({ overview: undefined }).join("\n"), /Waiting for the first figures/);
});
