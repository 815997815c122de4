/** Publishes one line with the fsync mode given, says so on standard output, and dies. */
import { writeSync } from "node:fs";
import { embeddedConfig } from "../../../src/bus/embedded/config.ts";
import { EmbeddedBus } from "../../../src/bus/embedded/embedded.ts";
import { batchOf } from "../../conformance/bus.ts";

const [folder, fsync] = process.argv.slice(2) as [string, string];
const config = embeddedConfig.parse({ fsync, fsyncInterval: "100ms" });
const bus = await EmbeddedBus.open(folder, config, { nowUs: () => Date.now() * 1000, report: () => undefined });
await bus.publish(await batchOf(["hello"]));
writeSync(1, "acknowledged\n");
setTimeout(() => process.kill(process.pid, "SIGKILL"), 300);
