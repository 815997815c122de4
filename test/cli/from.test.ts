import assert from "node:assert/strict";
import { test } from "node:test";
import { parseFrom } from "../../src/cli/from.ts";

const MS = Date.UTC(2026, 10, 24, 10);
const NOW = MS * 1000;

test("first, new and a position are themselves", () => {
  assert.equal(parseFrom("first", NOW), "first");
  assert.equal(parseFrom("new", NOW), "new");
  assert.deepEqual(parseFrom("17", NOW), { position: 17 });
});

test("a time ago is counted back from now, with or without a minus", () => {
  assert.deepEqual(parseFrom("-10m", NOW), { timeUs: NOW - 600_000_000 });
  assert.deepEqual(parseFrom("1.5h", NOW), { timeUs: NOW - 5_400_000_000 });
});

test("a time is read in its zone, and without one in the local zone", () => {
  assert.deepEqual(parseFrom("2026-11-24T10:00:00Z", NOW), { timeUs: NOW });
  assert.deepEqual(parseFrom("2026-11-24 11:00+01:00", NOW), { timeUs: NOW });
  assert.deepEqual(parseFrom("2026-11-24T10:00", NOW), { timeUs: new Date(2026, 10, 24, 10).getTime() * 1000 });
  assert.deepEqual(parseFrom("2026-11-24", NOW), { timeUs: new Date(2026, 10, 24).getTime() * 1000 });
  assert.deepEqual(parseFrom("@1700000000.5", NOW), { timeUs: 1_700_000_000_500_000 });
});

for (const wrong of ["", "0", "last", "-5", "10q", "2026-13-45", "99999999999999999999", "@x"]) {
  test(`${JSON.stringify(wrong)} is refused with examples of what is right`, () => {
    assert.throws(() => parseFrom(wrong, NOW), { code: "BAD_ARGUMENT", message: /--from -10m/ });
  });
}
