/** The report beside Debian's GoAccess 1.7 on the sample: docs/metrics.md explains each difference of definition. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { countFiles } from "../../src/report/count-files.ts";
import { type Report, reportOf } from "../../src/report/report.ts";

const SAMPLE = fileURLToPath(new URL("../data/access-combined.log", import.meta.url));
const DAY_US = 86_400e6;

interface Row {
  readonly hits: { readonly count: number };
  readonly visitors: { readonly count: number };
  readonly bytes: { readonly count: number };
  readonly data: string;
  readonly method?: string;
  readonly protocol?: string;
  readonly items?: readonly Row[];
}

interface Panel {
  readonly data: readonly Row[];
}

interface Theirs {
  readonly general: Readonly<Record<string, number | string>>;
  readonly visitors: Panel;
  readonly requests: Panel;
  readonly static_requests: Panel;
  readonly not_found: Panel;
  readonly hosts: Panel;
  readonly referrers: Panel;
  readonly referring_sites: Panel;
  readonly status_codes: Panel;
}

let theirs: Theirs;
let ours: Report;

async function report(fromUs = Number.NEGATIVE_INFINITY, toUs = Number.POSITIVE_INFINITY): Promise<Report> {
  const counted = await countFiles(
    {
      files: [SAMPLE],
      format: "combined",
      parser: {},
      privacy: { address: "keep", query: "keep" },
      countries: undefined,
      fromUs,
      toUs,
      threads: 1,
      seed: 1,
    },
    { stdin: Readable.from([]), progress: () => {} },
  );
  return reportOf(counted, 100_000, 1);
}

before(async () => {
  const folder = mkdtempSync(join(tmpdir(), "logspread-test-"));
  try {
    const file = join(folder, "goaccess.json");
    // --4xx-to-unique-count: we count whoever asked for anything as a visitor. --max-items: all rows.
    const args = [SAMPLE, "--log-format=COMBINED", "--no-global-config", "--4xx-to-unique-count", "--max-items=100000"];
    args.push("--no-progress", "-o", file);
    execFileSync("/usr/bin/goaccess", args, { stdio: "ignore" });
    theirs = JSON.parse(readFileSync(file, "latin1"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  ours = await report();
});

/** Hits and bytes by a key, over all rows of panels. */
function sums(panels: readonly Panel[], keyOf: (row: Row) => string | undefined): Map<string, string> {
  const found = new Map<string, { hits: number; bytes: number }>();
  for (const row of panels.flatMap(({ data }) => data)) {
    const key = keyOf(row);
    if (key === undefined) continue;
    const sum = found.get(key) ?? { hits: 0, bytes: 0 };
    sum.hits += row.hits.count;
    sum.bytes += row.bytes.count;
    found.set(key, sum);
  }
  return new Map([...found].map(([key, { hits, bytes }]) => [key, `${hits} requests, ${bytes} bytes`]));
}

/** A page as GoAccess names it: percent-encoding undone, blanks at the ends gone. As latin1, that no byte gets lost. */
function theirName(page: string): string {
  const bytes = Buffer.from(page).toString("latin1");
  return bytes.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))).trim();
}

/** Rows of pages as GoAccess would have them: several of ours may be one of theirs. */
function ourPages(list: "pages" | "notFound", show: (requests: number, bytes: number) => string): Map<string, string> {
  const found = new Map<string, { requests: number; bytes: number }>();
  for (const { key, requests, bytes } of ours.tops[list]!) {
    const sum = found.get(theirName(key)) ?? { requests: 0, bytes: 0 };
    sum.requests += requests;
    sum.bytes += bytes;
    found.set(theirName(key), sum);
  }
  return new Map([...found].map(([key, { requests, bytes }]) => [key, show(requests, bytes)]));
}

function oursOf(
  list: "pages" | "methods" | "protocols" | "addresses" | "referringSites" | "referrers",
): Map<string, string> {
  return new Map(ours.tops[list]!.map(({ key, requests, bytes }) => [key, `${requests} requests, ${bytes} bytes`]));
}

/** GoAccess puts a request into one of three panels, by kind and status; we have them in one list. */
function pages(): Panel[] {
  return [theirs.requests, theirs.static_requests, theirs.not_found];
}

test("hits and bytes agree", () => {
  assert.equal(theirs.general.total_requests, ours.totals.requests);
  assert.equal(theirs.general.valid_requests, ours.totals.requests);
  assert.equal(theirs.general.bandwidth, ours.totals.bytes);
});

test("status codes agree", () => {
  const codes = theirs.status_codes.data.flatMap(({ items }) => items!);
  assert.deepEqual(
    new Map(ours.codes.map(({ status, requests }) => [String(status), requests])),
    new Map(codes.map(({ data, hits }) => [data.slice(0, 3), hits.count])),
  );
});

test("pages agree, every one of them, with their bytes", () => {
  const figures = (requests: number, bytes: number) => `${requests} requests, ${bytes} bytes`;
  assert.deepEqual(
    ourPages("pages", figures),
    sums(pages(), ({ data }) => data.trim()),
  );
});

test("pages that were not found agree", () => {
  const wanted = new Map<string, number>();
  for (const { data, hits } of theirs.not_found.data) wanted.set(data, (wanted.get(data) ?? 0) + hits.count);
  assert.deepEqual(ourPages("notFound", String), new Map([...wanted].map(([key, hits]) => [key.trim(), String(hits)])));
});

test("methods and protocols agree", () => {
  assert.deepEqual(
    oursOf("methods"),
    sums(pages(), ({ method }) => method),
  );
  assert.deepEqual(
    oursOf("protocols"),
    sums(pages(), ({ protocol }) => protocol),
  );
});

test("addresses agree", () => {
  assert.deepEqual(
    oursOf("addresses"),
    sums([theirs.hosts], ({ data }) => data),
  );
});

test("referring sites agree", () => {
  assert.deepEqual(
    oursOf("referringSites"),
    sums([theirs.referring_sites], ({ data }) => data),
  );
});

test("visitors of each day agree within three standard errors; theirs in all are the sum of the days", async () => {
  let sum = 0;
  for (const { data, visitors } of theirs.visitors.data) {
    const dayUs = Date.UTC(Number(data.slice(0, 4)), Number(data.slice(4, 6)) - 1, Number(data.slice(6))) * 1000;
    const { totals } = await report(dayUs, dayUs + DAY_US);
    const off = Math.abs(totals.visitors / visitors.count - 1);
    assert.ok(off <= 3 * totals.visitorsError, `${data}: ${totals.visitors}, GoAccess ${visitors.count}`);
    sum += visitors.count;
  }
  assert.equal(sum, theirs.general.unique_visitors);
  assert.ok(ours.totals.visitors < sum);
});

test("the parser reads the sample's cut line as GoAccess does", () => {
  assert.equal(ours.parsed.truncated, 1);
});
