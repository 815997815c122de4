/** What a log line contains can harm nobody: no path from a field leaves the output folder. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { component } from "../../../src/outputs/files/component.ts";
import { filesConfig } from "../../../src/outputs/files/config.ts";
import { parseTemplate } from "../../../src/outputs/files/template.ts";
import { DAY, Site } from "./site.ts";

const NAMES = ["group", "sender", "host", "vhost"];

test("any text becomes one harmless name, and different texts different ones", () => {
  const text = fc.oneof(
    fc.string({ unit: fc.constantFrom("..", "/", "\0", "\\", "-", ".", "~", "%", "a", "%2F", "é", "\u202e", "\n") }),
    fc.string({ unit: "binary", maxLength: 400 }),
  );
  fc.assert(
    fc.property(text, text, (a, b) => {
      const name = component(a, 100);
      assert.match(name, /^[A-Za-z0-9_@:+=~,%][A-Za-z0-9_@:+=~,%.-]*$/);
      assert.ok(name.length <= 100);
      const plain = (value: string) => (value === "-" || value === "" ? "_" : value);
      if (plain(a).isWellFormed() && plain(b).isWellFormed() && plain(a) !== plain(b)) {
        assert.notEqual(name, component(b, 100));
      }
    }),
    { numRuns: 3000 },
  );
});

test("names that do no harm stay as they are", () => {
  for (const name of ["www.example.org", "a@b", "10.0.0.1", "::1", "x_y-z", "WWW"])
    assert.equal(component(name, 100), name);
  assert.equal(component("../../etc/passwd", 100), "%2E.%2F..%2Fetc%2Fpasswd");
  assert.equal(component(".htaccess", 100), "%2Ehtaccess");
  assert.equal(component("-rf", 100), "%2Drf");
});

test("whatever the values, the path is below the base and its names have a legal length", () => {
  const template = parseTemplate("/var/log/x/{vhost}/{sender}{group}-%Y.log", NAMES);
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 600 }), fc.string({ maxLength: 600 }), (a, b) => {
      const path = template.render([a, b, a], 1e15);
      assert.ok(path.startsWith("/var/log/x/"));
      const names = path.split("/");
      assert.equal(names.length, 6);
      for (const name of names.slice(1))
        assert.ok(name !== ".." && name !== "." && name.length > 0 && name.length < 220);
    }),
  );
});

test("hostile virtual hosts make files in the folder, and nothing outside", async (t) => {
  const site = await Site.open(t);
  const hosts = [
    "../../../escape",
    "/etc/passwd",
    "a/b",
    "..",
    ".",
    "\0",
    "x".repeat(5000),
    "\u202egnp.exe",
    "é",
    "\x1b[31m",
  ];
  await site.publish([...hosts.map((host) => `${host} line`), "", " no host"]);
  const before = fs.readdirSync(site.folder);
  await site.write(t, { path: site.at("{vhost}.log") });
  const names = fs.readdirSync(site.out);
  assert.equal(names.length, hosts.length + 1);
  for (const name of names) assert.match(name, /^[\w@:+=~,%][\w@:+=~,%.-]*\.log$/);
  assert.deepEqual(fs.readdirSync(site.folder).sort(), [...before, "out", "state"].sort());
});

test("links that lead out of the folder are not followed; their lines go to the file called other", async (t) => {
  const site = await Site.open(t);
  const secret = join(site.folder, "secret");
  fs.mkdirSync(secret);
  fs.writeFileSync(join(secret, "target"), "untouched");
  fs.mkdirSync(site.at("c"), { recursive: true });
  fs.symlinkSync(secret, site.at("a")); // a folder outside
  fs.symlinkSync(join(secret, "target"), site.at("c/x.log")); // a file outside
  fs.symlinkSync(site.at("c"), site.at("d")); // within: allowed
  execFileSync("mkfifo", [site.at("c/pipe.log")]);
  await site.publish(["one"], "a");
  await site.publish(["two"], "c");
  await site.publish(["three"], "d");
  await site.publish(["four"], "e");
  const running = await site.write(t, { path: site.at("{group}/x.log") });
  assert.deepEqual(fs.readdirSync(secret), ["target"]);
  assert.equal(fs.readFileSync(join(secret, "target"), "utf8"), "untouched");
  assert.equal(site.text("other/x.log"), "one\ntwo\nthree\n"); // d/x.log is c/x.log, a link out
  assert.equal(site.text("e/x.log"), "four\n");
  assert.equal(running.counters.linesOverflowed, 3);
  assert.match(running.reports.join("\n"), /symbolic link/);
  await site.publish(["five"], "c");
  await site.write(t, { name: "second", from: "new", path: site.at("{group}/pipe.log") });
});

test("a pipe in a file's place is not waited for", async (t) => {
  const site = await Site.open(t);
  fs.mkdirSync(site.at("web"), { recursive: true });
  execFileSync("mkfifo", [site.at("web/x.log")]);
  await site.publish(["one"]);
  await site.write(t, { path: site.at("{group}/x.log") });
  assert.equal(site.text("other/x.log"), "one\n");
});

test("more different files a day than allowed go to one file called other, counted; the next day begins anew", async (t) => {
  const site = await Site.open(t);
  const options = { path: site.at("{vhost}.log"), maxPathsPerDay: 3 };
  await site.publish(Array.from({ length: 100 }, (_, i) => `host${i} x`));
  const first = await site.write(t, options);
  assert.deepEqual(fs.readdirSync(site.out), ["host0.log", "host1.log", "host2.log", "other.log"]);
  assert.equal(first.counters.linesOverflowed, 97);
  assert.match(first.reports.join("\n"), /maxPathsPerDay/);
  await site.publish(["host1 again", "host50 still not"]); // after a restart the day's files are still known
  await site.write(t, options);
  assert.equal(site.text("host1.log"), "host1 x\nhost1 again\n");
  assert.ok(!fs.existsSync(site.at("host50.log")));
  site.nowUs += DAY;
  await site.publish(["host50 now"]);
  await site.write(t, options);
  assert.equal(site.text("host50.log"), "host50 now\n");
});

test("templates that cannot be kept in a folder are refused, with the reason", () => {
  const refused = (path: string, why: RegExp): void => {
    const result = filesConfig.safeParse({ path });
    assert.ok(!result.success, path);
    assert.match(result.error.issues.map((issue) => issue.message).join(), why, path);
  };
  refused("/{vhost}.log", /fixed folder/);
  refused("/var/log/../{vhost}.log", /\.\./);
  refused("/var/log/{vhots}.log", /\{vhots\} is not known; there are group, sender, host, vhost/);
  refused("/var/log/{status}.log", /is not known/);
  refused("/var/log/{vhost.log", /brace/);
  refused("/var/log/%Q.log", /%Q is not known/);
  refused("var/log/x.log", /not absolute/);
  refused("/var/log/", /empty name/);
});

test("configuration that cannot work is refused, naming the key", () => {
  const refused = (extra: object, path: string, why: RegExp): void => {
    const result = filesConfig.safeParse({ path: "/var/log/x/a.log", ...extra });
    assert.ok(!result.success, JSON.stringify(extra));
    assert.equal(result.error.issues[0]!.path.join("."), path);
    assert.match(result.error.issues[0]!.message, why);
  };
  refused({ match: ["("] }, "match.0", /regular expression/i);
  refused({ format: "%h %Q" }, "format", /%Q is not known/);
  refused({ rewriteTimestamp: "%H:%M" }, "rewriteTimestamp", /names no year/);
  refused({ zone: "Nowhere" }, "zone", /not known/);
  refused({ mode: "rw" }, "mode", /0640/);
  refused({ currentLink: "/tmp/current" }, "currentLink", /not below \/var\/log\/x/);
  refused({ currentLink: "/var/log/x/%Y" }, "currentLink", /date parts/);
  refused({ colour: "red" }, "", /colour/);
});
