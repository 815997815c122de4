import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { build } from "../../scripts/build.js";

/** Where the build puts the page, and where the node looks for it, whether it runs from src or from dist. */
export const builtDashboard = join(dirname(dirname(import.meta.dirname)), "dist", "dashboard");

/** Builds unless that has been done; `npm test` does it before any test, and then the page is current. */
export async function dashboardBuilt(): Promise<void> {
  if (!existsSync(join(builtDashboard, "index.html"))) await build(process.execPath);
}
