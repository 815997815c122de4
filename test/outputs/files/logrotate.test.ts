/** The real logrotate, and the things it does. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Running, Site, until } from "./site.ts";

/** Publishes numbered lines all the time until the function it gives is called; that one gives their number. */
function busy(site: Site): () => Promise<number> {
  let stop = false;
  let count = 0;
  const loop = (async () => {
    while (!stop) {
      await site.publish(Array.from({ length: 5 }, () => `line ${String(count++).padStart(6, "0")}`));
      await new Promise(setImmediate);
    }
  })();
  return async () => {
    stop = true;
    await loop;
    return count;
  };
}

function expectedLines(count: number): string {
  return Array.from({ length: count }, (_, i) => `line ${String(i).padStart(6, "0")}\n`).join("");
}

/** One run of the real program, forced. Its postrotate touches a file, at which the test does what SIGHUP does in a node. */
async function logrotate(site: Site, running: Running, directives: string): Promise<void> {
  const config = join(site.folder, "logrotate.conf");
  const marker = join(site.folder, "hup");
  fs.rmSync(marker, { force: true });
  fs.writeFileSync(
    config,
    `"${site.at("access.log")}" {\n  rotate 50\n  su root root\n  missingok\n  notifempty\n${directives}\n  postrotate\n    touch ${marker}\n  endscript\n}\n`,
    { mode: 0o644 },
  );
  execFileSync("logrotate", ["--force", "--state", join(site.folder, "logrotate.state"), config], { stdio: "pipe" });
  await until("postrotate ran", () => fs.existsSync(marker));
  await running.reopen();
}

function whole(site: Site): string {
  const names = fs
    .readdirSync(site.out)
    .filter((name) => /^access\.log\.\d+$/.test(name))
    .sort((a, b) => Number(b.slice(11)) - Number(a.slice(11)));
  return [...names, "access.log"].map((name) => site.text(name)).join("");
}

for (const directives of ["create 0640 root root", "nocreate"]) {
  test(`logrotate with ${directives} loses and doubles nothing under load`, async (t) => {
    const site = await Site.open(t);
    const running = site.run(t, {});
    const finish = busy(site);
    for (let i = 0; i < 4; i++) {
      const before = running.counters.linesWritten;
      await until("something is written", () => running.counters.linesWritten > before + 20);
      await logrotate(site, running, directives);
    }
    const count = await finish();
    await running.caughtUp();
    await running.stop();
    assert.ok(fs.existsSync(site.at("access.log.4")));
    assert.equal(whole(site), expectedLines(count));
  });
}

test("after a rename, reopening acts at once, also while nothing comes", async (t) => {
  const site = await Site.open(t);
  const running = site.run(t, {});
  await site.publish(["one"]);
  await running.caughtUp();
  fs.renameSync(site.at("access.log"), site.at("access.log.1"));
  await running.reopen();
  assert.equal(site.text("access.log"), "");
  await site.publish(["two"]);
  await running.caughtUp();
  assert.equal(site.text("access.log.1"), "one\n");
  assert.equal(site.text("access.log"), "two\n");
});

test("until it is told to reopen, a renamed file gets the lines, as logrotate expects", async (t) => {
  const site = await Site.open(t);
  const running = site.run(t, {});
  await site.publish(["one"]);
  await running.caughtUp();
  fs.renameSync(site.at("access.log"), site.at("access.log.1"));
  await site.publish(["two"]);
  await running.caughtUp();
  await running.reopen();
  assert.equal(site.text("access.log.1"), "one\ntwo\n");
});

test("after copytruncate the file begins at its beginning, without a hole", async (t) => {
  const site = await Site.open(t);
  const running = site.run(t, {});
  await site.publish(["one", "two"]);
  await running.caughtUp();
  await logrotate(site, running, "copytruncate");
  await site.publish(["three"]);
  await running.caughtUp();
  fs.truncateSync(site.at("access.log"), 0);
  await site.publish(["four"]);
  await running.caughtUp();
  assert.equal(site.text("access.log.1"), "one\ntwo\n");
  assert.equal(site.text("access.log"), "four\n");
  assert.ok(running.counters.truncations >= 1);
});

test("a rename while the output is down: the old file keeps its lines, the new one gets the next", async (t) => {
  const site = await Site.open(t);
  await site.publish(["one"]);
  await site.write(t, {});
  fs.renameSync(site.at("access.log"), site.at("access.log.1"));
  await site.publish(["two"]);
  await site.write(t, {});
  assert.equal(site.text("access.log.1"), "one\n");
  assert.equal(site.text("access.log"), "two\n");
});

test("a file that was deleted is made again at reopening", async (t) => {
  const site = await Site.open(t);
  const running = site.run(t, { path: site.at("{group}/x.log") });
  await site.publish(["one"]);
  await running.caughtUp();
  fs.rmSync(site.at("web"), { recursive: true });
  await running.reopen();
  await site.publish(["two"]);
  await running.caughtUp();
  assert.equal(site.text("web/x.log"), "two\n");
});

test("the sample for logrotate is what logrotate accepts", (t: TestContext) => {
  const sample = new URL("../../../examples/files/logrotate.conf", import.meta.url).pathname;
  const copy = join(fs.mkdtempSync("/tmp/logspread-rotate-"), "logrotate.conf");
  t.after(() => fs.rmSync(join(copy, ".."), { recursive: true }));
  // The user and group of the package need not exist here.
  fs.writeFileSync(copy, fs.readFileSync(sample, "utf8").replaceAll("logspread adm", "root root"), { mode: 0o644 });
  const output = execFileSync("logrotate", ["--debug", copy], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  assert.doesNotMatch(output, /error/);
});
