import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parserFor } from "../../src/formats/parser-for.ts";
import { AccessRecord } from "../../src/formats/record.ts";
import { plain } from "./parsed.ts";

const sample = readFileSync(new URL("../data/access-combined.log", import.meta.url));

function countBy(of: (record: AccessRecord, outcome: string) => string | number): Record<string, number> {
  const parser = parserFor("combined");
  const record = new AccessRecord();
  const counts: Record<string, number> = {};
  for (let from = 0; from < sample.length; ) {
    const newline = sample.indexOf(10, from);
    const to = newline < 0 ? sample.length : newline;
    const key = of(record, parser.parse(sample, from, to, record));
    counts[key] = (counts[key] ?? 0) + 1;
    from = to + 1;
  }
  return counts;
}

test("all 10,000 lines of the sample count, with the statuses that other programs find", () => {
  assert.deepEqual(
    countBy((record) => record.status),
    { 200: 9126, 304: 445, 404: 213, 301: 164, 206: 45, 500: 3, 416: 2, 403: 2 },
  );
});

test("the one line of the sample that was cut is told as such, and gives what is there", () => {
  assert.deepEqual(
    countBy((_, outcome) => outcome),
    { ok: 9999, truncated: 1 },
  );
  const text = sample.toString("latin1").split("\n")[8898]!;
  const record = new AccessRecord();
  const line = Buffer.from(text);
  const outcome = parserFor("combined").parse(line, 0, line.length, record);
  assert.equal(record.truncated, true);
  const { status, path, agent } = plain(record, outcome);
  assert.deepEqual([status, path], [200, "/scripts/grok-py-test/configlib.py"]);
  assert.match(agent!, /Googlebot/);
});

test("fields of the sample agree with a regular expression", () => {
  const slow =
    /^(\S+) \S+ (\S+) \[([^\]]+)\] "(\S+) ((?:[^"\\]|\\.)*?)(?: (HTTP\/[\d.]+))?" (\d+) (\S+) "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)"$/;
  const parser = parserFor("combined");
  const record = new AccessRecord();
  let compared = 0;
  for (const text of sample.toString("utf8").split("\n")) {
    const found = slow.exec(text);
    if (found === null) continue;
    compared++;
    const line = Buffer.from(text);
    const got = plain(record, parser.parse(line, 0, line.length, record));
    const [, address, user, time, method, target, protocol, status, bytes, referrer, agent] = found;
    const none = (value: string | undefined) => (value === "-" ? undefined : value);
    assert.deepEqual(
      [
        got.address,
        got.user,
        got.time,
        got.method,
        got.target,
        got.protocol,
        got.status,
        got.size,
        got.referrer,
        got.agent,
      ],
      [
        address,
        none(user),
        time,
        method,
        target,
        protocol,
        Number(status),
        bytes === "-" ? 0 : Number(bytes),
        none(referrer),
        none(agent),
      ],
      text,
    );
    assert.equal(got.path, target!.split("?")[0]);
    assert.equal(got.query, target!.includes("?") ? target!.slice(target!.indexOf("?") + 1) : undefined);
  }
  assert.ok(compared > 9900, String(compared));
});
