import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileTimestamp } from "../../src/formats/timestamp.ts";
import { UTC, zoneOf } from "../../src/formats/zone.ts";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** The plain slow twin of `clf`. */
function slowClf(line: string): { start: number; end: number; us: number } | undefined {
  const pattern = /\[(\d\d)\/([A-Za-z]{3})\/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)\]/g;
  for (let found = pattern.exec(line); found; pattern.lastIndex = found.index + 1, found = pattern.exec(line)) {
    const [all, day, name, year, hour, minute, second, sign, oh, om] = found as unknown as string[];
    const month = MONTHS.findIndex((m) => m.toLowerCase() === name!.toLowerCase());
    const whole = new Date(0);
    whole.setUTCFullYear(Number(year), month, Number(day));
    if (month < 0 || whole.getUTCMonth() !== month || Number(day) < 1) continue;
    if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60 || Number(oh) > 23 || Number(om) > 59) continue;
    const offset = (Number(oh) * 60 + Number(om)) * (sign === "-" ? -1 : 1);
    const ms = whole.getTime() + ((Number(hour) * 60 + Number(minute) - offset) * 60 + Number(second)) * 1000;
    if (!Number.isSafeInteger(ms * 1000)) continue;
    return { start: found.index, end: found.index + all!.length, us: ms * 1000 };
  }
  return undefined;
}

function found(pattern: string, line: string | Buffer) {
  const compiled = compileTimestamp(pattern);
  const bytes = Buffer.from(line as string, "latin1");
  if (!compiled.find(bytes, 0, bytes.length)) return undefined;
  return { start: compiled.start, end: compiled.end, us: compiled.us };
}

test("clf is found where and when a regular expression finds it, in any line", () => {
  const digits = (count: number) => fc.array(fc.constantFrom(..."0123456"), { minLength: count, maxLength: count });
  const stamp = fc
    .tuple(
      digits(2),
      fc.constantFrom(...MONTHS, "feb", "Xyz"),
      digits(4),
      digits(6),
      fc.constantFrom("+", "-"),
      digits(4),
    )
    .map(([d, m, y, t, s, z]) => {
      const at = (i: number) => t.slice(i, i + 2).join("");
      return `[${d.join("")}/${m}/${y.join("")}:${at(0)}:${at(2)}:${at(4)} ${s}${z.join("")}]`;
    });
  const noise = fc.string({ unit: fc.constantFrom(..."[]/: 0aJ"), maxLength: 12 });
  fc.assert(
    fc.property(fc.array(fc.oneof(stamp, noise), { maxLength: 4 }), fc.nat(30), (parts, cut) => {
      const whole = parts.join("");
      const line = whole.slice(0, Math.max(0, whole.length - (cut > 24 ? cut : 0)));
      assert.deepEqual(found("clf", line), slowClf(line));
    }),
    { numRuns: 3000 },
  );
});

test("no bytes make a pattern throw or look past the end it was given", () => {
  const patterns = [
    "clf",
    "iso",
    "%b %e %H:%M:%S %Y",
    "%s%.f",
    "%A %Y".replace("%A", "%a") + " %j".slice(3) + "-%m-%d %I%p",
    "%d.%m.%y %Z",
    "%.m",
    "%B %d %Y",
  ];
  const compiled = patterns.map((pattern) => compileTimestamp(pattern));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(60), (bytes, to) => {
      const end = Math.min(to, bytes.length);
      for (const pattern of compiled) {
        if (pattern.find(bytes, 0, end))
          assert.ok(pattern.start >= 0 && pattern.start <= pattern.end && pattern.end <= end);
      }
    }),
    { numRuns: 2000 },
  );
});

