/** `npm start [-- FLAGS]`: sets up, builds, and runs `logspread up FLAGS`, or `logspread demo FLAGS` if --demo is among them. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { build } from "./build.js";
import { run, script } from "./run.js";
import { root, setup } from "./setup.js";

/**
 * The arguments of `logspread`. The bus goes to ./data unless the flags say where, or `configured`: a configuration that
 * will be found without being named says so.
 */
export function commandLine(flags, configured) {
  const rest = flags.filter((flag) => flag !== "--demo");
  const saysWhere = rest.some((flag) => /^(--data|--config)(=|$)|^-[cd]/.test(flag));
  const asksOnly = rest.includes("--help") || rest.includes("-h");
  const data = saysWhere || configured || asksOnly ? [] : ["--data", "./data"];
  return [rest.length < flags.length ? "demo" : "up", ...data, ...rest];
}

await script(import.meta, "start", async () => {
  const node = await setup();
  await build(node);
  const configured = Boolean(process.env.LOGSPREAD_CONFIG) || existsSync(join(root, "logspread.yaml"));
  const args = commandLine(process.argv.slice(2), configured);
  return run(node, [join(root, "dist", "cli", "main.js"), ...args], { cwd: root });
});
