/**
 * Compiles src into dist, the program as the package holds it, and the dashboard into dist/dashboard; does nothing while
 * dist is current.
 */
import { createHash } from "node:crypto";
import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withLock } from "./lock.js";
import { Failure, run, script } from "./run.js";
import { root, setup } from "./setup.js";

const dist = join(root, "dist");
const cache = join(root, ".cache");
const stamp = join(cache, "built-from");
const program = join("cli", "main.js");

/** Builds with `node`, the path of a Node 24. Throws a Failure if the sources do not compile; then dist stays as it was. */
export async function build(node) {
  const sources = fingerprint();
  if (isCurrent(sources)) return;
  await withLock(
    join(cache, "build.lock"),
    async () => {
      if (isCurrent(sources)) return; // the one we waited for has built it
      console.error("build: compiling src and dashboard into dist");
      await compile(node);
      writeFileSync(stamp, sources);
    },
    (pid) => console.error(`build: waiting for process ${pid}, which is building`),
  );
}

function isCurrent(sources) {
  return existsSync(join(dist, program)) && existsSync(stamp) && readFileSync(stamp, "utf8") === sources;
}

/** Compiles beside dist and swaps the two, so that a program that starts meanwhile finds a whole one. */
async function compile(node) {
  const fresh = join(cache, `dist.${process.pid}`);
  const old = join(cache, `dist.old.${process.pid}`);
  try {
    const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
    const code = await run(node, [tsc, "-p", "tsconfig.build.json", "--outDir", fresh], {
      cwd: root,
      stdio: ["ignore", 2, 2],
    });
    if (code !== 0) throw new Failure("the sources do not compile; see above");
    await bundle(node, join(fresh, "dashboard"));
    chmodSync(join(fresh, program), 0o755);
    rmSync(stamp, { force: true });
    if (existsSync(dist)) renameSync(dist, old);
    renameSync(fresh, dist);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
    rmSync(old, { recursive: true, force: true });
  }
}

/** Builds the page that the node serves at `/`. */
async function bundle(node, folder) {
  const vite = join(root, "node_modules", "vite", "bin", "vite.js");
  const flags = ["build", "--outDir", folder, "--emptyOutDir", "--logLevel", "warn"];
  const code = await run(node, [vite, ...flags], { cwd: join(root, "dashboard"), stdio: ["ignore", 2, 2] });
  if (code !== 0) throw new Failure("the dashboard cannot be built; see above");
}

/** A hash of everything that the outcome depends on. */
function fingerprint() {
  const hash = createHash("sha256");
  const sources = ["src", "dashboard"]
    .flatMap((folder) => readdirSync(join(root, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
  const settings = ["tsconfig.json", "tsconfig.build.json", "package-lock.json"].map((name) => join(root, name));
  for (const path of [...settings, ...sources]) {
    const bytes = readFileSync(path);
    hash.update(`${path.slice(root.length)} ${bytes.length}\n`).update(bytes);
  }
  return hash.digest("hex");
}

await script(import.meta, "build", async () => {
  await build(await setup());
  return 0;
});
