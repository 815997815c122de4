import assert from "node:assert/strict";
import fs from "node:fs";
import { test } from "node:test";
import { accessLine, DAY, SECOND, Site, TEN, until } from "./site.ts";

test("lines of all groups come out as they went in, in bus order", async (t) => {
  const site = await Site.open(t);
  await site.publish(["a1", "a2"], "web");
  await site.publish(["b1"], "shop");
  await site.publish([Buffer.from([0, 255, 128, 27]), "", "a3"], "web");
  await site.write(t, {});
  assert.deepEqual(
    fs.readFileSync(site.at("access.log")),
    Buffer.concat([Buffer.from("a1\na2\nb1\n"), Buffer.from([0, 255, 128, 27, 10, 10]), Buffer.from("a3\n")]),
  );
});

test("megabytes in large batches of all sizes come out byte for byte, sorted by lines or not", async (t) => {
  const site = await Site.open(t);
  const written: string[] = [];
  for (let batch = 0; batch < 24; batch++) {
    const lines = Array.from({ length: 3000 + ((batch * 911) % 5000) }, (_, i) => `${accessLine(TEN, i)} ${batch}`);
    written.push(...lines);
    await site.publish(lines);
  }
  const expected = `${written.join("\n")}\n`;
  assert.ok(expected.length > 8e6, "more than the buffers that bodies are opened into");
  const running = [
    site.run(t, { name: "whole" }),
    site.run(t, { name: "matched", path: site.at("b"), exclude: ["nothing so"] }),
  ];
  for (const run of running) await run.caughtUp();
  assert.ok(site.text() === expected);
  assert.ok(fs.readFileSync(site.at("b"), "utf8") === expected);
});

test("a line is in the file soon after it is published", async (t) => {
  const site = await Site.open(t);
  const running = site.run(t, {});
  await running.caughtUp();
  for (let i = 0; i < 20; i++) {
    await site.publish([`line ${i}`]);
    await until("it is there", () => fs.existsSync(site.at("access.log")) && site.text().endsWith(`line ${i}\n`));
  }
});

test("only the groups asked for are written", async (t) => {
  const site = await Site.open(t);
  await site.publish(["one"], "web-1");
  await site.publish(["two"], "web-2");
  await site.publish(["other"], "mail");
  await site.write(t, { groups: ["web-*"] });
  assert.equal(site.text(), "one\ntwo\n");
});

test("a message with a newline stays one line", async (t) => {
  const site = await Site.open(t);
  await site.publishMessages(["first\nsecond", "", "third\n"]);
  await site.write(t, {});
  assert.equal(site.text(), "first\\nsecond\n\nthird\\n\n");
});

test("a stopped output goes on where it ended, and writes nothing twice", async (t) => {
  const site = await Site.open(t);
  await site.publish(["one"]);
  await site.write(t, {});
  await site.publish(["two"]);
  await site.write(t, {});
  await site.write(t, {});
  assert.equal(site.text(), "one\ntwo\n");
});

test("from new leaves out what was there before the first start, and nothing since", async (t) => {
  const site = await Site.open(t);
  await site.publish(["old"]);
  await site.write(t, { from: "new" });
  await site.publish(["while down"]);
  await site.write(t, { from: "new" });
  assert.equal(site.text(), "while down\n");
});

test("the cursor on the bus follows, so that lag can be seen", async (t) => {
  const site = await Site.open(t);
  const running = site.run(t, { name: "main" });
  await site.publish(["one"]);
  await site.publish(["two"]);
  await until("the cursor is there", async () => (await site.bus.cursor("main").read()) === 2);
  assert.equal(running.counters.durablePosition, 2);
});

test("group, sender, host and dates make the path", async (t) => {
  const site = await Site.open(t);
  await site.publish(["one"], "web", "apache@www1");
  await site.publish(["two"], "shop", "nginx@www2");
  site.nowUs += DAY;
  await site.publish(["three"], "web", "apache@www1");
  await site.write(t, { path: site.at("{group}/{host}/{sender}-%Y-%m-%d.log") });
  assert.deepEqual(await site.tree(), {
    "shop/www2/nginx@www2-2026-11-24.log": "two\n",
    "web/www1/apache@www1-2026-11-24.log": "one\n",
    "web/www1/apache@www1-2026-11-25.log": "three\n",
  });
});

