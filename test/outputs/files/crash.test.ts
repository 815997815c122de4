/** kill -9 and power cuts at every kind of moment: the files come out as if nothing had happened. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import fs, { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { embeddedConfig } from "../../../src/bus/embedded/config.ts";
import { EmbeddedBus } from "../../../src/bus/embedded/embedded.ts";
import { newProducer } from "../../../src/message/batch.ts";
import { batchOfLines } from "../../../src/message/body.ts";
import type { Checkpoint } from "../../../src/outputs/files/journal.ts";
import type { ChildTask, Step } from "./child.ts";
import { accessLine, type Options, randomOf, readTree, SECOND, TEN } from "./site.ts";

const CHILD = new URL("child.ts", import.meta.url).pathname;
/** Processes killed in each test; KILLS=100 for a long look. */
const KILLS = Number(process.env.KILLS ?? 3);

/** A bus with 60 batches of three servers over two days, their clocks apart. */
async function makeBus(folder: string, random: (below: number) => number): Promise<void> {
  let nowUs = TEN + 13 * 3600 * SECOND;
  const deps = { nowUs: () => nowUs, report: () => {} };
  const bus = await EmbeddedBus.open(folder, embeddedConfig.parse({ fsync: "never" }), deps);
  const producers = [newProducer(), newProducer(), newProducer()];
  let number = 0;
  for (let i = 0; i < 60; i++) {
    nowUs += random(120) * SECOND;
    const which = random(3);
    const lines = Array.from({ length: 1 + random(20) }, () => {
      const us = nowUs - random(8) * SECOND + (which - 1) * 2 * SECOND;
      return `host${random(5)}.example ${accessLine(us, ++number)}\n`;
    });
    const label = {
      group: "web",
      sender: `a@www${which}`,
      producer: producers[which]!,
      sequence: i + 1,
      createdUs: nowUs,
    };
    await bus.publish(await batchOfLines(label, Buffer.from(lines.join(""))));
  }
  await bus.close();
}

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

function runChild(task: ChildTask, during?: (pid: number) => void): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CHILD, JSON.stringify(task)], { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (bytes: Buffer) => {
      output += bytes;
      if (during && output.startsWith("ready")) during(child.pid!);
    });
    child.stderr.on("data", (bytes: Buffer) => {
      output += bytes;
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output }));
  });
}

interface Place {
  readonly folder: string;
  readonly random: (below: number) => number;
  task(run: string, options: Options, boot?: string): ChildTask;
}

async function place(t: TestContext): Promise<Place> {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9));
  t.diagnostic(`SEED=${seed}`);
  const random = randomOf(seed);
  const folder = mkdtempSync(join(tmpdir(), "logspread-crash-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  await makeBus(join(folder, "bus"), random);
  const below = (run: string, path: string) => join(folder, run, path);
  return {
    folder,
    random,
    task: (run, options, boot = "boot-1") => ({
      bus: join(folder, "bus"),
      state: join(folder, `${run}-state`),
      boot,
      options: { ...options, path: below(run, options.path!) },
    }),
  };
}

/** What `cat` over the files says, packed or not. */
async function treeOf(folder: string): Promise<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(await readTree(folder)).map(([name, text]) => [name.replace(/\.(gz|zst)$/, ""), text]),
  );
}

type Steps = Readonly<Record<string, number>>;

/** A run that nobody disturbs, and the steps it takes. */
async function reference(at: Place, options: Options): Promise<{ tree: Record<string, string>; steps: Steps }> {
  const ended = await runChild(at.task("calm", options));
  assert.equal(ended.code, 0, ended.output);
  const steps = JSON.parse(/steps (.*)/.exec(ended.output)![1]!) as Steps;
  return { tree: await treeOf(join(at.folder, "calm")), steps };
}

/** Every kind of step is as likely, however rare it is; early ones come in every run. */
function someStep({ random }: Place, steps: Steps): Step {
  const kinds = Object.keys(steps);
  const kind = kinds[random(kinds.length)]!;
  return { kind, nth: 1 + random(Math.ceil(steps[kind]! / 2)) };
}

/** As deepEqual, but it shows where they part and not all that they hold. */
function assertSame(actual: Record<string, string>, expected: Record<string, string>): void {
  assert.deepEqual(Object.keys(actual), Object.keys(expected));
  for (const [name, text] of Object.entries(expected)) {
    const got = actual[name]!.split("\n");
    const lines = text.split("\n");
    const at = lines.findIndex((line, i) => line !== got[i]);
    if (at !== -1) assert.deepEqual(got.slice(at, at + 3), lines.slice(at, at + 3), `${name}, line ${at + 1}`);
    assert.equal(got.length, lines.length, name);
  }
}

const SHAPES: Readonly<Record<string, Options>> = {
  "one file": { path: "access.log" },
  "rotation by size, packed": { path: "access.log", rotate: { bytes: 9000 }, compress: "gzip" },
  "files by virtual host and hour, few open, packed": {
    path: "{vhost}/access-%Y%m%d%H.log",
    stripFirstField: true,
    maxOpenFiles: 2,
    compress: "zstd",
  },
  "order of event time": { path: "access-%Y%m%d.log", order: "event-time", lateness: "5s", buffer: 3000 },
  "rewritten timestamps, few paths": { path: "{vhost}.log", rewriteTimestamp: "clf", maxPathsPerDay: 3 },
};

