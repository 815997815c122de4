/** A real node for a test: on port 0, in a folder of its own, closed with the test. */
import net from "node:net";
import type { TestContext } from "node:test";
import { loadConfig } from "../../src/node/load-config.ts";
import { type NodeDeps, type RunningNode, startNode } from "../../src/node/node.ts";
import { tempFolder } from "../temp.ts";

export interface TestNode extends RunningNode {
  readonly url: string;
  /** What it has logged. */
  readonly log: { level: string; text: string; fields?: Record<string, unknown> }[];
  readonly data: string;
}

export async function testNode(
  t: TestContext,
  overrides: Record<string, unknown> = {},
  deps: NodeDeps = {},
): Promise<TestNode> {
  const data = (overrides.data as string | undefined) ?? tempFolder(t);
  const { config } = loadConfig({
    env: {},
    cwd: data,
    overrides: { listen: "127.0.0.1:0", data, outputs: {}, ...overrides },
  });
  const log: TestNode["log"] = [];
  const report: NodeDeps["report"] = (level, text, fields) => log.push({ level, text, fields });
  const node = await startNode(config, { report, ...deps });
  t.after(() => node.close());
  return { ...node, url: node.urls[0]!, log, data };
}

export function messagesUrl(url: string, group = "web", query = ""): string {
  return `${url}/v1/groups/${encodeURIComponent(group)}/messages${query}`;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever JSON it was given.
  readonly json: any;
}

export async function post(
  url: string,
  body: RequestInit["body"],
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(url, { method: "POST", body, headers, duplex: "half" } as RequestInit);
  return { status: response.status, headers: response.headers, json: await response.json() };
}

export async function getText(url: string, headers: Record<string, string> = {}): Promise<string> {
  const response = await fetch(url, { headers });
  return response.text();
}

/** Sends `text` over a plain connection and resolves to everything that came back until the node closed it. */
export function raw(url: string, text: string | Buffer, { end = false } = {}): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(port), hostname, () => (end ? socket.end(text) : socket.write(text)));
    let answer = "";
    socket.on("data", (chunk) => (answer += chunk));
    socket.on("close", () => resolve(answer));
    socket.on("error", (error) => (answer === "" ? reject(error) : resolve(answer)));
  });
}
