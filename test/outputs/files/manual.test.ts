/** docs/files.md and examples/files say what is so. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { z } from "zod";
import { filesConfig } from "../../../src/outputs/files/config.ts";
import { newFilesCounters } from "../../../src/outputs/files/counters.ts";

const root = join(import.meta.dirname, "../../..");
const manual = readFileSync(join(root, "docs/files.md"), "utf8");
const examples = readdirSync(join(root, "examples/files")).filter((name) => name.endsWith(".yaml"));

function checkOutputs(text: string, where: string): void {
  const { outputs } = parse(text) as { outputs: Record<string, { files: unknown }> };
  assert.ok(Object.keys(outputs).length > 0, where);
  for (const output of Object.values(outputs)) filesConfig.parse(output.files);
}

test("every example is a configuration that is accepted, and linked from the manual", () => {
  assert.ok(examples.length >= 5);
  for (const name of examples) {
    checkOutputs(readFileSync(join(root, "examples/files", name), "utf8"), name);
    assert.ok(manual.includes(`../examples/files/${name}`), name);
  }
});

test("the configuration in the manual is accepted", () => {
  const block = /^ {4}outputs:\n(?: {4}.*\n)+/m.exec(manual)![0];
  checkOutputs(block.replace(/^ {4}/gm, ""), "docs/files.md");
});

test("the manual lists every option, with its default, and no other", () => {
  const section = manual.slice(manual.indexOf("## Options"), manual.indexOf("### In paths"));
  const rows = [...section.matchAll(/^\| `(\w+)` .*\| ([^|]+?) +\|$/gm)].map(
    ([, name, text]) => [name!, text!] as const,
  );
  const { properties } = z.toJSONSchema(filesConfig, { io: "input" }) as {
    properties: Record<string, { default?: unknown }>;
  };
  assert.deepEqual(
    rows.map(([name]) => name),
    Object.keys(properties),
  );
  for (const [name, text] of rows) {
    const value = properties[name]!.default;
    if (value === undefined || typeof value === "object") continue; // in words, or a list
    assert.equal(text, `\`${value}\``, name);
  }
});

test("the manual lists every counter", () => {
  const section = manual.slice(manual.indexOf("## Counters"));
  for (const name of Object.keys(newFilesCounters())) assert.ok(section.includes(`\`${name}\``), name);
});
