import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import zlib from "node:zlib";
import { newProducer } from "../../src/message/batch.ts";
import { batchOfLines } from "../../src/message/body.ts";
import { tempFolder } from "../temp.ts";
import { run, start } from "./logspread.ts";
import { publish, sharedNode, startNode } from "./node.ts";
import { until } from "./until.ts";

const sample = readFileSync(new URL("../data/access-combined.log", import.meta.url), "utf8")
  .split("\n")
  .slice(0, 1000);

interface Site {
  readonly url: string;
  readonly folder: string;
  /** All lines in the bus's order, without newlines. */
  readonly lines: readonly string[];
}

/** A node with 1,000 lines in group coolsite, by two senders, and some in another group. */
async function newSite(): Promise<Site> {
  const { url, folder } = await sharedNode();
  for (let i = 0; i < 10; i++) {
    const body = `${sample.slice(i * 100, (i + 1) * 100).join("\n")}\n`;
    await publish(url, "coolsite", body, `www@web${(i % 2) + 1}`);
    if (i === 5) await publish(url, "blog", "not of this group\n");
  }
  return { url, folder, lines: sample };
}

let made: Promise<Site> | undefined;

/** Made once; whoever publishes more has a node of its own. */
function site(): Promise<Site> {
  made ??= newSite();
  return made;
}

async function verified(
  t: TestContext,
  { url, folder }: Omit<Site, "lines">,
  lines: readonly string[],
  ...args: string[]
) {
  const file = join(folder, "access.log");
  writeFileSync(file, lines.map((line) => `${line}\n`).join(""));
  const { code, stdout, stderr } = await run(t, ["verify", "-g", "coolsite", "--to", url, "--json", file, ...args]);
  assert.equal(stderr, "");
  return { code, result: JSON.parse(stdout) };
}

test("a complete file is called complete, with 0", async (t) => {
  const here = await site();
  const { code, result } = await verified(t, here, here.lines);
  assert.equal(code, 0);
  assert.equal(result.verdict, "complete");
  assert.deepEqual([result.expectedLines, result.fileLines], [1000, 1000]);
  const { stdout } = await run(t, ["verify", "-g", "coolsite", "--to", here.url, join(here.folder, "access.log")]);
  assert.match(stdout, /^COMPLETE: /m);
});

test("every planted fault is found, with whose line it is and where", async (t) => {
  const here = await site();
  const { lines } = here;
  const faulty = lines
    .with(900, lines[900]!.replace("GET", "PUT"))
    .toSpliced(700, 2, lines[701]!, lines[700]!)
    .toSpliced(400, 0, lines[399]!)
    .toSpliced(123, 1);
  const { code, result } = await verified(t, here, faulty);
  assert.equal(code, 1);
  assert.equal(result.verdict, "faulty");
  const { missing, doubled, moved, altered, foreign } = result;
  assert.deepEqual(
    { missing, doubled, moved, altered, foreign },
    { missing: 1, doubled: 1, moved: 2, altered: 1, foreign: 0 },
  );
  const gone = result.faults.find(({ kind }: { kind: string }) => kind === "missing");
  assert.equal(gone.text, lines[123]);
  assert.deepEqual([gone.bus.sender, gone.bus.position, gone.bus.index], ["www@web2", 2, 23]);
  const twice = result.faults.find(({ kind }: { kind: string }) => kind === "doubled");
  assert.equal(twice.line, 400);
  const changed = result.faults.find(({ kind }: { kind: string }) => kind === "altered");
  assert.equal(changed.text, lines[900]);
  assert.equal(changed.found, lines[900]!.replace("GET", "PUT"));
  const { stdout, code: again } = await run(t, [
    "verify",
    "-g",
    "coolsite",
    "--to",
    here.url,
    join(here.folder, "access.log"),
  ]);
  assert.equal(again, 1);
  assert.match(stdout, /missing: 1 line\n {2}position 2 message 23, by www@web2 \(producer [\da-f]{32}, sequence 1\)/);
  assert.match(stdout, /^NOT COMPLETE$/m);
});

