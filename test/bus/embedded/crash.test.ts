import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { newProducer } from "../../../src/message/batch.ts";
import type { PlacedBatch } from "../../../src/message/delivery.ts";
import { all, batchOf, textsOf } from "../../conformance/bus.ts";
import { tempFolder } from "../../temp.ts";
import { openEmbedded } from "./open.ts";

/** The path of the last segment file. */
function lastSegment(folder: string): string {
  const segments = join(folder, "segments");
  const name = readdirSync(segments)
    .filter((n) => n.endsWith(".log"))
    .sort()
    .at(-1)!;
  return join(segments, name);
}

test("after kill -9 at any moment every acknowledged batch is there once, in order", async (t) => {
  const folder = tempFolder(t);
  const producer = newProducer();
  let acknowledged = 0;
  for (let round = 0; round < 8; round++) {
    const script = join(import.meta.dirname, "crash-child.ts");
    const child = spawn(process.execPath, [script, folder, producer.toString("hex"), String(acknowledged + 1)]);
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.pipe(process.stderr);
    await once(child.stdout, "data");
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 150));
    child.kill("SIGKILL");
    await once(child, "close");
    const sequences = output.split("\n").slice(0, -1).map(Number);
    acknowledged = Math.max(acknowledged, ...sequences);
  }
  const { bus, reports } = await openEmbedded(t, { segmentBytes: 20_000 }, folder);
  const seen = (await all(bus)) as PlacedBatch[];
  assert.ok(acknowledged > 100, `only ${acknowledged} acknowledged: the test did not get going`);
  assert.ok(seen.length >= acknowledged);
  assert.deepEqual(
    seen.map((d) => d.batch.sequence),
    seen.map((_, i) => i + 1),
  );
  assert.deepEqual(
    await textsOf(seen),
    seen.map((_, i) => `line ${i + 1}`),
  );
  assert.deepEqual(
    reports.filter((r) => r.startsWith("error")),
    [],
  );
});

test("a tail torn at any byte is cut; what stands before it is kept and publishing goes on", async (t) => {
  const engine = await openEmbedded(t);
  for (let i = 0; i < 3; i++) await engine.bus.publish(await batchOf([`line ${i}`]));
  const whole = statSync(lastSegment(engine.folder)).size;
  const third = await batchOf(["the last one"]);
  await engine.bus.publish(third);
  await engine.bus.close();
  const path = lastSegment(engine.folder);
  const size = statSync(path).size;
  copyFileSync(path, join(engine.folder, "copy"));
  for (let cut = whole; cut < size; cut++) {
    copyFileSync(join(engine.folder, "copy"), path);
    truncateSync(path, cut);
    const again = await openEmbedded(t, {}, engine.folder);
    assert.deepEqual(await textsOf(await all(again.bus)), ["line 0", "line 1", "line 2"], `cut at ${cut}`);
    assert.equal(
      again.reports.some((r) => r.includes("unfinished write")),
      cut > whole,
    );
    assert.equal(statSync(path).size, whole);
    await again.bus.close();
  }
});

test("garbage at the end, zeros or noise, is cut", async (t) => {
  const engine = await openEmbedded(t);
  await engine.bus.publish(await batchOf(["kept"]));
  await engine.bus.close();
  const path = lastSegment(engine.folder);
  const good = readFileSync(path);
  for (const tail of [Buffer.alloc(5000), Buffer.from("LSB1".repeat(100)), good.subarray(0, good.length - 1)]) {
    writeFileSync(path, Buffer.concat([good, tail]));
    const again = await openEmbedded(t, {}, engine.folder);
    assert.deepEqual(await textsOf(await all(again.bus)), ["kept"]);
    await again.bus.publish(await batchOf(["more"]));
    assert.deepEqual(await textsOf(await all(again.bus)), ["kept", "more"]);
    await again.bus.close();
  }
});

for (const sealed of [false, true]) {
  const where = sealed ? "a sealed segment" : "the active segment";
  test(`any changed byte in the middle of ${where} costs that batch alone, and is told`, async (t) => {
    const engine = await openEmbedded(t, { segmentBytes: sealed ? 400 : 1_000_000 });
    for (let i = 0; i < 9; i++) await engine.bus.publish(await batchOf([`line ${i}`]));
    await engine.bus.close();
    const segments = join(engine.folder, "segments");
    const path = join(
      segments,
      readdirSync(segments)
        .filter((n) => n.endsWith(".log"))
        .sort()[0]!,
    );
    const good = readFileSync(path);
    const recordBytes = good.indexOf("LSB1", 4);
    assert.ok(good.length > 2 * recordBytes);
    for (let at = recordBytes; at < 2 * recordBytes; at++) {
      const bad = Buffer.from(good);
      bad[at]! ^= 0x41;
      writeFileSync(path, bad);
      const again = await openEmbedded(t, { segmentBytes: sealed ? 400 : 1_000_000 }, engine.folder);
      const texts = await textsOf(await all(again.bus));
      const expected = Array.from({ length: 9 }, (_, i) => `line ${i}`);
      expected[1] = sealed ? "gap of 1" : "gap of 0"; // without an index, only the batch is known to be gone
      assert.deepEqual(texts, expected, `byte ${at}`);
      assert.ok(
        again.reports.some((r) => r.startsWith("error") && r.includes(path)),
        again.reports.join("\n"),
      );
      await again.bus.close();
    }
  });
}

test("lost index files and a lost snapshot are made anew from the segments", async (t) => {
  const engine = await openEmbedded(t, { segmentBytes: 400 });
  const producer = newProducer();
  for (let i = 1; i <= 9; i++) await engine.bus.publish(await batchOf([`line ${i}`], { producer, sequence: i }));
  await engine.bus.close();
  const { rmSync } = await import("node:fs");
  for (const name of readdirSync(join(engine.folder, "segments"))) {
    if (name.endsWith(".index")) rmSync(join(engine.folder, "segments", name));
  }
  writeFileSync(join(engine.folder, "state"), "rubbish");
  const again = await openEmbedded(t, { segmentBytes: 400 }, engine.folder);
  assert.equal((await textsOf(await all(again.bus))).length, 9);
  assert.equal((await again.bus.publish(await batchOf(["x"], { producer, sequence: 9 }))).kind, "duplicate");
  assert.equal((await again.bus.status()).groups[0]?.messages, 9);
});