test("dates in paths are those of the zone", async (t) => {
  const site = await Site.open(t);
  site.nowUs = Date.UTC(2026, 10, 24, 23, 30) * 1000;
  await site.publish(["late"]);
  await site.write(t, { path: site.at("%F.log"), zone: "Europe/Berlin" });
  assert.deepEqual(Object.keys(await site.tree()), ["2026-11-25.log"]);
});

test("the first word names the virtual host, and is cut off when asked", async (t) => {
  const site = await Site.open(t);
  await site.publish(["a.example one", "b.example:8080 two", "a.example three"]);
  await site.write(t, { path: site.at("{vhost}.log"), stripFirstField: true });
  assert.deepEqual(await site.tree(), { "a.example.log": "one\nthree\n", "b.example.log": "two\n" });
});

test("any field of the format makes the path", async (t) => {
  const site = await Site.open(t);
  const line = (host: string, method: string) => `${host}:443 ${accessLine(TEN, 1).replace("GET", method)}`;
  await site.publish([line("a.example", "GET"), line("b.example", "PUT"), line("a.example", "PUT"), "garbage"]);
  const running = await site.write(t, { path: site.at("{vhost}/{method}.log"), format: "vhost_combined" });
  assert.deepEqual(await site.tree(), {
    "a.example/GET.log": `${line("a.example", "GET")}\n`,
    "a.example/PUT.log": `${line("a.example", "PUT")}\n`,
    "b.example/PUT.log": `${line("b.example", "PUT")}\n`,
    "garbage/_.log": "garbage\n",
  });
  assert.equal(running.counters.linesUnparsed, 1);
});

test("match and exclude choose lines", async (t) => {
  const site = await Site.open(t);
  await site.publish(["GET /a 200", "GET /health 200", "GET /b 500", "PUT /ü 500"]);
  const running = await site.write(t, { match: ["^GET", "/ü"], exclude: ["/health"] });
  assert.equal(site.text(), "GET /a 200\nGET /b 500\nPUT /ü 500\n");
  assert.equal(running.counters.linesExcluded, 1);
  assert.equal(running.counters.linesWritten, 3);
});

test("dates by event time put a line into the file of its own day", async (t) => {
  const site = await Site.open(t);
  site.nowUs = Date.UTC(2026, 10, 25, 0, 0, 5) * 1000;
  const before = accessLine(site.nowUs - 10 * SECOND, 1);
  const after = accessLine(site.nowUs, 2);
  await site.publish([before, after, "no time at all"]);
  const running = await site.write(t, { path: site.at("access-%Y%m%d.log"), time: "event" });
  assert.deepEqual(await site.tree(), {
    "access-20261124.log": `${before}\n`,
    "access-20261125.log": `${after}\nno time at all\n`,
  });
  assert.equal(running.counters.linesUnparsed, 1);
});

test("rewritten timestamps are the bus's, whatever the servers' clocks say", async (t) => {
  const site = await Site.open(t);
  await site.publish([accessLine(TEN + 3 * DAY, 1), accessLine(TEN - 400 * DAY, 2), "no time"]);
  site.nowUs += 61 * SECOND;
  await site.publish([accessLine(TEN, 3)]);
  const running = await site.write(t, { rewriteTimestamp: "clf" });
  assert.equal(
    site.text(),
    [accessLine(TEN, 1), accessLine(TEN, 2), "no time", accessLine(TEN + 61 * SECOND, 3), ""].join("\n"),
  );
  assert.equal(running.counters.linesUnparsed, 1);
});

test("rewriting leaves the bus's own copy alone", async (t) => {
  const site = await Site.open(t);
  const line = accessLine(TEN + DAY, 1); // short: its batch is not compressed, and its buffer shared
  await site.publish([line]);
  await site.write(t, { name: "rewritten", path: site.at("rewritten.log"), rewriteTimestamp: "clf" });
  await site.write(t, { name: "plain", path: site.at("plain.log") });
  assert.equal(site.text("plain.log"), `${line}\n`);
});

test("a rewritten timestamp may be of another length", async (t) => {
  const site = await Site.open(t);
  await site.publish(["a 2026-01-01T00:00:00+01:00 x", "b 2026-01-01T00:00:00.123Z y", "c"]);
  await site.write(t, { rewriteTimestamp: "iso" });
  assert.equal(site.text(), "a 2026-11-24T10:00:00Z x\nb 2026-11-24T10:00:00.000Z y\nc\n");
});

