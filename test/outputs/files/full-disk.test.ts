import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Options, Site, until } from "./site.ts";

/** A file system of `bytes`; needs root, as CI and containers have it. */
function smallDisk(t: TestContext, bytes: number): string {
  const folder = fs.mkdtempSync(join(tmpdir(), "logspread-disk-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "none", folder], { stdio: "pipe" });
  } catch (cause) {
    throw new Error("this test fills a disk of its own and needs the right to mount one: run it as root", { cause });
  }
  t.after(() => {
    execFileSync("umount", ["-l", folder]);
    fs.rmdirSync(folder);
  });
  return folder;
}

const LINES = Array.from({ length: 50 }, (_, i) => `line ${i} `.padEnd(999, "x"));

async function fill(t: TestContext, options: Options, stateOnDisk: boolean): Promise<void> {
  const site = await Site.open(t, smallDisk(t, 1_000_000));
  const ballast = site.at("ballast");
  fs.writeFileSync(ballast, Buffer.alloc(600_000));
  const state = stateOnDisk ? site.at("state") : site.state;
  const running = site.run(t, options, { state });
  const expected: string[] = [];
  for (let i = 0; i < 12; i++) {
    const lines = LINES.map((line) => `${i} ${line}`);
    expected.push(...lines);
    await site.publish(lines);
  }
  await until("the disk is full", () => running.counters.errors > 2);
  assert.match(running.reports.join("\n"), /cannot write.*ENOSPC/);
  assert.equal(running.reports.filter((report) => report.startsWith("cannot write")).length, 1, "said once");
  fs.rmSync(ballast);
  await running.caughtUp();
  await running.stop();
  const names = fs
    .readdirSync(site.out)
    .filter((name) => name.startsWith("access.log-"))
    .sort();
  const text = [...names, "access.log"].map((name) => site.text(name)).join("");
  assert.equal(text.length, expected.join("\n").length + 1);
  assert.ok(text === expected.join("\n") + "\n");
}

test("a full disk: what is not written waits on the bus, and goes on when there is room; nothing lost or doubled", (t) =>
  fill(t, {}, false));

test("a full disk that also holds the journal", (t) => fill(t, {}, true));

test("a full disk in the middle of rotations", (t) => fill(t, { rotate: { bytes: 60_000 } }, true));

test("a folder that may not be written to is waited for, and said", async (t) => {
  const site = await Site.open(t);
  fs.writeFileSync(site.out, "a file in the folder's place");
  await site.publish(["one"]);
  const running = site.run(t, { path: site.at("web/access.log") });
  await until("it has failed", () => running.counters.errors > 0);
  fs.rmSync(site.out);
  await running.caughtUp();
  assert.equal(fs.readFileSync(join(site.out, "web/access.log"), "utf8"), "one\n");
});
