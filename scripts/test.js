/**
 * `npm test [-- FILES, FOLDERS or options of node --test]`: sets up, installs what the tests drive, builds, lints, checks
 * the types and runs the tests. With FILES it runs those tests only, without linting and checking the types.
 */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { build } from "./build.js";
import { debianPrograms } from "./debian.js";
import { Failure, run, script } from "./run.js";
import { root, setup } from "./setup.js";

/** For one test. */
const TEST_TIMEOUT_MS = 120_000;
/** For all: a test that leaves something open would otherwise wait for ever. */
const SUITE_TIMEOUT_MS = 20 * 60_000;

/** The options of `node --test`, which must come first, and the files to run; a folder stands for the tests in it. */
function sorted(args) {
  const options = [];
  const files = [];
  for (const arg of args) {
    if (arg.startsWith("-")) options.push(arg);
    else if (existsSync(join(root, arg))) files.push(statSync(join(root, arg)).isDirectory() ? testsIn(arg) : arg);
    else if (/[*?[{]|\.ts$/.test(arg)) files.push(arg);
    else if (options.at(-1)?.startsWith("--"))
      options.push(arg); // the value of the option before it
    else throw new Failure(`there is no ${arg}`);
  }
  return { options, files };
}

function testsIn(folder) {
  return `${folder.replace(/\/+$/, "")}/**/*.test.ts`;
}

await script(import.meta, "test", async () => {
  const { options, files } = sorted(process.argv.slice(2));
  const all = files.length === 0;
  const node = await setup();
  const failed = [];
  /** Does one thing before the tests; they run even if it fails, so that one run tells everything. */
  const before = async (name, work) => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      console.error(`test: ${error.message}`);
      failed.push(name);
    }
  };
  const tool =
    (...path) =>
    async () => {
      const [program, ...args] = path;
      const code = await run(node, [join(root, "node_modules", program), ...args], { cwd: root });
      if (code !== 0) throw new Failure(`${args.join(" ")}: exit code ${code}`);
    };
  // Someone who runs a few tests may do without the programs; the tests that need one say so.
  if (all) await debianPrograms();
  else await debianPrograms().catch((error) => console.error(`test: ${error.message}`));
  await before("build", () => build(node));
  if (all) {
    await before("lint", tool("@biomejs/biome/bin/biome", "check", "--error-on-warnings", "."));
    // What runs in a browser, or talks of one, has types of its own.
    for (const project of [".", "dashboard", "test/dashboard"]) {
      await before("types", tool("typescript/bin/tsc", "--noEmit", "--project", project));
    }
    files.push(testsIn("test"));
  }
  const runner = ["--test", "--test-reporter=spec", "--test-concurrency=2", `--test-timeout=${TEST_TIMEOUT_MS}`];
  const code = await run(node, [...runner, ...options, ...files], { cwd: root, timeout: SUITE_TIMEOUT_MS });
  if (code === 143) console.error(`test: ended by SIGTERM, from outside or after ${SUITE_TIMEOUT_MS / 60_000} minutes`);
  if (failed.length > 0) console.error(`test: failed before the tests ran: ${failed.join(", ")}; see above`);
  return code === 0 && failed.length === 0 ? 0 : 1;
});