test("with a format, the timestamp in its place is rewritten, not one that a client sent", async (t) => {
  const site = await Site.open(t);
  const fake = "[01/Jan/2000:00:00:00 +0000]";
  const line = accessLine(TEN - DAY, 1);
  await site.publish([line.replace("GET /1", `GET /${fake}`), line.replace("- -", `- ${fake}x`)]);
  await site.write(t, { rewriteTimestamp: "clf", format: "combined" });
  const right = accessLine(TEN, 1);
  assert.equal(site.text(), `${right.replace("GET /1", `GET /${fake}`)}\n${right.replace("- -", `- ${fake}x`)}\n`);
});

test("a file that would grow too long is rotated before, and the parts are all there is", async (t) => {
  const site = await Site.open(t);
  for (let i = 0; i < 10; i++) await site.publish([`line ${i} `.padEnd(99, "x")]);
  const running = await site.write(t, { rotate: { bytes: 300 } });
  const tree = await site.tree();
  const names = ["access.log", ...[1, 2, 3].map((n) => `access.log-20261124-00${n}`)];
  assert.deepEqual(Object.keys(tree), names);
  assert.deepEqual(
    [...names.slice(1), "access.log"].flatMap((name) => tree[name]!.match(/line \d/g)),
    Array.from({ length: 10 }, (_, i) => `line ${i}`),
  );
  assert.equal(running.counters.filesRotated, 3);
});

test("closed files are compressed, by size and by date", async (t) => {
  for (const [compress, suffix] of [
    ["gzip", "gz"],
    ["zstd", "zst"],
  ] as const) {
    const site = await Site.open(t);
    const running = site.run(t, { path: site.at("a-%Y%m%d.log"), rotate: { bytes: 150 }, compress });
    await site.publish(["one".padEnd(99, "x")]);
    await site.publish(["two".padEnd(99, "x")]);
    site.nowUs += DAY;
    await site.publish(["three"]);
    await until("both are compressed", () => running.counters.filesCompressed === 2);
    await running.stop();
    assert.deepEqual(await site.tree(), {
      "a-20261125.log": "three\n",
      [`a-20261124.log-20261124-001.${suffix}`]: "one".padEnd(99, "x") + "\n",
      [`a-20261124.log.${suffix}`]: "two".padEnd(99, "x") + "\n",
    });
  }
});

test("a late line for a day whose file is compressed begins another file of that day", async (t) => {
  const site = await Site.open(t);
  const options = { path: site.at("a-%Y%m%d.log"), time: "event", compress: "gzip" } as const;
  const running = site.run(t, options);
  const [first, second, third] = [accessLine(TEN, 1), accessLine(TEN + DAY, 2), accessLine(TEN + 1, 3)];
  await site.publish([first]);
  site.nowUs += DAY;
  await site.publish([second]);
  await until("yesterday is compressed", () => running.counters.filesCompressed === 1);
  await site.publish([third]);
  await running.caughtUp();
  site.nowUs += DAY;
  await site.publish([accessLine(site.nowUs, 4)]);
  await until("the late file is compressed", () => running.counters.filesCompressed === 3);
  await running.stop();
  const tree = await site.tree();
  assert.equal(tree["a-20261124.log.gz"], `${first}\n`);
  assert.equal(tree["a-20261124.log-20261126-001.gz"], `${third}\n`);
});

test("retention keeps so many files of each log, and never one in use", async (t) => {
  const site = await Site.open(t);
  for (let day = 0; day < 5; day++) {
    await site.publish([`a ${day}`], "a");
    await site.publish([`b ${day}`], "b");
    site.nowUs += DAY;
  }
  fs.mkdirSync(site.out);
  fs.writeFileSync(site.at("a-2026-11-24.log.bak"), "not ours");
  const running = await site.write(t, { path: site.at("{group}-%F.log"), retain: { files: 2 } });
  await site.write(t, { path: site.at("{group}-%F.log"), retain: { files: 2 } });
  assert.deepEqual(Object.keys(await site.tree()), [
    "a-2026-11-24.log.bak",
    ...["a", "b"].flatMap((group) => ["26", "27", "28"].map((day) => `${group}-2026-11-${day}.log`)),
  ]);
  assert.ok(running.counters.filesDeleted <= 4);
});

