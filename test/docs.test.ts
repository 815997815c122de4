/** The manual says what is so: its links lead somewhere, and its list of errors is that of the code. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import test from "node:test";
import { commands } from "../src/cli/commands.ts";
import { ERROR_CODES } from "../src/message/error.ts";

const root = dirname(import.meta.dirname);
const pages = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  ...["docs", "examples"]
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
        .filter((path) => path.endsWith(".md"))
        .map((path) => join(folder, path)),
    ),
];

function read(page: string): string {
  return readFileSync(join(root, page), "utf8");
}

/** The anchors that a page's headings make, as GitHub makes them. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+\s+(.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replace(/\s/g, "-"),
  );
}

/** The relative links of a page that lead nowhere. `text` is that of `page`, whose folder they start from. */
function deadLinks(page: string, text: string): string[] {
  const prose = text.replace(/^ {0,3}```[\s\S]*?^ {0,3}```/gm, "").replace(/`[^`\n]*`/g, "");
  return [...prose.matchAll(/\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g)]
    .map(([, link]) => link!)
    .filter((link) => !/^(https?|mailto):/.test(link))
    .filter((link) => {
      const [path, anchor] = link.split("#") as [string, string?];
      const target = path === "" ? page : join(dirname(page), path);
      if (!existsSync(join(root, target))) return true;
      return anchor !== undefined && !anchorsOf(read(target)).includes(anchor);
    })
    .map((link) => `${page}: ${link}`);
}

test("every relative link of the manual leads to a file, and to a heading of it", () => {
  assert.deepEqual(
    pages.flatMap((page) => deadLinks(page, read(page))),
    [],
  );
});

test("a dead link is found", () => {
  const text =
    "[a](docs/errors.md#limits) [b](docs/nothing.md) [c](docs/errors.md#nothing) `[d](x.md)` [e](https://x/y)";
  assert.deepEqual(deadLinks("README.md", text), ["README.md: docs/nothing.md", "README.md: docs/errors.md#nothing"]);
});

test("docs/errors.md lists every error code, with meaning and mend, and no other", () => {
  const rows = [...read("docs/errors.md").matchAll(/^\| `([A-Z_]+)`\s*\|([^|]*)\|([^|]*)\|$/gm)];
  assert.deepEqual(
    rows.map(([, code]) => code),
    [...ERROR_CODES],
  );
  for (const [, code, meaning, mend] of rows)
    assert.ok(meaning!.trim() && mend!.trim(), `${code} lacks meaning or mend`);
});

test("README.md lists every command that a person would look for", () => {
  const listed = [...read("README.md").matchAll(/^\| `logspread (\w+)/gm)].map(([, name]) => name!);
  const there = commands.map(({ name }) => name).filter((name) => name !== "completion");
  assert.deepEqual(listed.toSorted(), there.toSorted());
});
