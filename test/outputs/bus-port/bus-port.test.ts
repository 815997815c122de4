import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageChannel } from "node:worker_threads";
import type { Bus, Subscription } from "../../../src/bus/bus.ts";
import type { Delivery } from "../../../src/message/delivery.ts";
import { LogspreadError } from "../../../src/message/error.ts";
import { PortBus, serveBus } from "../../../src/outputs/bus-port/bus-port.ts";
import type { BusRequest, FromBus } from "../../../src/outputs/bus-port/messages.ts";
import { Site, until } from "../files/site.ts";

/** A bus as a thread has it: every message crosses a real channel. */
function across(t: { after(fn: () => void | Promise<void>): void }, bus: Bus): PortBus {
  const { port1, port2 } = new MessageChannel();
  const service = serveBus(bus, (message, transfer) => port1.postMessage(message, transfer));
  const portBus = new PortBus((message) => port2.postMessage(message));
  port1.on("message", (message: BusRequest) => service.ask(message));
  port2.on("message", (message: FromBus) => portBus.take(message));
  t.after(async () => {
    await service.close();
    port1.close();
  });
  return portBus;
}

const ALL: Subscription = { groups: ["*"], from: "first", follow: false };

/** A bus whose only use is its subscription. */
function busOf(subscribe: (signal: AbortSignal) => AsyncIterable<Delivery>): Bus {
  return { subscribe: (_: Subscription, signal: AbortSignal) => subscribe(signal) } as unknown as Bus;
}

test("deliveries cross in order and whole; status and cursors, too", async (t) => {
  const site = await Site.open(t);
  for (let i = 0; i < 100; i++) await site.publish([`line ${i}`, "x".repeat(i * 50)]);
  const bus = across(t, site.bus);
  let position = 0;
  for await (const delivery of bus.subscribe(ALL, t.signal)) {
    assert.equal(delivery.kind, "batch");
    if (delivery.kind === "batch") assert.equal(delivery.batch.sequence, delivery.position);
    position++;
  }
  assert.equal(position, 100);
  assert.deepEqual(await bus.status(), await site.bus.status());
  assert.equal(await bus.cursor("x").read(), undefined);
  await bus.cursor("x").commit(17);
  assert.equal(await bus.cursor("x").read(), 17);
});

test("an error of the bus arrives with its code", async (t) => {
  const fault = new LogspreadError("BUS_UNREACHABLE", { what: "no node", why: "none answers", fix: "start one" });
  const gap: Delivery = { kind: "gap", first: 1, last: 5, messages: 9, reason: "retention" };
  const bus = across(
    t,
    busOf(async function* () {
      yield gap;
      throw fault;
    }),
  );
  const seen: Delivery[] = [];
  await assert.rejects(
    async () => {
      for await (const delivery of bus.subscribe(ALL, t.signal)) seen.push(delivery);
    },
    { code: "BUS_UNREACHABLE", message: fault.message },
  );
  assert.deepEqual(seen, [gap]);
});

test("a slow reader has only so much under way, and one that leaves ends the subscription", async (t) => {
  let given = 0;
  let ended = false;
  const bus = across(
    t,
    busOf(async function* (signal) {
      try {
        while (!signal.aborted) {
          yield { kind: "gap", first: ++given, last: given, messages: 1, reason: "damage" };
        }
      } finally {
        ended = true;
      }
    }),
  );
  let seen = 0;
  for await (const _ of bus.subscribe(ALL, t.signal)) {
    if (++seen === 10) {
      await new Promise((resolve) => setTimeout(resolve, 50)); // time for more than the bound, if there were none
      assert.ok(given <= 10 + 33, `${given} given`);
      break;
    }
  }
  await until("the subscription has ended", () => ended);
});
