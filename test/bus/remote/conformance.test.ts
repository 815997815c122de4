/** The remote engine and a real node's HTTP API, together, keep what every bus promises. */
import type { TestContext } from "node:test";
import type { Bus } from "../../../src/bus/bus.ts";
import { remote } from "../../../src/bus/remote/remote.ts";
import { SYSTEM_PREFIX } from "../../../src/message/names.ts";
import { busConformance } from "../../conformance/bus.ts";
import { type TestNode, testNode } from "../../node/running.ts";

/**
 * The bus of a node through HTTP; only what no client may, publish to the bus's own groups and commit a position that is not there yet, is done within
 * the node.
 */
function throughHttp(node: TestNode): Bus {
  const bus = remote({ nodes: [node.url], giveUpAfterMs: Number.POSITIVE_INFINITY }, { report: () => {} });
  return {
    publish: (batch) => (batch.group.startsWith(SYSTEM_PREFIX) ? node.bus : bus).publish(batch),
    subscribe: (what, signal) => bus.subscribe(what, signal),
    cursor: (name) => ({
      read: () => bus.cursor(name).read(),
      commit: async (position) => {
        const { lastPosition } = await bus.status();
        await (position > lastPosition ? node.bus : bus).cursor(name).commit(position);
      },
    }),
    status: async () => {
      const status = await bus.status();
      return { ...status, groups: status.groups.filter(({ group }) => !group.startsWith(SYSTEM_PREFIX)) };
    },
    close: () => bus.close(),
  };
}

busConformance("remote", async (t: TestContext) => {
  let node = await testNode(t);
  let bus = throughHttp(node);
  t.after(() => bus.close());
  return {
    bus,
    reopen: async () => {
      await bus.close();
      await node.close();
      node = await testNode(t, { data: node.data });
      bus = throughHttp(node);
      return bus;
    },
  };
});
