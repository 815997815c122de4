import { readFileSync } from "node:fs";

/** The version of this package, from its package.json: two folders up from src/cli as from dist/cli. */
export function version(): string {
  const file = new URL("../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

/** What `--version --json` prints: all that a bug report should name. */
export function versionReport() {
  const { node, v8, uv } = process.versions;
  return { name: "logspread", version: version(), node, v8, uv, platform: process.platform, arch: process.arch };
}