test("a file that was cut, in the middle of a line, is found", async (t) => {
  const here = await site();
  const file = join(here.folder, "cut.log");
  const text = here.lines.join("\n");
  writeFileSync(file, text.slice(0, text.length - here.lines[999]!.length - 10));
  const { code, stdout } = await run(t, ["verify", "-g", "coolsite", "--to", here.url, file]);
  assert.equal(code, 1);
  assert.match(stdout, /cut\.log:999: it ends in the middle of a line/);
  assert.match(stdout, /missing: 2 lines\n/);
});

test("several files, some compressed, are one log", async (t) => {
  const here = await site();
  const part = (name: string, from: number, to: number, pack = (b: Buffer) => b) => {
    const file = join(here.folder, name);
    writeFileSync(file, pack(Buffer.from(`${here.lines.slice(from, to).join("\n")}\n`)));
    return file;
  };
  const files = [
    part("1.gz", 0, 333, zlib.gzipSync),
    part("2.zst", 333, 666, zlib.zstdCompressSync),
    part("3", 666, 1000),
  ];
  const { code } = await run(t, ["verify", "-g", "coolsite", "--to", here.url, ...files]);
  assert.equal(code, 0);
  const swapped = await run(t, ["verify", "-g", "coolsite", "--to", here.url, files[1]!, files[0]!, files[2]!]);
  assert.equal(swapped.code, 1);
});

test("a part of a log is verified from one position to another, and of one sender", async (t) => {
  const here = await site();
  const part = await verified(t, here, here.lines.slice(100, 300), "--from", "2", "--to-position", "3");
  assert.equal(part.code, 0);
  assert.deepEqual(part.result.positions, [2, 3]);
  const ofOne = here.lines.filter((_, i) => Math.floor(i / 100) % 2 === 1);
  assert.equal((await verified(t, here, ofOne, "--sender", "www@web2")).code, 0);
});

test("in any order, a sorted file is complete", async (t) => {
  const here = await site();
  const sorted = here.lines.toSorted();
  assert.equal((await verified(t, here, sorted)).code, 1);
  assert.equal((await verified(t, here, sorted, "--any-order")).code, 0);
});

test("a replica that differs is found, and one that does not is the same", async (t) => {
  const here = await site();
  const replica = join(here.folder, "replica.log");
  writeFileSync(replica, `${here.lines.join("\n")}\n`);
  const same = await verified(t, here, here.lines, "--replica", replica);
  assert.equal(same.code, 0);
  assert.equal(same.result.replica.fileLines, 1000);
  writeFileSync(replica, `${here.lines.toSpliced(10, 1).join("\n")}\n`);
  const differs = await verified(t, here, here.lines, "--replica", replica);
  assert.equal(differs.code, 1);
  assert.deepEqual([differs.result.missing, differs.result.replica.missing], [0, 1]);
});

test("lines that a publisher reports as dropped, and sequences that never came, are no complete log", async (t) => {
  const here = await startNode(t);
  const label = { group: "coolsite", sender: "www@web9", producer: newProducer(), createdUs: Date.now() * 1000 };
  const losses = [{ reason: "spool-full-dropped-oldest", messages: 7 }] as const;
  for (const [sequence, lost] of [
    [1, []],
    [4, losses],
  ] as const) {
    const batch = await batchOfLines({ ...label, sequence, losses: lost }, Buffer.from(`line ${sequence}\n`));
    const headers = { "content-type": "application/vnd.logspread.frames" };
    const sent = { method: "POST", body: new Uint8Array(batch.frame), headers };
    assert.equal((await fetch(`${here.url}/v1/groups/coolsite/messages`, sent)).status, 200);
  }
  const { code, result } = await verified(t, here, ["line 1", "line 4"]);
  assert.equal(code, 1);
  assert.equal(result.missing, 0);
  assert.deepEqual(result.losses, [
    {
      sender: "www@web9",
      producer: label.producer.toString("hex"),
      lost: { "spool-full-dropped-oldest": 7 },
      missingBatches: 2,
    },
  ]);
});

