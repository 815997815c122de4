import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { installed } from "../../scripts/setup.js";
import { tempFolder } from "../temp.ts";

const wanted = {
  "": { name: "project" },
  "node_modules/a": { version: "1.0.0", integrity: "sha512-a" },
  "node_modules/b-darwin": { version: "2.0.0", integrity: "sha512-b", optional: true },
};

/** A project whose package-lock.json wants those packages and whose node_modules has `present`. */
function project(t: TestContext, present?: object): string {
  const folder = tempFolder(t);
  writeFileSync(join(folder, "package-lock.json"), JSON.stringify({ packages: wanted }));
  if (present !== undefined) {
    mkdirSync(join(folder, "node_modules"));
    writeFileSync(join(folder, "node_modules", ".package-lock.json"), JSON.stringify({ packages: present }));
  }
  return folder;
}

test("nothing is installed where node_modules is missing", (t) => assert.equal(installed(project(t)), false));

test("what package-lock.json wants is installed, optional packages of other platforms apart", (t) => {
  assert.equal(installed(project(t, { "node_modules/a": wanted["node_modules/a"] })), true);
});

test("a package in another version, or with other content, or missing, is not installed", (t) => {
  assert.equal(installed(project(t, { "node_modules/a": { version: "1.0.1", integrity: "sha512-a" } })), false);
  assert.equal(installed(project(t, { "node_modules/a": { version: "1.0.0", integrity: "sha512-x" } })), false);
  assert.equal(installed(project(t, {})), false);
});

test("an installation that was cut short is not installed", (t) => {
  const folder = project(t, {});
  writeFileSync(join(folder, "node_modules", ".package-lock.json"), '{"packages": {"node_mod');
  assert.equal(installed(folder), false);
});

test("a folder without package-lock.json is told", (t) => {
  assert.throws(() => installed(tempFolder(t)), /has no package-lock.json; is the checkout complete/);
});
