/**
 * Makes node_modules what package-lock.json says and finds the Node 24 that the project brings along. Runs before
 * anything is installed, so on Node 20, in plain JavaScript and without dependencies, as do all files beside it.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { withLock } from "./lock.js";
import { Failure, run } from "./run.js";

/** The folder that holds package.json. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const NEEDED_MAJOR = 24;
const ownNode = join(root, "node_modules", "node", "bin", "node");

/** Installs what is missing and returns the path of a Node that runs this project. Safe to run twice at once. */
export async function setup() {
  if (installed()) return findNode();
  return withLock(
    join(root, ".cache", "setup.lock"),
    async () => {
      if (!installed()) await install();
      return findNode();
    },
    (pid) => console.error(`setup: waiting for process ${pid}, which is installing`),
  );
}

/**
 * `npm install` rather than `npm ci`, which stops when a registry lacks an optional package of another platform, and
 * which would take node_modules from under a program that still runs in it. It follows package-lock.json just as well.
 */
async function install() {
  const first = !existsSync(join(root, "node_modules"));
  console.error(
    `setup: installing the dependencies with npm (${first ? "first time" : "package-lock.json has changed"})`,
  );
  const { command, args } = npm();
  const code = await run(command, [...args, "install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    env: environment(),
    stdio: ["ignore", 2, 2], // stdout stays free for what the script itself has to say
  });
  if (code !== 0) {
    throw new Failure(`npm install ended with exit code ${code}; its own words are above. It needs the network once.`);
  }
  if (!installed())
    throw new Failure("npm install left out what package-lock.json names; remove node_modules and try again");
}

/** npm as it was called; or else the one in the PATH. */
function npm() {
  const { npm_execpath: script, npm_node_execpath: node } = process.env;
  // npm may replace what is in node_modules, so it must not run on the Node that lives in there.
  if (script?.endsWith(".js") && node && !node.startsWith(join(root, "node_modules"))) {
    return { command: node, args: [script] };
  }
  return { command: "npm", args: [] };
}

/** Our environment, without what npm put there for the script that runs now and with no PATH into node_modules. */
function environment() {
  const kept = Object.entries(process.env).filter(([name]) => !/^npm_(?!config_)/.test(name));
  const path = (process.env.PATH ?? "").split(delimiter).filter((folder) => !folder.includes("node_modules"));
  return { ...Object.fromEntries(kept), PATH: path.join(delimiter) };
}

/**
 * Whether node_modules holds each package in the version that package-lock.json names. npm writes what it installed into
 * node_modules/.package-lock.json, last of all; optional packages for other platforms are not in it.
 */
export function installed(folder = root) {
  const wanted = packagesOf(join(folder, "package-lock.json"));
  const present = packagesOf(join(folder, "node_modules", ".package-lock.json"));
  if (wanted === undefined) throw new Failure(`${folder} has no package-lock.json; is the checkout complete?`);
  if (present === undefined) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === "") return true;
    const found = present[path];
    if (found === undefined) return entry.optional === true;
    return found.version === entry.version && found.integrity === entry.integrity;
  });
}

function packagesOf(lockFile) {
  try {
    return JSON.parse(readFileSync(lockFile, "utf8")).packages;
  } catch (error) {
    if (error.code === "ENOENT" || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function findNode() {
  if (majorOf(process.versions.node) >= NEEDED_MAJOR) return process.execPath;
  const version = versionOf(ownNode);
  if (version !== undefined && majorOf(version) >= NEEDED_MAJOR) return ownNode;
  throw new Failure(
    `this is Node.js ${process.versions.node}; the project needs ${NEEDED_MAJOR} or newer, and the one it brings along ` +
      `(the npm package "node") is not there: its install script was blocked or failed.\n` +
      "  Mend it by one of:\n" +
      "    npm rebuild node --ignore-scripts=false    # lets that one package fetch its binary\n" +
      "    install Node.js 24 yourself (https://nodejs.org/) and run the command again",
  );
}

function versionOf(node) {
  if (!existsSync(node)) return undefined;
  try {
    return execFileSync(node, ["-p", "process.versions.node"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
  } catch {
    return undefined; // a binary of another platform: as good as none, and findNode says so
  }
}

function majorOf(version) {
  return Number(version.split(".")[0]);
}
