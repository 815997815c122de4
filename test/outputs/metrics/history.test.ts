import assert from "node:assert/strict";
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { metricsConfig } from "../../../src/outputs/metrics/config.ts";
import { History } from "../../../src/outputs/metrics/history.ts";
import { tempFolder } from "../../temp.ts";

const { history: config } = metricsConfig.parse({});
const DAY = 86_400;
/** Midnight in UTC. */
const START = 20_000 * DAY;

/** Rollups hold a number as text here: merging adds them up. */
const merge = (parts: readonly Uint8Array[]): Buffer =>
  Buffer.from(String(parts.reduce((sum, part) => sum + Number(Buffer.from(part).toString()), 0)));

const rollup = (startS: number, count: number, server = "a") => ({
  group: "web",
  server,
  startS,
  bytes: Buffer.from(String(count)),
});

function opened(t: TestContext, folder = tempFolder(t)) {
  const told: string[] = [];
  const history = History.open(join(folder, "history.sqlite"), config, (_, text) => told.push(text));
  t.after(() => {
    try {
      history.close();
    } catch {
      // The test has closed it.
    }
  });
  return { history, folder, told };
}

const sum = (rollups: readonly { bytes: Buffer }[]) => rollups.reduce((all, { bytes }) => all + Number(bytes), 0);

test("a minute and the position that it reaches are stored together, or neither", (t) => {
  const { history } = opened(t);
  assert.equal(history.mark, undefined);
  history.store([rollup(START, 7)], { position: 3, endS: START + 60 }, merge);
  const broken = { ...rollup(START + 60, 1), bytes: Symbol() as unknown as Buffer };
  assert.throws(() => history.store([rollup(START + 60, 5, "b"), broken], { position: 9, endS: START + 120 }, merge));
  assert.deepEqual(history.mark, { position: 3, endS: START + 60 });
  assert.equal(sum(history.rollups(60, START, START + 600)), 7);
});

test("hours and days are made of their minutes once these are complete, and a span counts each minute once", (t) => {
  const { history } = opened(t);
  let all = 0;
  for (let hour = 0; hour < 50; hour++) {
    for (const minute of [0, 7, 59]) {
      const startS = START + hour * 3600 + minute * 60;
      all += hour + 1;
      history.store([rollup(startS, hour + 1)], { position: hour + 1, endS: startS + 60 }, merge);
    }
  }
  assert.deepEqual([history.completeTo(3600), history.completeTo(DAY)], [START + 50 * 3600, START + 2 * DAY]);
  assert.equal(history.rollups(3600, 0, Number.MAX_SAFE_INTEGER).length, 50);
  assert.equal(history.rollups(DAY, 0, Number.MAX_SAFE_INTEGER).length, 2);
  for (const longest of [60, 3600, DAY] as const) {
    assert.equal(sum(history.span(START, START + 50 * 3600, longest)), all, `in pieces of ${longest}`);
    // 00:30 to 24:10 of the second day: ends in the middle of hours.
    assert.equal(
      sum(history.span(START + 1800, START + DAY + 600, longest)),
      sum(history.rollups(60, START + 1800, START + DAY + 600)),
      `in pieces of ${longest}`,
    );
  }
});

test("what is older than its time is deleted", (t) => {
  const { history } = opened(t);
  for (const day of [0, 6, 8, 100]) {
    const startS = START + day * DAY;
    history.store([rollup(startS, 1)], { position: day + 1, endS: startS + 60 }, merge);
  }
  assert.deepEqual([history.oldest(60), history.oldest(3600)], [START + 100 * DAY, undefined]);
  assert.equal(history.oldest(DAY), START);
});

test("a file that is damaged is set aside and told; what is set aside is kept", (t) => {
  const folder = tempFolder(t);
  writeFileSync(
    join(folder, "history.sqlite"),
    "this is no database, and it is longer than a header would be".repeat(50),
  );
  const { history, told } = opened(t, folder);
  history.store([rollup(START, 1)], { position: 1, endS: START + 60 }, merge);
  assert.match(told.join(), /set aside/);
  assert.ok(readdirSync(folder).some((name) => name.includes(".damaged-")));
});

test("nobody but the owner and the group can read any of its files", (t) => {
  const { history, folder } = opened(t);
  history.store([rollup(START, 1)], { position: 1, endS: START + 60 }, merge);
  for (const name of readdirSync(folder)) {
    assert.equal(statSync(join(folder, name)).mode & 0o007, 0, name);
  }
});
