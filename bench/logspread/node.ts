/** A node of the program under test, in a folder of its own. */
import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Surroundings } from "../benchmark.ts";
import { type Program, start } from "../program.ts";
import { until } from "../wait.ts";

export const GROUP = "bench";

export interface NodeUnderTest {
  readonly url: string;
  readonly program: Program;
  /** Bytes of the bus's segments. */
  busBytes(): number;
}

/** What stands in its configuration besides address and folder; the default for everything else. */
export interface NodeSettings {
  /** File that the exactly-once file output writes the lines to; without it there is no output. */
  readonly file?: string;
  /** Where to listen; default any free port of the loopback interface. */
  readonly listen?: string;
}

/** Starts a node on `folder`, which may hold what an earlier one left. Resolves when it listens. */
export async function startNode(
  { node, program }: Surroundings,
  folder: string,
  { file, listen = "127.0.0.1:0" }: NodeSettings,
): Promise<NodeUnderTest> {
  mkdirSync(folder, { recursive: true });
  const config = join(folder, "logspread.json");
  const outputs = file === undefined ? {} : { bench: { files: { path: file.replaceAll("%", "%%"), groups: [GROUP] } } };
  writeFileSync(config, JSON.stringify({ listen, data: join(folder, "data"), outputs }));
  const log = join(folder, "node.log");
  writeFileSync(log, "");
  const running = start(node, [program, "up", "--config", config], { log });
  const address = () => /listening on ((?:http|unix):[^"\s]+)/.exec(running.text())?.[1];
  let ended = false;
  running.ended.then(
    () => (ended = true),
    () => (ended = true),
  );
  await until("the node to listen", () => ended || address() !== undefined);
  const url = address();
  if (ended || url === undefined) throw new Error(`the node did not start: ${running.text()}`);
  return { url, program: running, busBytes: () => bytesBelow(join(folder, "data", "bus")) };
}

function bytesBelow(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".log"))
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}