test("retention by age and by bytes deletes the oldest closed files", async (t) => {
  const site = await Site.open(t);
  fs.mkdirSync(site.at("2026/11"), { recursive: true });
  for (const day of ["18", "19", "20", "21"]) {
    const path = site.at(`2026/11/${day}.log`);
    fs.writeFileSync(path, "x".repeat(100));
    const age = day === "18" ? 10 : 22 - Number(day);
    fs.utimesSync(path, Date.now() / 1000 - age * 86_400, Date.now() / 1000 - age * 86_400);
  }
  await site.publish(["now"]);
  await site.write(t, { path: site.at("%Y/%m/%d.log"), retain: { age: "5d", bytes: 250 } });
  assert.deepEqual(Object.keys(await site.tree()), ["2026/11/20.log", "2026/11/21.log", "2026/11/24.log"]);
});

test("the current link points to the newest file", async (t) => {
  const site = await Site.open(t);
  const options = { path: site.at("{group}/%F.log"), currentLink: site.at("{group}/current") };
  const running = site.run(t, options);
  await site.publish(["one"]);
  await running.caughtUp();
  assert.equal(fs.readlinkSync(site.at("web/current")), "2026-11-24.log");
  site.nowUs += DAY;
  await site.publish(["two"]);
  await running.caughtUp();
  assert.equal(fs.readFileSync(site.at("web/current"), "utf8"), "two\n");
});

test("only so many files stay open, however many are written", async (t) => {
  const site = await Site.open(t);
  const running = site.run(t, { path: site.at("{vhost}.log"), maxOpenFiles: 3 });
  for (let round = 0; round < 5; round++) {
    for (let host = 0; host < 10; host++) await site.publish([`host${host} ${round}`]);
    await running.caughtUp();
    await until("the rest is closed", () => running.counters.filesOpen <= 3);
  }
  await running.stop();
  for (const text of Object.values(await site.tree()))
    assert.equal(text.match(/ (\d)\n/g)!.join(""), " 0\n 1\n 2\n 3\n 4\n");
});

test("new files and folders have the modes asked for, whatever the umask", async (t) => {
  const site = await Site.open(t);
  await site.publish(["x"]);
  const umask = process.umask(0o077);
  try {
    await site.write(t, { path: site.at("{group}/x.log"), mode: "0644", dirMode: "0755" });
  } finally {
    process.umask(umask);
  }
  assert.equal(fs.statSync(site.at("web/x.log")).mode & 0o777, 0o644);
  assert.equal(fs.statSync(site.at("web")).mode & 0o777, 0o755);
});

test("a batch that cannot be opened is counted and said, and the next ones are written", async (t) => {
  const site = await Site.open(t);
  const { encodeBatch } = await import("../../../src/message/frame.ts");
  const { newProducer } = await import("../../../src/message/batch.ts");
  const body = Buffer.from("no zstd at all");
  const about = { group: "web", sender: "x@y", producer: newProducer(), sequence: 1, createdUs: 1, count: 3 };
  await site.bus.publish(
    encodeBatch({ ...about, kind: "lines", losses: [], compression: "zstd", rawBytes: 999, body }),
  );
  await site.publish(["good"]);
  const running = await site.write(t, {});
  assert.equal(site.text(), "good\n");
  assert.equal(running.counters.batchesDamaged, 1);
  assert.match(running.reports.join(), /cannot be read and is missing/);
});

test("a journal of another bus is refused, with the way to begin anew", async (t) => {
  const site = await Site.open(t);
  await site.publish(["one"]);
  await site.publish(["two"]);
  await site.write(t, {});
  const other = await Site.open(t);
  await other.publish(["uno"]);
  const running = other.run(t, { path: site.at("access.log") }, { state: site.state });
  await assert.rejects(running.ended, /this is another bus/);
  assert.equal(site.text(), "one\ntwo\n");
});

test("an output whose bus fails ends with the bus's error, what was written being durable", async (t) => {
  const site = await Site.open(t);
  await site.publish(["one"]);
  const running = site.run(t, { fsyncInterval: "1h" });
  await running.caughtUp();
  await site.bus.close();
  await running.ended.catch((error: { code?: string }) => assert.equal(error.code, "BUS_CLOSED"));
  assert.equal(running.counters.durablePosition, 1);
  assert.equal(site.text(), "one\n");
});
