import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { type CountSettings, countFiles } from "../../src/report/count-files.ts";
import { type Report, reportOf } from "../../src/report/report.ts";
import { MAIN, run } from "../cli/logspread.ts";
import { tempFolder } from "../temp.ts";

const SAMPLE = fileURLToPath(new URL("../data/access-combined.log", import.meta.url));
const sample = readFileSync(SAMPLE);

async function reportFrom(
  files: readonly string[],
  settings: Partial<CountSettings> = {},
  stdin = "",
): Promise<Report> {
  const counted = await countFiles(
    {
      files,
      format: "auto",
      parser: {},
      privacy: { address: "keep", query: "keep" },
      countries: undefined,
      fromUs: Number.NEGATIVE_INFINITY,
      toUs: Number.POSITIVE_INFINITY,
      threads: 1,
      seed: 1,
      ...settings,
    },
    { stdin: Readable.from(stdin === "" ? [] : [Buffer.from(stdin)]), progress: () => {} },
  );
  return reportOf(counted, 1000, 1);
}

/** All that must be the same however the lines were read. */
function said({ totals, codes, tops, series, parsed }: Report): unknown {
  return { totals, codes, tops, series, parsed: { ...parsed, files: [], bytes: 0 } };
}

test("the sample's figures", async () => {
  const { totals, codes, series, parsed, tops } = await reportFrom([SAMPLE]);
  assert.equal(totals.requests, 10_000);
  assert.equal(totals.bytes, 2_747_282_740);
  assert.equal(codes.find(({ status }) => status === 404)!.requests, 213);
  assert.equal(series.stepS, 3600);
  assert.equal(
    series.requests.reduce((a, b) => a + b),
    10_000,
  );
  assert.deepEqual([parsed.lines, parsed.requests, parsed.truncated], [10_000, 10_000, 1]);
  assert.deepEqual(parsed.files, [{ file: SAMPLE, format: "combined" }]);
  assert.equal(tops.pages![0]!.key, "/favicon.ico");
});

test("a rotated set of plain and compressed files says what one file of all lines says", async (t) => {
  const folder = tempFolder(t);
  const cut = (part: number) => sample.indexOf(10, Math.floor((sample.length * part) / 3)) + 1;
  const files = ["access.log.2.zst", "access.log.1.gz", "access.log"].map((name) => join(folder, name));
  writeFileSync(files[0]!, zstdCompressSync(sample.subarray(0, cut(1))));
  writeFileSync(files[1]!, gzipSync(sample.subarray(cut(1), cut(2))));
  writeFileSync(files[2]!, sample.subarray(cut(2)));
  const report = await reportFrom(files);
  assert.deepEqual(said(report), said(await reportFrom([SAMPLE])));
  assert.deepEqual(
    report.servers.map(({ server }) => server),
    files,
  );
  assert.equal(
    report.servers.reduce((sum, { requests }) => sum + requests, 0),
    10_000,
  );
});

test("standard input says what the file says", async () => {
  assert.deepEqual(said(await reportFrom(["-"], {}, sample.toString("latin1"))), said(await reportFrom([SAMPLE])));
});

test("several threads say what one says, a large file being read in parts", async (t) => {
  const folder = tempFolder(t);
  const large = join(folder, "large.log");
  writeFileSync(large, Buffer.concat(Array.from({ length: 30 }, () => sample)));
  const small = join(folder, "small.log.gz");
  writeFileSync(small, gzipSync(sample));
  const one = await reportFrom([large, small]);
  const several = await reportFrom([large, small], { threads: 2 });
  assert.equal(one.totals.requests, 310_000);
  assert.deepEqual(said(several), said(one));
  assert.deepEqual(
    several.servers.map(({ server, requests }) => [server, requests]).sort(),
    one.servers.map(({ server, requests }) => [server, requests]).sort(),
  );
});

