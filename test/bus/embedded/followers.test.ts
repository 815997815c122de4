import assert from "node:assert/strict";
import { test } from "node:test";
import type { PlacedBatch } from "../../../src/message/delivery.ts";
import { batchOf } from "../../conformance/bus.ts";
import { openEmbedded } from "./open.ts";

test("a thousand followers wait at no cost, and all wake at a publish", async (t) => {
  const { bus } = await openEmbedded(t);
  await bus.publish(await batchOf(["old"]));
  const stop = new AbortController();
  const followers = Array.from({ length: 1000 }, () =>
    bus.subscribe({ groups: ["*"], from: "new", follow: true }, stop.signal)[Symbol.asyncIterator](),
  );
  const waiting = followers.map((f) => f.next());
  await new Promise((resolve) => setTimeout(resolve, 100));
  const before = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, 500));
  const used = process.cpuUsage(before);
  assert.ok(used.user + used.system < 100_000, `${used.user + used.system} µs of CPU in 500 ms of waiting`);
  const receipt = await bus.publish(await batchOf(["new"]));
  assert.ok(receipt.kind === "stored");
  for (const { value } of await Promise.all(waiting)) assert.equal((value as PlacedBatch).position, receipt.position);
  const ended = Promise.allSettled(followers.map((f) => f.next()));
  stop.abort();
  for (const outcome of await ended) assert.equal(outcome.status, "rejected");
});

test("followers see a batch only when it is durable", async (t) => {
  const { bus } = await openEmbedded(t);
  const order: string[] = [];
  const follower = bus.subscribe({ groups: ["*"], from: "first", follow: true }, new AbortController().signal);
  const seen = follower[Symbol.asyncIterator]()
    .next()
    .then(() => order.push("seen"));
  const made = await batchOf(["x"]);
  await bus.publish(made).then(() => order.push("acknowledged"));
  await seen;
  assert.deepEqual(order, ["acknowledged", "seen"]);
});