test("where retention has deleted the beginning, it cannot tell of it, compares the rest, and ends with 2", async (t) => {
  const folder = tempFolder(t);
  const config = join(folder, "logspread.yaml");
  const bus = "{embedded: {segmentBytes: 4096, retain: {bytes: 16kB}}}";
  writeFileSync(config, `listen: 127.0.0.1:0\ndata: ${folder}/data\nbus: ${bus}\noutputs: {}\n`);
  const up = start(t, ["up", "-c", config], { cwd: folder });
  const url = (await up.waitFor(/listening on ([^\s"]+)/))[1]!;
  for (let i = 0; i < 10; i++) await publish(url, "coolsite", `${sample.slice(i * 100, (i + 1) * 100).join("\n")}\n`);
  await until(async () => {
    const { firstPosition } = (await (await fetch(`${url}/v1/groups`)).json()) as { firstPosition: number };
    return firstPosition > 1;
  });
  const { code, result } = await verified(t, { url, folder }, sample);
  assert.equal(code, 2);
  assert.equal(result.verdict, "untold");
  assert.equal(result.untold, 1000 - result.expectedLines);
  assert.equal(result.gone[0].messages, result.untold);
  const faulty = await verified(t, { url, folder }, sample.toSpliced(980, 1));
  assert.equal(faulty.code, 1);
  assert.equal(faulty.result.missing, 1);
});

test("what an output with match and rewriteTimestamp wrote is verified by its configuration", async (t) => {
  const folder = tempFolder(t);
  const config = join(folder, "logspread.yaml");
  writeFileSync(
    config,
    `listen: 127.0.0.1:0
data: ${folder}/data
outputs:
  site:
    files:
      path: ${folder}/logs/{group}/{host}-%Y-%m.log
      match: ["GET"]
      rewriteTimestamp: clf
      fsyncInterval: 10ms
`,
  );
  const up = start(t, ["up", "-c", config], { cwd: folder });
  const url = (await up.waitFor(/listening on ([^\s"]+)/))[1]!;
  await publish(url, "coolsite", `${sample.slice(0, 500).join("\n")}\n`, "www@web1");
  await publish(url, "coolsite", `${sample.slice(500).join("\n")}\n`, "www@web2");
  const month = new Date().toISOString().slice(0, 7);
  const file = join(folder, `logs/coolsite/web1-${month}.log`);
  const kept = sample.slice(0, 500).filter((line) => line.includes("GET")).length;
  await until(() => existsSync(file) && readFileSync(file, "utf8").split("\n").length - 1 === kept);
  const verify = (...args: string[]) => run(t, ["verify", "-c", config, "-o", "site", "--to", url, ...args]);
  assert.equal((await verify(file)).code, 0);
  const moved = join(folder, "elsewhere.log");
  writeFileSync(moved, readFileSync(file, "utf8").replace("GET", "GOT"));
  const unclear = await verify(moved);
  assert.equal(unclear.code, 2);
  assert.match(unclear.stderr, /--as/);
  const found = await verify(moved, "--as", file);
  assert.equal(found.code, 1);
  assert.match(found.stdout, /altered: 1 line/);
});

for (const [args, why] of [
  [["verify", "x"], /--group NAME/],
  [["verify", "-g", "a"], /which files/],
  [["verify", "-g", "a", "--from", "new", "x"], /what was/],
  [["verify", "-g", "a", "--window", "0", "x"], /--window 0/],
] as [string[], RegExp][]) {
  test(`logspread ${args.join(" ")} is refused with 2 and the reason`, async (t) => {
    const { url } =
      args.includes("--from") || args.includes("--window") ? await startNode(t) : { url: "http://127.0.0.1:1" };
    const { code, stderr } = await run(t, [...args, "--to", url]);
    assert.equal(code, 2);
    assert.match(stderr, why);
  });
}

test("a file that is not there is 74", async (t) => {
  const { url, folder } = await sharedNode();
  const { code, stderr } = await run(t, ["verify", "-g", "a", "--to", url, join(folder, "none.log")]);
  assert.equal(code, 74);
  assert.match(stderr, /ENOENT/);
});
