/** Real Apaches log through real publishers into one file, and parts of it are killed while requests go on. */
import assert from "node:assert/strict";
import test from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { NodeProcess } from "../end-to-end/node-process.ts";
import { isAlive, userIdsOf } from "../end-to-end/processes.ts";
import { assertSameSequence } from "../end-to-end/same-lines.ts";
import { waitFor } from "../wait.ts";
import { Apache, skipApache } from "./apache.ts";
import { assertAllArrive, assertOrderOfThreads, GROUP, linesOfServer, pipedLog, spoolFolder } from "./piped-log.ts";
import { Traffic } from "./traffic.ts";

const options = { skip: skipApache, timeout: 60_000 };

test("two Apaches at once: each request is in the file once, each server's in its own order", options, async (t) => {
  const node = await NodeProcess.start(t);
  const apaches: Apache[] = [];
  for (const name of ["web1", "web2"]) {
    const logging = await pipedLog(node, spoolFolder(t));
    apaches.push(await Apache.start(t, { name, mpm: "prefork", logging }));
  }
  const traffic = apaches.map((apache) => new Traffic(t, apache, 200, 1));
  await waitFor(() => traffic.every(({ answered }) => answered.length >= 300));
  for (const one of traffic) await one.stop();
  await assertAllArrive(node, apaches);
  for (const [i, apache] of apaches.entries()) {
    assertSameSequence(linesOfServer(node, apache), apache.plainLines(), apache.name);
    for (const path of traffic[i]!.answered) assert.ok(apache.plainLines().some((line) => line.includes(`${path} `)));
  }
});

test("Apache starts the publisher as root, which becomes the user of --user for good", options, async (t) => {
  const node = await NodeProcess.start(t);
  const logging = await pipedLog(node, spoolFolder(t), "combined_thread");
  const apache = await Apache.start(t, { name: "web1", mpm: "event", logging });
  await waitFor(() => node.lines(GROUP).length > 0);
  const [publisher, ...others] = apache.publishers();
  assert.deepEqual(others, []);
  const wwwData = 33; // Debian's base-passwd gives it to every machine
  assert.deepEqual(userIdsOf(apache.pid), [0, 0, 0, 0]);
  assert.deepEqual(userIdsOf(publisher!), [wwwData, wwwData, wwwData, wwwData]);
});

test("a graceful restart loses nothing, not even what old children log long after it", options, async (t) => {
  const node = await NodeProcess.start(t);
  const logging = await pipedLog(node, spoolFolder(t), "combined_thread");
  const apache = await Apache.start(t, { name: "web1", mpm: "event", logging });
  const other = await Apache.start(t, { name: "web2", mpm: "event", logging });
  const traffic = [new Traffic(t, apache, 100), new Traffic(t, other, 100)];
  await waitFor(() => traffic.every(({ answered }) => answered.length >= 50));
  const slow = traffic[0]!.slow();
  await waitFor(() => traffic[1]!.answered.length >= 80);
  const old = apache.publishers();
  await apache.graceful();
  const [before] = old;
  assert.ok(apache.publishers().includes(before!), "the old publisher stays while its child answers the slow request");
  await slow;
  const answered = traffic[0]!.answered.length;
  await waitFor(() => traffic[0]!.answered.length >= answered + 50);
  for (const one of traffic) await one.stop();
  await assertAllArrive(node, [apache, other]);
  assert.ok(apache.plainLines().some((line) => line.includes("/slow?")));
  assertOrderOfThreads(node, other);
  const children = assertOrderOfThreads(node, apache);
  assert.ok(children.size > 1, "old and new children have written");
  await waitFor(() => apache.publishers().length === 1 && !apache.publishers().includes(before!));
});

/**
 * What a publisher has taken from the pipe and not yet written down, for some microseconds, dies with it: a pipe cannot be
 * read without taking. Killing at any moment is tested with that in mind in test/end-to-end; here nothing may be lost.
 */
const IN_HAND_MS = 50;

