import assert from "node:assert/strict";
import { test } from "node:test";
import { isLoopback, parseAddress } from "../../src/node/address.ts";
import { Budget } from "../../src/node/api/budget.ts";
import { Producers } from "../../src/node/api/producers.ts";
import { limited } from "../../src/node/log.ts";

test("a budget lets waiters in one after another, as far as they fit, and anything when nothing is in flight", async () => {
  const budget = new Budget(100);
  await budget.takeWhenFits(500);
  assert.equal(budget.fits(1), false);
  const order: number[] = [];
  const waiters = [60, 60, 10].map(async (bytes, i) => {
    await budget.takeWhenFits(bytes);
    order.push(i);
  });
  budget.give(500);
  await waiters[0];
  assert.deepEqual([order, budget.used, budget.fits(1)], [[0], 60, false]);
  budget.give(60);
  await Promise.all(waiters);
  assert.deepEqual([order, budget.used], [[0, 1, 2], 70]);
});

test("a producer is lent to one request at a time, and comes back with its sequence", () => {
  const producers = new Producers();
  const one = producers.lend("a");
  const two = producers.lend("a");
  assert.notDeepEqual(one.producer, two.producer);
  one.sequence = 5;
  producers.takeBack(one);
  assert.equal(producers.lend("b").sequence, 1);
  assert.equal(producers.lend("a"), one);
});

test("senders without number do not make the idle producers grow without bound", () => {
  const producers = new Producers();
  for (let i = 0; i < 2000; i++) producers.takeBack(producers.lend(`s${i}`));
  assert.ok(producers.idle <= 1024, `${producers.idle} are kept`);
});

test("repeats of a text within a second are counted and told with the first one after it", () => {
  let now = 0;
  const told: unknown[] = [];
  const report = limited(
    (level, text, fields) => void told.push([level, text, fields]),
    () => now,
  );
  for (let i = 0; i < 5; i++) report("warn", "again", { i });
  report("warn", "other");
  now = 1500;
  report("warn", "again", { i: 5 });
  assert.deepEqual(told, [
    ["warn", "again", { i: 0 }],
    ["warn", "other", undefined],
    ["warn", "again", { i: 5, repeats: 4 }],
  ]);
});

test("addresses are read as they are written, and what is none says why", () => {
  const tcp = (host: string, port: number) => ({ kind: "tcp", host, port });
  assert.deepEqual(parseAddress("localhost:0"), tcp("localhost", 0));
  assert.deepEqual(parseAddress(":80"), tcp("0.0.0.0", 80));
  assert.deepEqual(parseAddress("[::]:80"), tcp("::", 80));
  assert.deepEqual(parseAddress("unix:/run/a b.sock"), { kind: "unix", path: "/run/a b.sock" });
  for (const text of ["", "4804", "host", "::1:80", "[1.2.3.4]:80", "h:99999", `/${"x".repeat(200)}`]) {
    assert.equal(parseAddress(text).kind, "fault", text);
  }
  const loopback = (text: string) => {
    const address = parseAddress(text);
    return address.kind !== "fault" && isLoopback(address);
  };
  assert.deepEqual(["127.1.2.3:1", "[::1]:1", "/x"].map(loopback), [true, true, true]);
  assert.deepEqual(["127.evil.org:1", "10.0.0.1:1", "[::ffff:0:1]:1"].map(loopback), [false, false, false]);
});
