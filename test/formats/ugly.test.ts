/** What clients, cut disks and old servers bring into logs: no format throws, hangs or reads the next line wrongly. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isRequest, MAX_LINE_BYTES } from "../../src/formats/line-parser.ts";
import { NAMED_FORMATS, parserFor } from "../../src/formats/parser-for.ts";
import { AccessRecord, TEXT_FIELDS } from "../../src/formats/record.ts";
import { parsed, parsedBy } from "./parsed.ts";

const REQUEST = /GET \S*\/news\?page=2\S* HTTP\/[\d.]+|(?<="|\t| )\/news(?:\?page=2[^"\s]*)?(?="|\t| )/;
const AGENT = /Mozilla\/5\.0[^"\t]*?(?="|\t| https)|curl\/8\.5\.0/;
const KiB64 = `/${"a".repeat(65_535)}`;

/** Lines made of an example, by what is ugly about them; latin1, so that any byte can be in them. */
function uglyLines(example: string): Record<string, string> {
  const request = (text: string): string => example.replace(REQUEST, () => text);
  const agent = (text: string): string => example.replace(AGENT, () => text);
  const address = (text: string): string => example.replaceAll("192.0.2.7", text);
  return {
    "no request": request("-"),
    "TLS hello, escaped": request("\\x16\\x03\\x01\\x02"),
    "TLS hello, raw": request("\x16\x03\x01\x02\xfc\x03"),
    "a scanner's greeting": request("MGLNDD_192.0.2.1_443"),
    "a request of blanks": request("     "),
    "an empty request": request(""),
    "a quote in the agent": agent('Mozilla \\"x\\" y'),
    "a quote at the agent's end": agent('Mozilla \\"'),
    "a backslash at the agent's end": agent("Mozilla \\\\"),
    "only quotes and backslashes": agent('\\"\\\\\\"'),
    "a quote that is not escaped": agent('Mozilla "x" y'),
    "a date in the agent": agent("Mozilla [24/Nov/2026:13:55:36 +0000] 2026-11-24T13:55:36Z"),
    "a whole line in the agent": agent('1.2.3.4 - - [01/Jan/2001:00:00:00 +0000] \\"GET / HTTP/1.1\\" 500 1'),
    "64 KiB of URI": request(`GET ${KiB64} HTTP/1.1`),
    "an IPv6 address with a zone": address("fe80::1%eth0"),
    "an unknown address": address("unknown"),
    "no address": address("-"),
    "a list of addresses": address("unknown, 10.0.0.1, 192.0.2.7"),
    "a leap second": example.replaceAll("13:55:36", "13:55:60"),
    "no such time": example.replaceAll("13:55:36", "25:61:61"),
    "no such day": example.replaceAll("24/Nov", "32/Nov").replaceAll("11-24", "11-32"),
    "NUL bytes": agent("Mozilla\0\0"),
    "only NUL bytes": "\0".repeat(100),
    "invalid UTF-8": request("GET /\xff\xfe\xc3 HTTP/1.1"),
    "a status that is none": example.replace(/\b200\b/, "2OO"),
    "huge numbers": example.replace(/\b2326\b|\b2750\b/, "9".repeat(40)),
    "a byte order mark": `\xef\xbb\xbf${example}`,
    "blanks before": `   ${example}`,
    "no blanks": example.replaceAll(" ", ""),
    "deep nesting": '{"a":'.repeat(50_000),
    "deep lists": `{"a":${"[".repeat(100_000)}`,
    "only quotes": '"'.repeat(10_000),
    "only backslashes": "\\".repeat(10_001),
    "only brackets": "[".repeat(10_000),
    "only spaces": " ".repeat(10_000),
    "a header": "#Fields: ",
    "a header of many fields": `#Fields: ${"x ".repeat(10_000)}`,
  };
}

function assertWithin(record: AccessRecord, from: number, to: number, line: Buffer, what: string): void {
  const [low, high] = record.bytes === line ? [from, to] : [0, record.bytes.length];
  for (const [field, name] of TEXT_FIELDS.entries()) {
    const start = record.extents[field * 2]!;
    const end = record.extents[field * 2 + 1]!;
    if (start === -1 && end === -1) continue;
    assert.ok(
      low <= start && start <= end && end <= high,
      `${what}: ${name} at ${start} to ${end} of ${low} to ${high}`,
    );
  }
  const { timeUs, startUs, endUs, status, size, requestSize, durationUs, ttfbUs, upstreamUs, upstreamLastUs } = record;
  for (const n of [timeUs, startUs, endUs, status, size, requestSize, durationUs, ttfbUs, upstreamUs, upstreamLastUs]) {
    assert.ok(Number.isSafeInteger(n), `${what}: ${n}`);
  }
}