for (const [name, options] of Object.entries(SHAPES)) {
  test(`after kill -9 at any step the files are as an undisturbed run makes them: ${name}`, async (t) => {
    const at = await place(t);
    const calm = await reference(at, options);
    assert.ok(Object.keys(calm.tree).length > 0 && Object.keys(calm.steps).length >= 8);
    for (let kills = 0; kills < KILLS; kills++) {
      const ended = await runChild({ ...at.task("hard", options), kill: someStep(at, calm.steps) });
      if (ended.code === 0) {
        // It got through before that step: compare, and begin again.
        assertSame(await treeOf(join(at.folder, "hard")), calm.tree);
        rmSync(join(at.folder, "hard"), { recursive: true });
        rmSync(join(at.folder, "hard-state"), { recursive: true });
      } else assert.equal(ended.code, null, ended.output);
    }
    const ended = await runChild(at.task("hard", options));
    assert.equal(ended.code, 0, ended.output);
    assertSame(await treeOf(join(at.folder, "hard")), calm.tree);
  });

  test(`after a power cut at any step the files are as an undisturbed run makes them: ${name}`, async (t) => {
    const at = await place(t);
    const calm = await reference(at, options);
    for (let cuts = 0; cuts < KILLS; cuts++) {
      const kill = someStep(at, calm.steps);
      const ended = await runChild({ ...at.task("hard", options, `boot-${cuts}`), kill });
      if (ended.code !== 0) losePower(at, join(at.folder, "hard"), join(at.folder, "hard-state"));
    }
    const ended = await runChild(at.task("hard", options, "boot-last"));
    assert.equal(ended.code, 0, ended.output);
    assertSame(await treeOf(join(at.folder, "hard")), calm.tree);
  });
}

/** What was not fsynced is lost at random: journal records, the ends of files, files that are new. */
function losePower(at: Place, out: string, state: string): void {
  const path = join(state, "files.journal");
  if (!fs.existsSync(path)) return;
  const bytes = fs.readFileSync(path);
  const first = bytes.indexOf(10) + 1;
  const synced = fs.existsSync(`${path}.synced`) ? Number(fs.readFileSync(`${path}.synced`, "utf8")) : 0;
  const kept = Math.min(Math.max(first, synced), bytes.length);
  fs.truncateSync(path, kept + at.random(bytes.length - kept + 1));
  const checkpoint = JSON.parse(bytes.subarray(9, first).toString()) as Checkpoint;
  const durable = new Map(checkpoint.files.map((file) => [file.id.split(":")[1], file.length]));
  // Any other file was closed for good with this checkpoint or an earlier one, unless an intent names it.
  const named = bytes.toString("latin1", first);
  for (const name of fs.existsSync(out) ? (fs.readdirSync(out, { recursive: true }) as string[]) : []) {
    const file = join(out, name);
    const stats = fs.lstatSync(file);
    if (!stats.isFile() || /\.(gz|zst)$/.test(name)) continue;
    const inode = String(stats.ino);
    const length = durable.get(inode);
    if (length === undefined && !named.includes(`:${inode}"`)) continue;
    const fate = at.random(3);
    if (length === undefined && fate === 0) fs.rmSync(file);
    else {
      const left = (length ?? 0) + at.random(stats.size - (length ?? 0) + 1);
      fs.truncateSync(file, left);
      if (fate === 1) fs.truncateSync(file, stats.size); // the length is there, the bytes are zeros
    }
  }
}

test("a chunk that was half written when the process died is cut off and written again", async (t) => {
  const at = await place(t);
  const options: Options = { path: "access.log" };
  const calm = await reference(at, options);
  for (const kind of ["writev half", "writev after", "journal half"]) {
    await runChild({ ...at.task("hard", options), kill: { kind, nth: 2 } });
  }
  const ended = await runChild(at.task("hard", options));
  assert.equal(ended.code, 0, ended.output);
  assertSame(await treeOf(join(at.folder, "hard")), calm.tree);
});

test("a kill, a rename by logrotate and a reopening in any order lose and double nothing", async (t) => {
  const at = await place(t);
  const options: Options = { path: "access.log" };
  const calm = await reference(at, options);
  const file = join(at.folder, "hard/access.log");
  let rotated = 0;
  const rotate = (): void => {
    if (!fs.existsSync(file) || fs.statSync(file).size === 0) return;
    fs.renameSync(file, `${file}.${String(++rotated).padStart(3, "0")}`);
    if (at.random(2) === 0) fs.writeFileSync(file, "", { flag: "wx", mode: 0o640 }); // logrotate's create
  };
  for (let kills = 0; kills < KILLS || (rotated < 2 && kills < 30); kills++) {
    if (at.random(2) === 0) rotate();
    await runChild({ ...at.task("hard", options), kill: someStep(at, calm.steps) }, (pid) => {
      rotate();
      try {
        process.kill(pid, "SIGHUP");
      } catch {
        // it has killed itself meanwhile
      }
    });
  }
  const ended = await runChild(at.task("hard", options));
  assert.equal(ended.code, 0, ended.output);
  const tree = await readTree(join(at.folder, "hard"));
  const names = Object.keys(tree).filter((name) => name !== "access.log");
  assert.ok(names.length > 0);
  assertSame({ "access.log": [...names, "access.log"].map((name) => tree[name] ?? "").join("") }, calm.tree);
});

test("a file that was emptied while the output was dead gets the rest of the lines", async (t) => {
  const at = await place(t);
  const options: Options = { path: "access.log" };
  const calm = await reference(at, options);
  const file = join(at.folder, "hard/access.log");
  // Killed at a record of the journal, between chunks: what the file holds then is all that the copy has.
  await runChild({ ...at.task("hard", options), kill: { kind: "writev before", nth: 3 } });
  await runChild({ ...at.task("hard", options), kill: { kind: "journal before", nth: 1 } });
  const copy = fs.readFileSync(file, "utf8");
  fs.truncateSync(file, 0);
  const ended = await runChild(at.task("hard", options));
  assert.equal(ended.code, 0, ended.output);
  assertSame({ "access.log": copy + fs.readFileSync(file, "utf8") }, calm.tree);
});