test(
  "a publisher killed with -9 is started again by Apache, and nothing is lost or out of order",
  options,
  async (t) => {
    const node = await NodeProcess.start(t);
    const logging = await pipedLog(node, spoolFolder(t), "combined_thread");
    const apache = await Apache.start(t, { name: "web1", mpm: "event", logging });
    const traffic = new Traffic(t, apache, 300);
    const serve = async (requests: number) => {
      const answered = traffic.answered.length;
      await waitFor(() => traffic.answered.length >= answered + requests);
    };
    for (let i = 0; i < 3; i++) {
      await waitFor(() => apache.publishers().length === 1);
      const [publisher] = apache.publishers();
      await serve(100);
      node.freeze(); // so that lines are on their way, and others wait behind them
      await serve(100);
      await traffic.pause();
      await sleep(IN_HAND_MS);
      process.kill(publisher!, "SIGKILL");
      traffic.resume();
      await serve(10); // into a pipe that nobody reads
      node.thaw();
      await waitFor(() => apache.publishers().some((pid) => pid !== publisher));
    }
    await serve(50);
    await traffic.stop();
    await assertAllArrive(node, [apache]);
    assertOrderOfThreads(node, apache);
    assert.equal(traffic.failed, 0);
  },
);

test("a node killed with -9 under traffic: every request is in its file once, in order", options, async (t) => {
  const node = await NodeProcess.start(t);
  const logging = await pipedLog(node, spoolFolder(t), "combined_thread");
  const apache = await Apache.start(t, { name: "web1", mpm: "event", logging });
  const traffic = new Traffic(t, apache, 300);
  for (let i = 0; i < 3; i++) {
    const answered = traffic.answered.length;
    await waitFor(() => traffic.answered.length >= answered + 100);
    await node.kill();
    await waitFor(() => traffic.answered.length >= answered + 200);
    await node.start();
  }
  await traffic.stop();
  await assertAllArrive(node, [apache]);
  assertOrderOfThreads(node, apache);
  assert.equal(traffic.failed, 0);
});

test("while the node is down no request waits for it, and all arrive when it is back", options, async (t) => {
  const node = await NodeProcess.start(t);
  const logging = await pipedLog(node, spoolFolder(t), "combined_thread");
  const apache = await Apache.start(t, { name: "web1", mpm: "event", logging });
  const traffic = new Traffic(t, apache, 300);
  await waitFor(() => traffic.answered.length >= 400);
  const up = traffic.latenciesMs.length;
  await node.kill();
  // Some 500 bytes a line: 6 times what the pipe between Apache and publisher holds.
  await waitFor(() => traffic.answered.length >= up + 800);
  const down = traffic.latenciesMs.slice(up);
  const last = traffic.latenciesMs.length;
  await node.start();
  await traffic.stop();
  await assertAllArrive(node, [apache]);
  const withNode = [...traffic.latenciesMs.slice(0, up), ...traffic.latenciesMs.slice(last)];
  const figures = `median ${quantile(withNode, 0.5)} ms with the node, ${quantile(down, 0.5)} ms without`;
  t.diagnostic(figures);
  // Blocked requests would wait for as long as the node is away; the rest is the noise of a busy machine.
  assert.ok(quantile(down, 0.5) <= 2 * quantile(withNode, 0.5) + 5, figures);
  assert.ok(Math.max(...down) < 1000, `a request took ${Math.max(...down)} ms`);
  assert.equal(traffic.failed, 0);
});

function quantile(values: readonly number[], q: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * q)]!;
}

test(
  "Apache stopped and started while the node is down: what waits in the spool arrives, in order",
  options,
  async (t) => {
    const node = await NodeProcess.start(t);
    const logging = await pipedLog(node, spoolFolder(t));
    const apache = await Apache.start(t, { name: "web1", mpm: "prefork", logging });
    const serve = async (requests: number) => {
      const traffic = new Traffic(t, apache, 300, 1);
      await waitFor(() => traffic.answered.length >= requests);
      return traffic;
    };
    await (await serve(50)).stop();
    await waitFor(() => node.lines(GROUP).length === apache.plainLines().length);
    await node.kill();
    for (const how of ["stop", "graceful-stop"] as const) {
      const traffic = await serve(100);
      const publishers = apache.publishers();
      await apache.stop(how); // in the middle of requests
      await traffic.stop();
      await waitFor(() => publishers.every((pid) => !isAlive(pid)));
      await apache.start();
    }
    await (await serve(50)).stop();
    await node.start();
    await assertAllArrive(node, [apache]);
    assertSameSequence(linesOfServer(node, apache), apache.plainLines());
  },
);
