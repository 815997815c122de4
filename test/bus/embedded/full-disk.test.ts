import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { newProducer } from "../../../src/message/batch.ts";
import type { PlacedBatch } from "../../../src/message/delivery.ts";
import { all, batchOf, textsOf } from "../../conformance/bus.ts";
import { openEmbedded } from "./open.ts";

/** A file system of `bytes`, by mounting a tmpfs; needs root, as CI and containers have it. */
function smallDisk(t: TestContext, bytes: number): string {
  const folder = mkdtempSync(join(tmpdir(), "logspread-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "none", folder]);
  t.after(() => {
    execFileSync("umount", ["-l", folder]);
    rmdirSync(folder);
  });
  return folder;
}

test("on a full disk publishes are refused with a clear error, and go on when there is room; nothing acknowledged is lost", async (t) => {
  const folder = smallDisk(t, 2_000_000);
  const ballast = join(folder, "ballast");
  writeFileSync(ballast, Buffer.alloc(1_000_000));
  const engine = await openEmbedded(t, { segmentBytes: 200_000 }, join(folder, "bus"));
  const producer = newProducer();
  const noise = () => Array.from({ length: 400 }, () => Math.random().toString(36)).join(" ");
  let sequence = 0;
  const acknowledged: number[] = [];
  const publish = async () => {
    const made = [1, 2, 3, 4].map((i) => batchOf([`${sequence + i} ${noise()}`], { producer, sequence: sequence + i }));
    const results = await Promise.allSettled((await Promise.all(made)).map((batch) => engine.bus.publish(batch)));
    const kinds = results.map((r) => (r.status === "fulfilled" ? r.value.kind : r.reason.code));
    for (const [i, kind] of kinds.entries()) if (kind === "stored") acknowledged.push(sequence + i + 1);
    if (kinds.every((k) => k === "stored" || k === "duplicate")) sequence += 4;
    return kinds;
  };
  let kinds = await publish();
  while (!kinds.includes("DISK_FULL")) kinds = await publish();
  assert.ok(kinds.lastIndexOf("stored") < kinds.indexOf("DISK_FULL"), `a later one overtook: ${kinds}`);
  for (let i = 0; i < 20; i++) assert.ok((await publish()).includes("DISK_FULL"));
  assert.equal((await textsOf(await all(engine.bus))).length, acknowledged.length);
  rmSync(ballast);
  for (let i = 0; i < 5; i++) assert.ok(!(await publish()).includes("DISK_FULL"));
  assert.ok(statfsSync(folder).bavail > 0);
  for (const open of [() => engine.bus, () => engine.reopen()]) {
    const seen = (await all(await open())) as PlacedBatch[];
    assert.deepEqual(
      seen.map((d) => d.batch.sequence),
      acknowledged,
    );
    assert.deepEqual(
      acknowledged,
      acknowledged.map((_, i) => i + 1),
    );
  }
});

test("on a full disk retention makes room, and publishing goes on by itself", async (t) => {
  const folder = smallDisk(t, 1_500_000);
  const config = { segmentBytes: 200_000, retain: { bytes: 800_000, age: 1e12 } };
  const engine = await openEmbedded(t, config, join(folder, "bus"));
  const noise = Array.from({ length: 2000 }, () => Math.random().toString(36)).join(" ");
  for (let i = 0; i < 200; i++) await engine.bus.publish(await batchOf([`${i} ${noise}`]));
  assert.ok((await engine.bus.status()).firstPosition > 100);
});
