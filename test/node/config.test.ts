import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { jsonSchema } from "../../src/node/config.ts";
import { ConfigError, type Fault, textOfFault } from "../../src/node/config-error.ts";
import { type LoadOptions, loadConfig } from "../../src/node/load-config.ts";
import { tempFolder } from "../temp.ts";

/** A folder with these files. */
function folderWith(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = tempFolder(t);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

function load(t: TestContext, yaml: string, options: Partial<LoadOptions> = {}) {
  const cwd = folderWith(t, { "logspread.yaml": yaml });
  return loadConfig({ env: {}, cwd, ...options }).config;
}

function faultsOf(run: () => unknown): readonly Fault[] {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof ConfigError && error.code === "BAD_CONFIG", String(error));
    return error.faults;
  }
  assert.fail("it was accepted");
}

function faults(t: TestContext, yaml: string, env = {}): string[] {
  return faultsOf(() => load(t, yaml, { env })).map((fault) =>
    textOfFault({ ...fault, file: fault.file === undefined ? undefined : "F" }),
  );
}

test("without a file everything has a default", (t) => {
  const cwd = tempFolder(t);
  const { config, files } = loadConfig({ env: { HOME: "/home/x" }, cwd, uid: 1000, path: undefined });
  assert.deepEqual(files, []);
  assert.deepEqual(config.listen, [{ kind: "tcp", host: "127.0.0.1", port: 4804 }]);
  assert.equal(config.data, "/home/x/.local/state/logspread");
  assert.deepEqual(config.outputs, {});
  assert.equal(config.limits.bodyBytes, 2 ** 30);
});

test("root keeps its data in /var/lib/logspread, and systemd's folder wins", (t) => {
  const cwd = tempFolder(t);
  assert.equal(loadConfig({ env: {}, cwd, uid: 0 }).config.data, "/var/lib/logspread");
  assert.equal(loadConfig({ env: { STATE_DIRECTORY: "/srv/state" }, cwd, uid: 0 }).config.data, "/srv/state");
});

test("sizes, durations and addresses are written as people write them", (t) => {
  const config = load(
    t,
    `listen: ["[::1]:4804", /run/x.sock]
bus: {embedded: {retain: {bytes: 1.5GB, age: 7d}, segmentBytes: 64MiB}}
limits: {bodyIdle: 500ms, messageBytes: 4096}`,
  );
  assert.deepEqual(config.listen, [
    { kind: "tcp", host: "::1", port: 4804 },
    { kind: "unix", path: "/run/x.sock" },
  ]);
  assert.deepEqual(config.bus.embedded.retain, { bytes: 1.5e9, age: 7 * 86_400_000 });
  assert.deepEqual([config.limits.bodyIdle, config.limits.messageBytes], [500, 4096]);
});

test("JSON is read as well", (t) => {
  assert.equal(load(t, '{"node": {"name": "n1"}, "outputs": {}}').node.name, "n1");
});

test("an unknown key is told with its place and the nearest known one", (t) => {
  assert.deepEqual(faults(t, "node:\n  nam: x\nlimits:\n  bodybytes: 1MB\nzzz: 1\n"), [
    "F:2:3: node.nam: there is no such setting. Did you mean name?",
    "F:4:3: limits.bodybytes: there is no such setting. Did you mean bodyBytes?",
    "F:5:1: zzz: there is no such setting. Here are allowed: node, listen, insecure, data, bus, limits, log, outputs, metrics",
  ]);
});

test("an unknown key of an output is told with its place and the nearest known one", (t) => {
  const [fault] = faults(t, "outputs:\n  site:\n    files:\n      path: /x/{group}.log\n      compres: zstd\n");
  assert.equal(fault, "F:5:7: outputs.site.files.compres: there is no such setting. Did you mean compress?");
});

test("all faults are told at once, with units explained", (t) => {
  assert.deepEqual(
    faults(t, "limits:\n  bodyBytes: 10 bananas\n  bodyIdle: 7\nlog: {level: loud}\nlisten: nowhere\n"),
    [
      'F:5:1: listen: cannot listen at "nowhere": it is neither HOST:PORT, such as "127.0.0.1:4804" or "[::1]:4804", nor a path',
      'F:2:3: limits.bodyBytes: write a size such as "10GB", "64MiB" or 4096',
      'F:3:3: limits.bodyIdle: write a duration such as "500ms", "10s", "5m", "2h" or "7d"',
      'F:4:7: log.level: Invalid option: expected one of "debug"|"info"|"warn"|"error"',
    ],
  );
});

test("what is missing is told at what should hold it", (t) => {
  assert.deepEqual(faults(t, "outputs:\n  site:\n    files: {}\n"), ["F:3:5: outputs.site.files.path: it is missing"]);
});

test("an output's name that could lead out of a folder is refused", (t) => {
  assert.match(faults(t, "outputs:\n  ../x: {files: {path: /x}}\n")[0]!, /F:2:3: .*a name is 1 to 64 letters/);
});

test("YAML that cannot be read is told with its place", (t) => {
  assert.match(faults(t, "node:\n\tname: x\n")[0]!, /^F:2:1: /);
  assert.match(faults(t, "node: {}\nnode: {}\n")[0]!, /^F:2:1: Map keys must be unique/);
  assert.match(faults(t, "- a\n")[0]!, /it is not a map of settings/);
});

