import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, type TestContext } from "node:test";
import { tempFolder } from "../temp.ts";
import { type Running, start } from "./logspread.ts";

export interface UpNode extends Running {
  readonly url: string;
  readonly folder: string;
}

/** A node as a process of its own, without outputs; on any free port and in a folder that goes with the test. */
export async function startNode(
  t: TestContext,
  listen = "127.0.0.1:0",
  folder = tempFolder(t),
  config = "outputs: {}\n",
): Promise<UpNode> {
  mkdirSync(join(folder, "node-data"), { recursive: true });
  writeFileSync(join(folder, "node.yaml"), config);
  const args = ["up", "-c", join(folder, "node.yaml"), "--data", join(folder, "node-data"), "--listen", listen];
  const running = start(t, args);
  const found = await running.waitFor(/listening on ([^\s"]+)/);
  return { ...running, url: found[1]!, folder };
}

let shared: Promise<UpNode> | undefined;
const undo: (() => unknown)[] = [];

// Here and not where it is made: within a test it would be the test's.
after(async () => {
  for (const each of undo.reverse()) await each();
});

/** One node for all tests of a file that leave each other's groups alone: starting one takes half a second. */
export function sharedNode(): Promise<UpNode> {
  shared ??= startNode({ after: (each: () => unknown) => void undo.push(each) } as unknown as TestContext);
  return shared;
}

export async function publish(url: string, group: string, body: string | Buffer, sender = "test@here"): Promise<void> {
  const headers = { "Logspread-Sender": sender };
  const answer = await fetch(`${url}/v1/groups/${group}/messages`, { method: "POST", body, headers });
  if (!answer.ok) throw new Error(await answer.text());
  await answer.arrayBuffer();
}
