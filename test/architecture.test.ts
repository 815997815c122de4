/**
 * Imports point as docs/architecture.md says. The table there is the rule: this test reads it, walks the imports of src/
 * and names who breaks a line of it.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { homedir } from "node:os";
import { basename, dirname, join, posix } from "node:path";
import test from "node:test";

const root = dirname(import.meta.dirname);

/** Which folders of src a folder may import, and of which of them only the types. */
type Rules = ReadonlyMap<string, { readonly line: string; readonly values: Set<string>; readonly types: Set<string> }>;

interface Import {
  readonly line: number;
  readonly from: string;
  /** `import type` or `export type`: nothing of it is left when the program runs. */
  readonly typeOnly: boolean;
}

/** The rules that the table in `manual` states. */
function rulesOf(manual: string): Rules {
  const rules = new Map<string, { line: string; values: Set<string>; types: Set<string> }>();
  for (const row of manual.matchAll(/^\| `src\/([^`]+)`\s*\|[^|]*\|([^|]*)\|$/gm)) {
    const [, path, column] = row as unknown as [string, string, string];
    const may = column.trim();
    const above = [...rules.keys()];
    const values = new Set(may === "all above" ? above : []);
    const types = new Set(values);
    for (const [, folder, only] of may === "all above" ? [] : may.matchAll(/(\w+)(?: \((types)\))?/g)) {
      if (folder === "nothing") continue;
      assert.ok(
        above.includes(folder!),
        `docs/architecture.md: ${path} may import ${folder}, which is no row above it`,
      );
      types.add(folder!);
      if (only === undefined) values.add(folder!);
    }
    rules.set(path.replace(/\/$/, ""), { line: `src/${path} may import: ${may}`, values, types });
  }
  return rules;
}

/** Every import and re-export of a source text, comments left out. */
function importsOf(source: string): Import[] {
  const code = source.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, (comment) => comment.replace(/[^\n]/g, " "));
  const statement =
    /^\s*(?:import|export)\s+(type\s+)?(?:[\w*{][^;"'=()]*?\s*from\s*)?["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/gm;
  return [...code.matchAll(statement)].map((match) => ({
    line: code.slice(0, match.index + match[0].length).split("\n").length,
    from: (match[2] ?? match[3])!,
    typeOnly: match[1] !== undefined,
  }));
}

/** What breaks the rules in `sources` (path from src to text), each with its file, line, import and rule. */
function violations(sources: ReadonlyMap<string, string>, rules: Rules, dependencies: ReadonlySet<string>): string[] {
  const found: string[] = [];
  for (const [path, source] of sources) {
    const own = roomOf(path);
    const rule = rules.get(own);
    if (rule === undefined) {
      found.push(`src/${path}: src/${own} has no line in the table of docs/architecture.md`);
      continue;
    }
    for (const { line, from, typeOnly } of importsOf(source)) {
      const say = (why: string) =>
        found.push(`src/${path}:${line} imports ${typeOnly ? "type " : ""}"${from}": ${why}`);
      if (from.startsWith("node:")) continue;
      if (!from.startsWith(".")) {
        const name = from.split("/", from.startsWith("@") ? 2 : 1).join("/");
        if (builtinModules.includes(name)) say(`say "node:${from}"`);
        else if (!dependencies.has(name)) say(`${name} is not among the dependencies of package.json`);
        continue;
      }
      const target = posix.join(posix.dirname(path), from);
      if (target === "../package.json") continue;
      if (target.startsWith("..")) say("it leads out of src");
      else if (!sources.has(target)) say("there is no such file; say it with its extension");
      else {
        const room = roomOf(target);
        if (room !== own && !(typeOnly ? rule.types : rule.values).has(room)) say(rule.line);
      }
    }
  }
  return found;
}

/** The folder of src that a file belongs to; a file that stands in src itself is a room of its own. */
function roomOf(path: string): string {
  return path.split("/")[0]!;
}

/** Files that import one another in a circle while the program runs, as "a -> b -> a". */
function circles(sources: ReadonlyMap<string, string>): string[] {
  const found: string[] = [];
  const state = new Map<string, "open" | "done">();
  const visit = (path: string, trail: readonly string[]): void => {
    if (state.get(path) === "done") return;
    if (state.get(path) === "open") {
      found.push([...trail.slice(trail.indexOf(path)), path].join(" -> "));
      return;
    }
    state.set(path, "open");
    for (const { from, typeOnly } of importsOf(sources.get(path) ?? "")) {
      if (from.startsWith(".") && !typeOnly) visit(posix.join(posix.dirname(path), from), [...trail, path]);
    }
    state.set(path, "done");
  };
  for (const path of sources.keys()) visit(path, []);
  return found;
}

const manual = readFileSync(join(root, "docs", "architecture.md"), "utf8");
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const dependencies = new Set(Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }));
const entries = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" });
const sources = new Map(
  entries.filter((path) => path.endsWith(".ts")).map((path) => [path, readFileSync(join(root, "src", path), "utf8")]),
);

test("every import of src points as the table in docs/architecture.md says", () => {
  assert.deepEqual(violations(sources, rulesOf(manual), dependencies), []);
});

test("every folder of the table is there", () => {
  for (const path of rulesOf(manual).keys()) assert.ok(existsSync(join(root, "src", path)), `there is no src/${path}`);
});

/** An `import("./x.ts")` runs later, so only what stands at the top can meet a file that is not ready. */
test("no files import one another in a circle", () => {
  const atStart = new Map([...sources].map(([path, source]) => [path, source.replace(/\bimport\(/g, "later(")]));
  assert.deepEqual(circles(atStart), []);
});

test("no folder or file is named for what it is not: utils, common, types, helpers", () => {
  const vague = /^(utils?|common|types?|helpers?|misc|shared)(\.\w+)*$/;
  const folders = ["src", "test", "scripts", "bench", "chaos"].filter((folder) => existsSync(join(root, folder)));
  const paths = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((path) => join(folder, path)),
  );
  assert.deepEqual(
    paths.filter((path) => vague.test(basename(path))),
    [],
  );
});

// The tracked files --------------------------------------------------------------------------------------------------

const tracked = existsSync(join(root, ".git"))
  ? execFileSync("git", ["ls-files", "-z"], { cwd: root, encoding: "utf8" }).split("\0").filter(Boolean)
  : [];

/** Where this checkout is and where people have their files. */
const machineFolders = [root, dirname(root), homedir(), "/root", "/Users"].filter(
  (path) => path !== "/" && path !== "/tmp",
);

/** What stands in `text` that holds on one machine only: where somebody's files lie, and whence packages came. */
function machineTraces(text: string): string[] {
  const folders = machineFolders.map((path) => path.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|");
  const paths = new RegExp(`(?<![\\w.-])(?:${folders})/[\\w.-]+`, "g");
  const registries = /\b(?:registry\.npmjs\.org|registry\.yarnpkg\.com|npm\.pkg\.github\.com|deb\.debian\.org)\b/g;
  return [...text.matchAll(paths), ...text.matchAll(registries)].map(([found]) => found);
}

test("no tracked file names a path of one machine or the host of a registry", () => {
  const found = tracked
    .filter(
      (path) => !path.startsWith("test/data/") && path !== "test/architecture.test.ts" && existsSync(join(root, path)),
    )
    .flatMap((path) => {
      const text = readFileSync(join(root, path), "latin1");
      return text.includes("\0") ? [] : machineTraces(text).map((trace) => `${path}: ${trace}`);
    });
  assert.deepEqual(found, []);
});

test("package-lock.json does not say whence packages came, so any registry serves", () => {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  const resolved = Object.keys(packages).filter((path) => packages[path].resolved !== undefined);
  assert.deepEqual(resolved, [], "run npm install with the .npmrc of this project");
});

// The checks themselves can fail -------------------------------------------------------------------------------------

const table = `
| folder | holds | may import |
| --- | --- | --- |
| \`src/message/\` | the unit | nothing |
| \`src/bus/\` | the bus | message |
| \`src/outputs/\` | outputs | message, bus (types) |
| \`src/node/\` | wiring | all above |
`;

/** What is found wrong in one file, \`path\`, of a small program. */
function wrongIn(path: string, source: string): string[] {
  const program = new Map([
    ["message/a.ts", ""],
    ["bus/bus.ts", ""],
    ["outputs/files.ts", ""],
    ["node/node.ts", ""],
  ]);
  return violations(program.set(path, source), rulesOf(table), new Set(["zod", "@scope/lib"]));
}

test("an import against the arrows is told with file, line, import and rule", () => {
  assert.deepEqual(wrongIn("message/a.ts", '// first\nimport { bus } from "../bus/bus.ts";\n'), [
    'src/message/a.ts:2 imports "../bus/bus.ts": src/message/ may import: nothing',
  ]);
});

test("where only types may be imported, `import type` is right and every other import is wrong", () => {
  assert.deepEqual(wrongIn("outputs/files.ts", 'import type { Bus } from "../bus/bus.ts";'), []);
  const others = ['import { x } from "../bus/bus.ts";', 'import { type Bus } from "../bus/bus.ts";'];
  others.push(
    'import "../bus/bus.ts";',
    'export * from "../bus/bus.ts";',
    'const bus = await import("../bus/bus.ts");',
  );
  others.push('import {\n  type Bus,\n  x,\n} from "../bus/bus.ts";', "import * as b from '../bus/bus.ts';");
  for (const source of others) {
    assert.match(wrongIn("outputs/files.ts", source).join(), /may import: message, bus \(types\)/, source);
  }
});

test("imports along the arrows, of Node and of dependencies are right", () => {
  const lines = ["../message/a.ts", "../bus/bus.ts", "../outputs/files.ts", "node:fs", "zod", "zod/v4", "@scope/lib"];
  assert.deepEqual(wrongIn("node/node.ts", lines.map((from) => `import x from "${from}";`).join("\n")), []);
});

for (const [from, why] of [
  ["fast-check", /is not among the dependencies/],
  ["fs", /say "node:fs"/],
  ["./missing.ts", /there is no such file/],
  ["../message/a", /there is no such file/],
  ["../../scripts/run.js", /it leads out of src/],
] as const) {
  test(`an import of ${from} is wrong`, () =>
    assert.match(wrongIn("node/node.ts", `import x from "${from}";`)[0]!, why));
}

test("a folder that the table does not know is told", () => {
  assert.match(wrongIn("extras/x.ts", "")[0]!, /src\/extras has no line in the table/);
});

test("a table that points in a circle is refused", () => {
  const bad = table.replace("the unit | nothing", "the unit | bus");
  assert.throws(() => rulesOf(bad), /message\/ may import bus, which is no row above it/);
});

test("a circle is told with its files; one of types alone is none", () => {
  const circle = (how: string) =>
    circles(
      new Map([
        ["a.ts", 'import { b } from "./b.ts";'],
        ["b.ts", `import ${how}{ a } from "./a.ts";`],
      ]),
    );
  assert.deepEqual(circle(""), ["a.ts -> b.ts -> a.ts"]);
  assert.deepEqual(circle("type "), []);
});

test("an import in a comment or a string of another kind is none", () => {
  const source =
    '/* import x from "./x.ts"; */\n// import y from "./y.ts";\nconst text = "from \\"z\\"";\nexport const a = "b";\n';
  assert.deepEqual(importsOf(source), []);
});

test("traces of a machine are found", () => {
  const text = `see ${root}/x, /Users/somebody/y and https://registry.npmjs.org/zod, not http://site/root/a or /home/x`;
  assert.deepEqual(machineTraces(text), [`${root}/x`, "/Users/somebody", "registry.npmjs.org"]);
});
