/** `npm run bench [-- NAME... and options]`: sets up, builds, and runs the benchmarks; see docs/benchmarks.md. */
import { join } from "node:path";
import { build } from "./build.js";
import { run, script } from "./run.js";
import { root, setup } from "./setup.js";

await script(import.meta, "bench", async () => {
  const node = await setup();
  await build(node);
  return run(node, [join(root, "bench", "main.ts"), ...process.argv.slice(2)], { cwd: root });
});
