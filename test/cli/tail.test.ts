import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { tempFolder } from "../temp.ts";
import { MAIN, run, start } from "./logspread.ts";
import { publish, sharedNode, startNode } from "./node.ts";

const HOSTILE = Buffer.from('- "GET /\x1b]0;owned\x07\x9b2J HTTP/1.1" 404 12\n', "latin1");

test("tail shows what comes, line by line as it was published", async (t) => {
  const { url } = await sharedNode();
  await publish(url, "g1", "before\n");
  const tail = start(t, ["tail", "g1", "--to", url, "--from", "first", "-n", "3"]);
  await tail.waitFor(/before\n/);
  await publish(url, "g1-other", "not this\n");
  await publish(url, "g1", "one\ntwo\n");
  const { code, stdout, stderr } = await tail.ended;
  assert.equal(code, 0);
  assert.equal(stdout, "before\none\ntwo\n");
  assert.equal(stderr, "");
});

test("tail --no-follow shows what is kept and ends", async (t) => {
  const { url } = await startNode(t);
  await publish(url, "a", "1\n2\n");
  await publish(url, "b", "3\n");
  const { code, stdout } = await run(t, ["tail", "*", "--no-follow", "--to", url]);
  assert.equal(code, 0);
  assert.equal(stdout, "1\n2\n3\n");
});

test("tail --grep picks lines, --ignore-case and --invert turn it", async (t) => {
  const { url } = await sharedNode();
  await publish(url, "g2", "GET /a 200\nGET /b 500\nget /c 503\n");
  const grep = async (...args: string[]) => (await run(t, ["tail", "g2", "--no-follow", "--to", url, ...args])).stdout;
  assert.equal(await grep("--grep", "GET.* 50[0-9]"), "GET /b 500\n");
  assert.equal(await grep("-i", "-g", "GET.* 50[0-9]"), "GET /b 500\nget /c 503\n");
  assert.equal(await grep("-v", "-i", "-g", "50\\d"), "GET /a 200\n");
});

test("tail --from takes a position and a time ago, with the minus as it is usually written", async (t) => {
  const { url } = await sharedNode();
  for (const line of ["1\n", "2\n", "3\n"]) await publish(url, "g3", line);
  const from = async (...args: string[]) => (await run(t, ["tail", "g3", "--no-follow", "--to", url, ...args])).stdout;
  const { position } = JSON.parse((await from("--json", "--from", "first", "--grep", "2")).trim());
  assert.equal(await from("--from", String(position)), "2\n3\n");
  assert.equal(await from("--from", "-10m"), "1\n2\n3\n");
});

test("into a pipe go the very bytes that were published, and --safe makes them harmless there too", async (t) => {
  const { url } = await sharedNode();
  await publish(url, "g4", HOSTILE);
  const args = ["tail", "g4", "--no-follow", "--to", url];
  const raw = spawnSync(process.execPath, [MAIN, ...args]).stdout;
  assert.deepEqual(raw, HOSTILE);
  const safe = await run(t, [...args, "--safe"]);
  assert.equal(safe.stdout, '- "GET /\\x1b]0;owned\\x07\\x9b2J HTTP/1.1" 404 12\n');
});

const noTerminal = spawnSync("script", ["--version"]).error !== undefined;

test("on a terminal hostile bytes are shown and not obeyed, and the status has a colour", {
  skip: noTerminal,
}, async (t) => {
  const { url } = await sharedNode();
  await publish(url, "g5", HOSTILE);
  const shown = (env: NodeJS.ProcessEnv) => {
    const line = `'${process.execPath}' '${MAIN}' tail g5 --no-follow --to ${url}`;
    const options = { env: { ...process.env, NO_COLOR: "", TERM: "xterm", ...env } };
    return spawnSync("script", ["-qfec", line, join(tempFolder(t), "typescript")], options).stdout.toString("latin1");
  };
  const harmless = (status: string) => `- "GET /\\x1b]0;owned\\x07\\x9b2J HTTP/1.1" ${status} 12\r\n`;
  assert.equal(shown({}), harmless("\x1b[33m404\x1b[0m"));
  assert.equal(shown({ NO_COLOR: "1" }), harmless("404"));
  assert.equal(shown({ TERM: "dumb" }), harmless("404"));
});