test("each file is read in its own format, and a file without lines in none", async (t) => {
  const folder = tempFolder(t);
  const [common, json, empty] = ["common.log", "caddy.log", "empty.log"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(common, '192.0.2.1 - - [24/Nov/2026:13:55:36 +0000] "GET /a HTTP/1.1" 200 5\n');
  const caddy = {
    ts: 1_796_000_000.5,
    request: { remote_ip: "192.0.2.2", proto: "HTTP/2.0", method: "GET", host: "h", uri: "/b", headers: {} },
  };
  writeFileSync(
    json,
    `${JSON.stringify({ level: "info", logger: "http.log.access", msg: "handled request", ...caddy, duration: 0.25, size: 7, status: 200 })}\n`,
  );
  writeFileSync(empty, "");
  const { totals, parsed } = await reportFrom([common, json, empty]);
  assert.deepEqual(
    parsed.files.map(({ format }) => format),
    ["common", "caddy"],
  );
  assert.deepEqual([totals.requests, totals.bytes], [2, 12]);
  assert.ok(Math.abs(totals.time!.p50 - 0.25) < 0.25 * totals.time!.error + 1e-9);
});

test("lines before --from and after --to are counted as outside and nowhere else", async () => {
  const whole = await reportFrom([SAMPLE]);
  const noonUs = Date.UTC(2015, 4, 18, 12) * 1000;
  const [before, after] = [
    await reportFrom([SAMPLE], { toUs: noonUs }),
    await reportFrom([SAMPLE], { fromUs: noonUs }),
  ];
  assert.ok(before.totals.requests > 0 && after.totals.requests > 0);
  assert.equal(before.totals.requests + after.totals.requests, whole.totals.requests);
  assert.equal(before.parsed.outside, after.totals.requests);
  assert.ok(before.scope.toUs < noonUs && after.scope.fromUs >= noonUs);
});

test("lines that cannot be read are counted by reason, and no line is lost sight of", async (t) => {
  const path = join(tempFolder(t), "access.log");
  writeFileSync(
    path,
    `${sample.subarray(0, sample.indexOf(10)).toString()}\n\nnonsense\n\0\xff\n${"x".repeat(3_000_000)}\nlast`,
  );
  const { totals, parsed } = await reportFrom([path], { format: "combined" });
  const unparsed = Object.values(totals.unparsed).reduce((a, b) => a + b, 0);
  assert.equal(totals.requests, 1);
  assert.equal(parsed.lines, 1 + unparsed);
  assert.ok(unparsed >= 5);
  assert.equal(parsed.samples.at(-1)!.line, "last");
});

test("a log of ten years is shown in days, and one wrong date does not make a day of each since 1970", async (t) => {
  const folder = tempFolder(t);
  const [long, wrong] = ["long.log", "wrong.log"].map((name) => join(folder, name)) as [string, string];
  const line = (year: number, month: string) =>
    `192.0.2.1 - - [01/${month}/${year}:00:00:00 +0000] "GET / HTTP/1.1" 200 5\n`;
  const months = ["Jan", "Apr", "Jul", "Oct"];
  const years = Array.from({ length: 10 }, (_, i) => 2015 + i);
  writeFileSync(long, years.flatMap((year) => months.map((month) => line(year, month))).join(""));
  const { series } = await reportFrom([long]);
  assert.equal(series.stepS, 86_400);
  assert.equal(
    series.requests.reduce((a, b) => a + b),
    40,
  );
  writeFileSync(wrong, line(1970, "Jan") + line(2026, "Jan"));
  assert.ok((await reportFrom([wrong])).series.requests.length < 25_000);
});

test("privacy holds for the report, the lines that did not parse among it", async (t) => {
  const path = join(tempFolder(t), "access.log");
  writeFileSync(path, `${sample.subarray(0, 20_000).toString("latin1")}\n192.0.2.77 secret\n`);
  const report = await reportFrom([path], { privacy: { address: "truncate", query: "drop" } });
  assert.match(report.tops.addresses![0]!.key, /\.0$/);
  assert.doesNotMatch(JSON.stringify(report.tops), /\?/);
  assert.doesNotMatch(JSON.stringify(report.parsed), /192\.0\.2\.77|secret/);
});

// The command --------------------------------------------------------------------------------------------------------

test("`logspread report FILE` prints a report of at most 80 columns", async (t) => {
  const { code, stdout, stderr } = await run(t, ["report", SAMPLE]);
  assert.equal(code, 0);
  assert.equal(stderr, "");
  for (const line of stdout.split("\n")) assert.ok([...line].length <= 80, line);
  assert.match(stdout, /Requests +10,000\n/);
  assert.match(stdout, /404 Not Found +213/);
  assert.match(stdout, /\/favicon\.ico +807/);
});

test("`--json` prints an overview and how the lines fared; `--top` says how many rows", async (t) => {
  const { code, stdout } = await run(t, ["report", "--json", "--top", "3", SAMPLE]);
  const report = JSON.parse(stdout) as Report;
  assert.equal(code, 0);
  assert.equal(report.totals.requests, 10_000);
  assert.equal(report.tops.pages!.length, 3);
  assert.equal(report.parsed.lines, 10_000);
});

/** Lines with what harms a terminal or a page, in every field. */
function hostileLog(t: TestContext): string {
  const path = join(tempFolder(t), "<img src=x>.log");
  mkdirSync(join(path, ".."), { recursive: true });
  const evil = `<script>alert(1)</script>\x1b]0;owned\x07\u202e&"`.replaceAll('"', '\\"');
  writeFileSync(
    path,
    `192.0.2.1 - ${"\x1b[2J"}<u> [24/Nov/2026:13:55:36 +0000] "GET /${evil} HTTP/1.1" 404 5 "http://${evil}/" "${evil}"\n<i>\x1b[2J\n`,
  );
  return path;
}

test("nothing in a line can harm the terminal", async (t) => {
  const { stdout } = await run(t, ["report", "--format", "combined", hostileLog(t)]);
  assert.doesNotMatch(stdout, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
  assert.match(stdout, /\\x1b/);
});

test("nothing in a line becomes markup in the page, which loads nothing and runs nothing", async (t) => {
  const { stdout, code } = await run(t, ["report", "--format", "combined", "--html", "-", hostileLog(t)]);
  assert.equal(code, 0);
  assert.doesNotMatch(stdout, /<script|<img|<u>|<i>|[\x00-\x09\x0b-\x1f\u202e]/i);
  assert.match(stdout, /&lt;script&gt;/);
  assert.doesNotMatch(stdout, /<[a-z][^>"]*\s(?:src|href|action)\s*=|@import|url\(/);
  assert.match(stdout, /default-src 'none'/);
});

test("`--html FILE` writes the page there, and every tag in it is closed", async (t) => {
  const path = join(tempFolder(t), "report.html");
  const { stdout, code } = await run(t, ["report", "--html", path, SAMPLE]);
  assert.deepEqual([code, stdout], [0, ""]);
  const page = readFileSync(path, "utf8");
  const open: string[] = [];
  for (const [, close, name] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)\b[^>]*>/g)) {
    if (["meta"].includes(name!)) continue;
    if (close === "") open.push(name!);
    else assert.equal(open.pop(), name);
  }
  assert.deepEqual(open, []);
  assert.ok(page.length < 120_000, `${page.length} characters`);
});

test("a reader that goes away ends it quietly", async (t) => {
  const child = spawn(process.execPath, [MAIN, "report", "--top", "10000", "--json", SAMPLE]);
  t.after(() => child.kill("SIGKILL"));
  let stderr = "";
  child.stderr.on("data", (text) => (stderr += text));
  child.stdout.once("data", () => child.stdout.destroy());
  const [code] = await once(child, "close");
  assert.deepEqual([code, stderr], [0, ""]);
});

for (const [args, code, says] of [
  [[], 2, /was not told what to read/],
  [["--json", "--html", "x", "a.log"], 2, /contradict/],
  [["--top", "none", SAMPLE], 2, /--top none/],
  [["--from", "yesteryear", SAMPLE], 2, /not a time/],
  [["/no/such/file"], 74, /ENOENT.*\/no\/such\/file/],
  [["--format", "%nonsense", SAMPLE], 78, /%nonsense|directive/],
] as const) {
  test(`\`logspread report ${args.join(" ").replace(SAMPLE, "FILE")}\` ends with ${code} and says why`, async (t) => {
    const ended = await run(t, ["report", ...args]);
    assert.equal(ended.code, code);
    assert.match(ended.stderr, says);
  });
}

test("a file that is no access log, and a compressed one that is cut, are named with what to do", async (t) => {
  const folder = tempFolder(t);
  const [prose, cut] = ["prose.txt", "cut.log.gz"].map((name) => join(folder, name)) as [string, string];
  writeFileSync(prose, "Once upon a time\nthere was a log\n");
  await assert.rejects(reportFrom([prose]), /cannot tell the format of .*prose\.txt/);
  writeFileSync(cut, gzipSync(sample).subarray(0, 100_000));
  await assert.rejects(reportFrom([cut], { format: "combined" }), /cannot read .*cut\.log\.gz/);
});

test("without a single request it ends with 1", async (t) => {
  const path = join(tempFolder(t), "empty.log");
  writeFileSync(path, "");
  const { code, stdout } = await run(t, ["report", path]);
  assert.equal(code, 1);
  assert.match(stdout, /no requests/);
});