test("what a pattern writes it finds again, with its time, in every zone", () => {
  const zones = ["UTC", "+05:45", "-09:30", "Europe/Berlin", "America/St_Johns"].map(zoneOf);
  const patterns = ["clf", "iso", "%Y-%m-%d %H:%M:%S.%f %z", "%a %b %e %I:%M:%S %p %Y %z", "%s.%L", "%d %B %Y %T%z"];
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_102_444_800_000_000 }), fc.constantFrom(...zones), (us, zone) => {
      for (const text of patterns) {
        const pattern = compileTimestamp(text);
        const bytes = Buffer.concat([Buffer.from("x "), pattern.write(us, zone), Buffer.from(" y")]);
        assert.ok(pattern.find(bytes, 0, bytes.length), bytes.toString());
        const unit = text.includes("%f") || text === "iso" ? 1 : text.includes("%L") ? 1000 : 1_000_000;
        assert.equal(pattern.us, Math.floor(us / unit) * unit, bytes.toString());
        assert.equal(bytes.toString("latin1", pattern.start, pattern.end), pattern.write(us, zone).toString());
      }
    }),
  );
});

test("clf writes what Apache writes", () => {
  const us = Date.UTC(2000, 9, 10, 20, 55, 36) * 1000;
  const clf = compileTimestamp("clf");
  assert.equal(clf.write(us, zoneOf("-07:00")).toString(), "[10/Oct/2000:13:55:36 -0700]");
  assert.equal(clf.write(us, UTC).toString(), "[10/Oct/2000:20:55:36 +0000]");
  assert.equal(clf.write(us + 999_999, UTC), clf.write(us, UTC), "one buffer a second");
});

test("a leap second is the next minute's first second", () => {
  assert.equal(found("clf", "[31/Dec/2016:23:59:60 +0000]")?.us, Date.UTC(2017, 0, 1) * 1000);
});

test("dates that no calendar has are not found", () => {
  for (const date of ["31/Feb/2026", "29/Feb/2025", "00/Jan/2026", "32/Jan/2026", "10/Foo/2026"]) {
    assert.equal(found("clf", `[${date}:10:00:00 +0000]`), undefined, date);
  }
  for (const time of ["24:00:00", "10:60:00", "10:00:61"]) {
    assert.equal(found("clf", `[10/Jan/2026:${time} +0000]`), undefined, time);
  }
  assert.notEqual(found("clf", "[29/Feb/2024:10:00:00 +0000]"), undefined);
});

test("iso reads fractions and zones of any shape, and writes the shape it was given", () => {
  const second = Date.UTC(2026, 10, 24, 4, 29, 20) * 1000;
  assert.equal(found("iso", "2026-11-24T04:29:20Z")?.us, second);
  assert.equal(found("iso", "2026-11-24T04:29:20.5Z")?.us, second + 500_000);
  assert.equal(found("iso", "at 2026-11-24T05:29:20.123456789+01:00,")?.us, second + 123_456);
  assert.equal(found("iso", "12026-11-24T04:29:20Z"), undefined, "the middle of a number is no year");
  const iso = compileTimestamp("iso");
  assert.equal(iso.write(second + 1_500, zoneOf("+01:00"), 3).toString(), "2026-11-24T05:29:20.001+01:00");
  assert.equal(iso.write(second, UTC, 0).toString(), "2026-11-24T04:29:20Z");
});

test("a pattern without a zone is read in the default zone", () => {
  const pattern = compileTimestamp("%Y-%m-%d %H:%M:%S", zoneOf("+02:00"));
  const bytes = Buffer.from("2026-11-24 06:29:20");
  assert.ok(pattern.find(bytes, 0, bytes.length));
  assert.equal(pattern.us, Date.UTC(2026, 10, 24, 4, 29, 20) * 1000);
});

test("a pattern that cannot say a date, or is not known, is refused with what it lacks", () => {
  assert.throws(() => compileTimestamp("%H:%M:%S"), /names no year/);
  assert.throws(() => compileTimestamp("%b %d %H:%M:%S"), /names no year/);
  assert.throws(() => compileTimestamp("%Y-%m-%d %Q"), /%Q is not known/);
  assert.throws(() => compileTimestamp("%Y-%m-%d %"), /ends in a single %/);
  assert.throws(() => zoneOf("Mars/Olympus"), /not known/);
});
