/** `npm start [-- FLAGS]`: sets up, builds, and runs `logspread up FLAGS`, or `logspread demo FLAGS` if --demo is among them. */
import { join } from "node:path";
import { build } from "./build.js";
import { run, script } from "./run.js";
import { root, setup } from "./setup.js";

/** The arguments of `logspread`. Lines go to ./data unless the caller says where to, or has a configuration that does. */
export function commandLine(flags) {
  const rest = flags.filter((flag) => flag !== "--demo");
  const saysWhere = rest.some((flag) => /^(--data|--config)(=|$)|^-c/.test(flag));
  const asksOnly = rest.includes("--help") || rest.includes("-h");
  const data = saysWhere || asksOnly ? [] : ["--data", "./data"];
  return [rest.length < flags.length ? "demo" : "up", ...data, ...rest];
}

await script(import.meta, "start", async () => {
  const node = await setup();
  await build(node);
  return run(node, [join(root, "dist", "cli", "main.js"), ...commandLine(process.argv.slice(2))], { cwd: root });
});
