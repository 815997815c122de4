import assert from "node:assert/strict";
import test from "node:test";
import { type Chance, chanceFrom } from "../../../src/cli/demo/chance.ts";
import { Alarm, rateEvidence, shareEvidence, thresholdFor } from "../../../src/metrics/anomalies/cusum.ts";

function poisson(chance: Chance, mean: number): number {
  let n = 0;
  for (let at = chance.exponential(1); at < mean; at += chance.exponential(1)) n++;
  return n;
}

function hits(chance: Chance, count: number, share: number): number {
  let n = 0;
  for (let i = 0; i < count; i++) if (chance.happens(share)) n++;
  return n;
}

/** An alarm that has learned how `evidence` behaves when nothing has changed. */
function calibrated(evidence: () => number): Alarm {
  const alarm = new Alarm(1);
  for (let block = 0; block < 400; block++) {
    let sum = 0;
    for (let s = 0; s < 10; s++) sum += evidence();
    alarm.calibrate([sum]);
  }
  return alarm;
}

/** Mean seconds between alarms at `threshold`, when nothing changes. */
function meanBetweenAlarms(evidence: () => number, threshold: number, seconds: number): number {
  const alarm = calibrated(evidence);
  let alarms = 0;
  for (let s = 0; s < seconds; s++) {
    alarm.step([evidence()], threshold, s);
    if (!alarm.raised) continue;
    alarms++;
    alarm.reset();
  }
  return seconds / Math.max(1, alarms);
}

const chance = chanceFrom(5);
const undisturbed: readonly (readonly [string, () => number])[] = [
  [
    "a share",
    () => {
      const count = poisson(chance, 25);
      return shareEvidence(hits(chance, count, 0.002), count, 0.002, 0.027);
    },
  ],
  ["a rate", () => rateEvidence(poisson(chance, 20), 20, 30)],
  ["a rate below one", () => rateEvidence(poisson(chance, 0.5), 0.5, 1.5)],
  ["a rate that comes in bursts", () => rateEvidence(5 * poisson(chance, 4), 20, 30)],
  ["a rate of which the model is quite wrong", () => rateEvidence(poisson(chance, 25), 20, 30)],
];
for (const [name, evidence] of undisturbed) {
  test(`without a change, the test of ${name} raises an alarm at most every 4 e^h seconds`, () => {
    for (const threshold of [3, 4.5]) {
      const mean = meanBetweenAlarms(evidence, threshold, 60_000);
      assert.ok(mean >= 4 * Math.exp(threshold), `every ${Math.round(mean)} s at h = ${threshold}`);
    }
  });
}

test("the threshold grows with the logarithm of the tests, and shrinks with their part of the false alarms", () => {
  const close = (a: number, b: number) => assert.ok(Math.abs(a - b) < 1e-9, `${a} instead of ${b}`);
  close(thresholdFor(100, 1) - thresholdFor(1, 1), Math.log(100));
  close(thresholdFor(1, 0.5) - thresholdFor(1, 1), Math.log(2));
  close(thresholdFor(0, 1), thresholdFor(1, 1));
});

test("one second, however bad, raises no alarm", () => {
  const alarm = calibrated(() => rateEvidence(poisson(chance, 20), 20, 40));
  alarm.step([1e6], 16, 0);
  alarm.step([1e6], 16, 1);
  assert.equal(alarm.raised, false);
  alarm.step([1e6], 16, 2);
  assert.equal(alarm.raised, true);
});

test("an alarm lasts until there has been calm for twenty seconds", () => {
  const alarm = calibrated(() => rateEvidence(poisson(chance, 20), 20, 40));
  for (let s = 0; s < 5; s++) alarm.step([100], 16, s);
  assert.equal(alarm.raised, true);
  for (let s = 5; s < 24; s++) alarm.step([-20], 16, s);
  assert.equal(alarm.raised, true);
  alarm.step([-20], 16, 24);
  alarm.step([-20], 16, 25);
  assert.equal(alarm.raised, false);
});
