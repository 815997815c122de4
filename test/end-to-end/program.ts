/** The program as a package holds it: compiled, in a folder that every user can read, away from a checkout that changes. */
import { chmodSync, copyFileSync, cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { build } from "../../scripts/build.js";

const root = dirname(dirname(import.meta.dirname));

export interface Program {
  /** The Node that runs it. */
  readonly node: string;
  /** `main.js`. */
  readonly script: string;
}

let built: Promise<Program> | undefined;

/** Builds once a process. The folder goes when the process does. */
export function program(): Promise<Program> {
  built ??= install();
  return built;
}

async function install(): Promise<Program> {
  await build(process.execPath);
  const folder = mkdtempSync(join(tmpdir(), "logspread-program-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o755);
  cpSync(join(root, "dist"), join(folder, "dist"), { recursive: true });
  copyFileSync(join(root, "package.json"), join(folder, "package.json"));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  return { node: process.execPath, script: join(folder, "dist", "cli", "main.js") };
}