test("aliases that would blow up are refused", (t) => {
  const levels = Array.from({ length: 12 }, (_, i) => `l${i + 1}: &l${i + 1} [${Array(10).fill(`*l${i}`).join(",")}]`);
  assert.match(faults(t, `l0: &l0 x\n${levels.join("\n")}\n`)[0]!, /alias/i);
});

test("environment variables are put in, with defaults, and as what they are", (t) => {
  const yaml = `node:
  name: \${NAME}-\${ZONE:-a}
limits:
  connections: \${N:-7}
insecure: \${OPEN}
data: /x/$\${NAME}`;
  const config = load(t, yaml, { env: { NAME: "web", OPEN: "true" } });
  assert.deepEqual(
    [config.node.name, config.limits.connections, config.insecure, config.data],
    ["web-a", 7, true, `/x/\${NAME}`],
  );
});

test("a variable cannot bring in settings", (t) => {
  const yaml = `node:\n  name: \${NAME}\n`;
  assert.match(faultsOf(() => load(t, yaml, { env: { NAME: "x}\ninsecure: true\n#" } }))[0]!.message, /a name is/);
});

test("a variable that is not set is told with its place", (t) => {
  assert.deepEqual(faults(t, `node:\n  name: \${NOPE}\n`), [
    `F:2:9: the environment variable NOPE is not set. Set it, or give a default: \${NOPE:-value}`,
  ]);
});

test("the files are searched in the stated order, and a named one must exist", (t) => {
  const cwd = folderWith(t, {
    "logspread.yaml": "node: {name: here}",
    "a.yaml": "node: {name: a}",
    "b.yaml": "node: {name: b}",
  });
  const name = (options: Partial<LoadOptions>) => loadConfig({ env: {}, cwd, ...options }).config.node.name;
  assert.equal(name({ path: "a.yaml", env: { LOGSPREAD_CONFIG: "b.yaml" } }), "a");
  assert.equal(name({ env: { LOGSPREAD_CONFIG: "b.yaml" } }), "b");
  assert.equal(name({}), "here");
  assert.equal(faultsOf(() => name({ path: "c.yaml" }))[0]!.message, "there is no such file");
});

test("conf.d is merged in name order; what is set twice is an error that names both places", (t) => {
  const good = folderWith(t, {
    "logspread.yaml": "outputs:\n  a: {files: {path: '/x/{group}a'}}\n",
    "conf.d/10-b.yaml": "outputs:\n  b: {files: {path: '/x/{group}b'}}\n",
    "conf.d/20-limits.yml": "limits: {connections: 5}\n",
    "conf.d/notes.txt": "not: read",
  });
  const { config, files } = loadConfig({ env: {}, cwd: good });
  assert.deepEqual(Object.keys(config.outputs), ["a", "b"]);
  assert.equal(config.limits.connections, 5);
  assert.deepEqual(
    files.map((file) => file.slice(good.length + 1)),
    ["logspread.yaml", "conf.d/10-b.yaml", "conf.d/20-limits.yml"],
  );
  const bad = folderWith(t, { "logspread.yaml": "\nnode: {name: a}\n", "conf.d/x.yaml": "node:\n  name: b\n" });
  const [fault] = faultsOf(() => loadConfig({ env: {}, cwd: bad }));
  assert.deepEqual([fault!.file, fault!.line, fault!.column], [join(bad, "conf.d/x.yaml"), 2, 3]);
  assert.equal(fault!.message, `it was set in ${join(bad, "logspread.yaml")}:2 already`);
});

test("flags win over the file", (t) => {
  const config = load(t, "listen: 127.0.0.1:1\nnode: {name: a}\n", {
    overrides: { listen: "127.0.0.1:2", data: undefined },
  });
  assert.deepEqual([config.listen, config.node.name], [[{ kind: "tcp", host: "127.0.0.1", port: 2 }], "a"]);
});

test("beyond this machine a node listens only if told that this is insecure", (t) => {
  for (const address of ["0.0.0.0:4804", ":4804", "'*:4804'", "'[::]:4804'", "10.0.0.1:4804", "example.org:4804"]) {
    assert.match(faults(t, `listen: ${address}\n`)[0]!, /^F:1:1: listen: .*no authentication.*insecure: true/, address);
    assert.equal(load(t, `listen: ${address}\ninsecure: true\n`).insecure, true);
  }
  for (const address of ["localhost:1", "127.8.9.1:1", "'[::1]:1'", "/run/x.sock"]) load(t, `listen: ${address}\n`);
});

test("the JSON Schema describes every setting and forbids others", () => {
  const walk = (node: Record<string, unknown>, path: string): void => {
    for (const [key, value] of Object.entries((node.properties ?? {}) as Record<string, Record<string, unknown>>)) {
      assert.equal(typeof (value.description ?? ""), "string");
      assert.ok(value.description || value.properties, `${path}${key} has no description`);
      walk(value, `${path}${key}.`);
    }
    if (node.properties) assert.equal(node.additionalProperties, false, path);
  };
  const schema = jsonSchema();
  walk(schema, "");
  assert.ok((schema.properties as Record<string, unknown>).outputs);
});