test("a reader that has seen enough ends it quietly with 0", async () => {
  const { url } = await sharedNode();
  await publish(url, "g6", `${"x".repeat(99)}\n`.repeat(50_000));
  const line = `'${process.execPath}' '${MAIN}' tail g6 --from first --to ${url} | head -n 1; echo \${PIPESTATUS[0]}`;
  const { stdout, stderr } = spawnSync("bash", ["-c", line], { encoding: "utf8" });
  assert.equal(stdout, `${"x".repeat(99)}\n0\n`);
  assert.equal(stderr, "");
});

test("where no node answers, it says so at once and ends with 69", async (t) => {
  const to = `unix:${join(tempFolder(t), "nobody.sock")}`;
  for (const args of [["tail", "a"], ["groups"]]) {
    const { code, stdout, stderr } = await run(t, [...args, "--to", to]);
    assert.equal(code, 69);
    assert.equal(stdout, "");
    assert.match(stderr, /nobody\.sock/);
  }
});

test("tail goes on where it was when the node comes back", async (t) => {
  const folder = tempFolder(t);
  const socket = join(folder, "s");
  const first = await startNode(t, socket, folder);
  const curl = (text: string) =>
    spawnSync("curl", ["-sf", "--unix-socket", socket, "--data-binary", text, "http://x/v1/groups/a/messages"]).status;
  assert.equal(curl("one\n"), 0);
  const tail = start(t, ["tail", "a", "--from", "first", "-n", "2", "--to", `unix:${socket}`]);
  await tail.waitFor(/one\n/);
  first.child.kill("SIGKILL");
  await first.ended;
  await tail.waitFor(/logspread: .*\n/);
  await startNode(t, socket, folder);
  assert.equal(curl("two\n"), 0);
  const { code, stdout } = await tail.ended;
  assert.equal(code, 0);
  assert.equal(stdout, "one\ntwo\n");
});

test("Ctrl-C ends tail as a signal does", async (t) => {
  const { url } = await sharedNode();
  await publish(url, "g7", "1\n");
  const tail = start(t, ["tail", "g7", "--from", "first", "--to", url]);
  await tail.waitFor(/1\n/);
  tail.child.kill("SIGINT");
  assert.equal((await tail.ended).signal, "SIGINT");
});

for (const [args, why] of [
  [["tail"], /which group/],
  [["tail", "a b"], /no group/],
  [["tail", "a", "-n", "x"], /not a number/],
  [["tail", "a", "--grep", "("], /--grep \(/],
  [["tail", "a", "-i"], /--grep/],
  [["tail", "a", "--from", "yesterday"], /--from -10m/],
  [["tail", "a", "--follow", "--no-follow"], /contradict/],
  [["tail", "a", "--to", "nonsense"], /nonsense/],
  [["groups", "a"], /no name/],
] as const) {
  test(`logspread ${args.join(" ")} is refused with 2 and the reason`, async (t) => {
    const { code, stderr } = await run(t, args);
    assert.equal(code, 2);
    assert.match(stderr, why);
    assert.doesNotMatch(stderr, /\n {4}at /);
  });
}

test("groups lists what there is, as a table and as JSON", async (t) => {
  const { url } = await startNode(t);
  const empty = await run(t, ["groups", "--to", url]);
  assert.equal(empty.stdout, "");
  assert.match(empty.stderr, /no groups yet/);
  await publish(url, "coolsite", "1\n2\n3\n");
  await publish(url, "blog", "1\n");
  const { code, stdout } = await run(t, ["groups"], { env: { LOGSPREAD_TO: url } });
  assert.equal(code, 0);
  const [head, ...rows] = stdout
    .trimEnd()
    .split("\n")
    .map((line) => line.split(/ {2,}/));
  assert.deepEqual(head, ["GROUP", "MESSAGES", "BATCHES", "BYTES", "POSITION", "TIME"]);
  assert.deepEqual(
    rows.map((row) => row.slice(0, 3)),
    [
      ["blog", "1", "1"],
      ["coolsite", "3", "1"],
    ],
  );
  const json = JSON.parse((await run(t, ["groups", "--json", "--to", url])).stdout);
  assert.equal(json.lastPosition, 2);
  assert.deepEqual(json.groups.map(({ group }: { group: string }) => group).sort(), ["blog", "coolsite"]);
});
