/**
 * Programs of Debian that logspread is compared with, unpacked below bench/.tools. Not installed: rsyslog and syslog-ng
 * exclude each other, and neither should come to life on somebody's machine because of a benchmark.
 */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const exec = promisify(execFile);

export interface Tools {
  /** Their file system: usr/sbin and the rest below it. */
  readonly root: string;
  /** The folder of the machine's architecture below usr/lib. */
  readonly libraries: string;
  /** Lets them find their libraries. */
  readonly env: NodeJS.ProcessEnv;
}

const folder = join(import.meta.dirname, ".tools");

/** Downloads and unpacks the packages, once, with the libraries that this machine lacks. Throws if it cannot. */
export async function debianTools(packages: readonly string[], say: (text: string) => void): Promise<Tools> {
  const root = join(folder, packages.join("+"));
  if (!existsSync(root)) {
    say(`fetching Debian's ${packages.join(", ")} into ${folder}`);
    const fresh = `${root}.${process.pid}`;
    try {
      await unpack(packages, fresh);
      renameSync(fresh, root);
    } finally {
      rmSync(fresh, { recursive: true, force: true });
    }
  }
  const { stdout } = await exec("dpkg-architecture", ["-qDEB_HOST_MULTIARCH"]).catch(() => ({ stdout: "" }));
  const triplet = stdout.trim() || `${process.arch === "x64" ? "x86_64" : "aarch64"}-linux-gnu`;
  const libraries = join(root, "usr/lib", triplet);
  const path = [libraries, join(root, "lib", triplet), join(root, "usr/lib/syslog-ng")].join(":");
  return { root, libraries, env: { LD_LIBRARY_PATH: path } };
}

async function unpack(packages: readonly string[], root: string): Promise<void> {
  mkdirSync(join(root, "packages"), { recursive: true });
  const wanted = await withLibraries(packages).catch(async () => {
    await exec("apt-get", ["update", "-qq"]);
    return withLibraries(packages);
  });
  await exec("apt-get", ["download", "-qq", ...wanted], { cwd: join(root, "packages") });
  for (const file of readdirSync(join(root, "packages")))
    await exec("dpkg", ["-x", join(root, "packages", file), root]);
}

/** The packages and every library that they need, directly or not, and that is not installed. */
async function withLibraries(packages: readonly string[]): Promise<string[]> {
  const wanted = new Set(packages);
  for (const name of wanted) {
    const { stdout } = await exec("apt-cache", ["depends", "--important", name]);
    for (const [, library] of stdout.matchAll(/^ +Depends: (lib\S+)$/gm)) {
      if (!(await isInstalled(library!))) wanted.add(library!);
    }
  }
  return [...wanted];
}

async function isInstalled(name: string): Promise<boolean> {
  try {
    const { stdout } = await exec("dpkg", ["-s", name]);
    return /^Status: install ok installed$/m.test(stdout);
  } catch {
    return false; // dpkg does not know it
  }
}