for (const { name, example } of NAMED_FORMATS) {
  test(`${name}: no ugly line throws, leaves its bounds, or harms the next`, () => {
    const parser = parserFor(name);
    const record = new AccessRecord();
    const expected = parsedBy(parserFor(name), example);
    for (const [what, text] of Object.entries(uglyLines(example))) {
      const line = Buffer.from(`before\n${text}\n${example}\n`, "latin1");
      const to = 7 + Buffer.byteLength(text, "latin1");
      parser.parse(line, 7, to, record);
      assertWithin(record, 7, to, line, what);
      if (what.startsWith("a header")) continue; // which says that the next line is another
      assert.deepEqual(parsedBy(parser, example), expected, what);
    }
  });

  test(`${name}: whatever is asked for, the request counts`, () => {
    const lines = uglyLines(example);
    const uncounted = new Set(["no such time", "no such day", "a status that is none", "no blanks"]);
    const ours = Object.keys(lines).filter((what) => lines[what] !== example && lines[what]!.includes("2026"));
    for (const what of ours.filter(
      (each) => !uncounted.has(each) && !/blanks before|byte order|not escaped/.test(each),
    )) {
      const line = Buffer.from(lines[what]!, "latin1");
      // Where blanks part the fields and nothing is quoted, no server writes a blank into one.
      if (name === "w3c" && /agent|request|greeting|URI|UTF-8|list of|quotes/.test(what)) continue;
      if (name === "aws-alb" && what === "a list of addresses") continue;
      const { outcome } = parsed(name, line);
      assert.ok(isRequest(outcome), `${what}: ${outcome}: ${lines[what]!.slice(0, 300)}`);
    }
    if (name === "caddy") return; // whose time is a number
    for (const what of ["no such time", "no such day"]) assert.equal(parsed(name, lines[what]!).outcome, "bad-time");
    const { outcome } = parsed(name, lines["a status that is none"]!);
    assert.equal(outcome, "bad-status");
  });

  test(`${name}: a line with CRLF is the line, a leap second is the next minute's first`, () => {
    assert.deepEqual(parsed(name, `${example}\r`), parsed(name, example));
    const leap = parsed(name, example.replaceAll("13:55:36", "13:55:60"));
    assert.match(leap.at!, name === "caddy" ? /T13:55:36/ : /T13:56:00/);
  });

  test(`${name}: a line cut anywhere is told as such or refused, and never read as another`, () => {
    const parser = parserFor(name);
    const whole = parsedBy(parser, example);
    for (let length = 0; length < example.length; length++) {
      const cut = parsedBy(parser, example.slice(0, length));
      if (length === 0) assert.equal(cut.outcome, "empty");
      if (!isRequest(cut.outcome)) continue;
      assert.equal(cut.at?.slice(0, 19), whole.at!.slice(0, 19), `cut at ${length}`);
      assert.ok(cut.status === undefined || cut.status === whole.status, `cut at ${length}: ${cut.status}`);
      // The last number of a format may be cut unseen; any other is whole or absent.
      if (cut.outcome === "truncated") assert.ok(cut.size === undefined || cut.size === whole.size, `cut at ${length}`);
    }
  });

  test(`${name}: random damage to its lines stays within bounds`, () => {
    const parser = parserFor(name);
    const record = new AccessRecord();
    const damage = fc.array(
      fc.tuple(fc.nat(example.length - 1), fc.oneof(fc.nat(255), fc.constantFrom(34, 92, 32, 10))),
      {
        maxLength: 6,
      },
    );
    fc.assert(
      fc.property(damage, fc.nat(20), (changes, cut) => {
        const line = Buffer.from(`{" ${example} "\n`);
        for (const [at, byte] of changes) line[3 + at] = byte;
        const to = 3 + example.length - cut;
        parser.parse(line, 3, to, record);
        assertWithin(record, 3, to, line, line.toString("latin1"));
      }),
      { numRuns: 300 },
    );
  });

  test(`${name}: random bytes are refused without harm`, () => {
    const parser = parserFor(name);
    const record = new AccessRecord();
    const soup = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc
        .array(fc.constantFrom(...'"\\[]{}:,- /?#\t0123456789aGHT'), { maxLength: 200 })
        .map((all) => Buffer.from(all.join(""))),
    );
    fc.assert(
      fc.property(soup, (random) => {
        const line = Buffer.from(random);
        parser.parse(line, 0, line.length, record);
        assertWithin(record, 0, line.length, line, line.toString("latin1"));
      }),
      { numRuns: 300 },
    );
  });

  test(`${name}: empty lines and lines of more than 1 MiB are told as such`, () => {
    assert.equal(parsed(name, "").outcome, "empty");
    assert.equal(parsed(name, "\r").outcome, "empty");
    assert.equal(parsed(name, "x".repeat(MAX_LINE_BYTES + 1)).outcome, "too-long");
  });
}

test("fields of ugly lines are what the client sent", () => {
  const { example } = NAMED_FORMATS.find(({ name }) => name === "combined")!;
  const lines = uglyLines(example);
  const of = (what: string) => parsed("combined", Buffer.from(lines[what]!, "latin1"));
  assert.equal(of("no request").method, undefined);
  assert.equal(of("TLS hello, escaped").request, "\\x16\\x03\\x01\\x02");
  assert.equal(of("TLS hello, escaped").method, undefined);
  assert.equal(of("a scanner's greeting").request, "MGLNDD_192.0.2.1_443");
  assert.equal(of("64 KiB of URI").path, KiB64);
  assert.equal(of("a quote in the agent").agent, 'Mozilla \\"x\\" y');
  assert.equal(of("a quote at the agent's end").agent, 'Mozilla \\"');
  assert.equal(of("a backslash at the agent's end").agent, "Mozilla \\\\");
  assert.equal(of("an IPv6 address with a zone").address, "fe80::1%eth0");
  assert.equal(of("a date in the agent").at, "2026-11-24T13:55:36.000Z");
});

test("the hour that is there twice in autumn is told apart by its zone", () => {
  const at = (zone: string) => parsed("common", `::1 - - [25/Oct/2026:02:30:00 ${zone}] "GET / HTTP/1.1" 200 1`).at;
  assert.equal(at("+0200"), "2026-10-25T00:30:00.000Z");
  assert.equal(at("+0100"), "2026-10-25T01:30:00.000Z");
});
