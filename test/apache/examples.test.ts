/** The examples for Apache work as they stand; only their paths and addresses are replaced. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import http from "node:http";
import { dirname, join } from "node:path";
import test, { type TestContext } from "node:test";
import { linesOf, NodeProcess } from "../end-to-end/node-process.ts";
import { childrenOf, publishersOf } from "../end-to-end/processes.ts";
import { program } from "../end-to-end/program.ts";
import { assertSameSequence } from "../end-to-end/same-lines.ts";
import { waitFor } from "../wait.ts";
import { Apache, skipApache } from "./apache.ts";
import { spoolFolder } from "./piped-log.ts";
import { Traffic } from "./traffic.ts";

const options = { skip: skipApache, timeout: 60_000 };
const examples = join(dirname(dirname(import.meta.dirname)), "examples", "apache");

/** A node that runs by examples/apache/logspread.yaml. */
function startNode(t: TestContext): Promise<NodeProcess> {
  const config = (folder: string, listen: string) =>
    replaced(readFileSync(join(examples, "logspread.yaml"), "utf8"), {
      "127.0.0.1:4804": listen,
      "/var/lib/logspread": join(folder, "data"),
      "/var/log/logspread": join(folder, "logs"),
    });
  return NodeProcess.start(t, { config });
}

/** An example of Apache's configuration. */
async function example(t: TestContext, name: string, node: NodeProcess): Promise<string> {
  const { node: executable, script } = await program();
  return replaced(readFileSync(join(examples, name), "utf8"), {
    "/usr/bin/logspread": `${executable} ${script}`,
    "http://127.0.0.1:4804": node.url,
    "/var/spool/logspread": spoolFolder(t),
  });
}

function replaced(text: string, by: Record<string, string>): string {
  for (const [what, other] of Object.entries(by)) {
    assert.ok(text.includes(what), `the example names ${what}`);
    text = text.replaceAll(what, other);
  }
  return text;
}

/** The lines of a group, by the link to its newest file. */
function linesOfGroup(node: NodeProcess, group: string): string[] {
  return linesOf(join(node.folder, "logs", group, "access.log"));
}

/** Asks for a page of a virtual host; resolves when it is answered. */
function ask(apache: Apache, path: string, host = "localhost"): Promise<void> {
  return new Promise((resolve, reject) => {
    http
      .get(`${apache.url}${path}`, { agent: false, headers: { host } }, (response) => {
        response.resume().on("end", resolve);
      })
      .on("error", reject);
  });
}

test("every example of Apache's configuration is tried here", () => {
  assert.deepEqual(
    readdirSync(examples).filter((name) => name.endsWith(".conf")),
    ["combined.conf", "errorlog.conf", "vhosts.conf"],
  );
});

test("combined.conf with logspread.yaml: requests are in the group's file of today", options, async (t) => {
  const node = await startNode(t);
  const logging = `CustomLog plain.log combined\n${await example(t, "combined.conf", node)}`;
  const apache = await Apache.start(t, { name: "web1", mpm: "prefork", logging });
  for (let i = 0; i < 20; i++) await ask(apache, `/web1/page?${i}`);
  await waitFor(() => linesOfGroup(node, "coolsite").length === 21); // and the one that asked whether it had started
  assertSameSequence(linesOfGroup(node, "coolsite"), apache.plainLines());
  assert.match(readlinkSync(join(node.folder, "logs", "coolsite", "access.log")), /^access-\d{4}-\d\d-\d\d\.log$/);
});

test("vhosts.conf: one publisher, a group for each virtual host, lines as combined", options, async (t) => {
  const node = await startNode(t);
  const hosts = ["www.example.org", "shop.example.org"];
  const logging = [
    await example(t, "vhosts.conf", node),
    "CustomLog plain.log combined",
    ...hosts.map((host) => `<VirtualHost *>\n  ServerName ${host}\n</VirtualHost>`),
  ].join("\n");
  const apache = await Apache.start(t, { name: "web1", mpm: "prefork", logging });
  for (let i = 0; i < 10; i++) for (const host of hosts) await ask(apache, `/web1/page?${host}${i}`, host);
  await waitFor(() => hosts.every((host) => linesOfGroup(node, host).length >= 10));
  assert.equal(apache.publishers().length, 1);
  for (const host of hosts) {
    const ofHost = (line: string) => line.includes(`page?${host}`);
    assertSameSequence(linesOfGroup(node, host).filter(ofHost), apache.plainLines().filter(ofHost), host);
  }
  assert.equal(linesOfGroup(node, hosts[1]!).length, 10);
});

const ERRORS = "coolsite-errors";

test(
  "errorlog.conf: errors arrive; a killed publisher is started again; a reload waits for nobody",
  options,
  async (t) => {
    const node = await startNode(t);
    const logging = `LogLevel info\n${await example(t, "errorlog.conf", node)}`;
    const apache = await Apache.start(t, { name: "web1", mpm: "event", logging });
    const arrives = (text: string) => waitFor(() => linesOfGroup(node, ERRORS).some((line) => line.includes(text)));
    await ask(apache, "/web1/missing-1");
    await arrives("/missing-1");

    const publishers = () => childrenOf(apache.pid).flatMap(publishersOf);
    const [publisher] = publishers();
    process.kill(publisher!, "SIGKILL");
    await waitFor(() => publishers().some((pid) => pid !== publisher));
    await ask(apache, "/web1/missing-2");
    await arrives("/missing-2");

    // While an old process still answers, it can still have something to say, so the old publisher cannot end.
    const traffic = new Traffic(t, apache, 0);
    const slow = traffic.slow();
    await ask(apache, "/web1/page");
    const started = performance.now();
    await apache.graceful(() => publishers().length > 0);
    await ask(apache, "/web1/missing-3");
    const tookMs = performance.now() - started;
    assert.ok(tookMs < 2000, `it took Apache ${tookMs} ms to reload and answer`);
    await slow;
    await traffic.stop();
    assert.equal(traffic.answered.length, 1);
    await arrives("/missing-3");
  },
);
