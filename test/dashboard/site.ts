/** A node with metrics, and traffic of which every figure is known. */
import type { TestContext } from "node:test";
import { type TestNode, testNode } from "../node/running.ts";

export function metricsNode(t: TestContext, overrides: Record<string, unknown> = {}): Promise<TestNode> {
  return testNode(t, { metrics: {}, ...overrides });
}

export interface Hit {
  readonly address?: string;
  readonly path?: string;
  readonly status?: number;
  readonly bytes?: number;
  readonly referrer?: string;
  readonly agent?: string;
}

const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:138.0) Gecko/20100101 Firefox/138.0";

/** A line in Apache's combined format, logged now. */
export function line({ address, path, status, bytes, referrer, agent }: Hit = {}): string {
  const request = `GET ${path ?? "/"} HTTP/1.1`;
  return `${address ?? "192.0.2.1"} - - [${apacheTime(new Date())}] "${request}" ${status ?? 200} ${bytes ?? 1000} "${referrer ?? "-"}" "${agent ?? FIREFOX}"\n`;
}

/** Publishes to group web as a server of that name. */
export async function publish(url: string, server: string, lines: readonly (string | Buffer)[]): Promise<void> {
  const body = Buffer.concat(lines.map((each) => Buffer.from(each as string)));
  const answer = await fetch(`${url}/v1/groups/web/messages`, {
    method: "POST",
    body,
    headers: { "logspread-sender": `test@${server}`, "content-type": "text/plain" },
  });
  if (!answer.ok) throw new Error(await answer.text());
  await answer.arrayBuffer();
}

export function times<T>(count: number, make: (at: number) => T): T[] {
  return Array.from({ length: count }, (_, at) => make(at));
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function apacheTime(at: Date): string {
  const two = (n: number) => String(n).padStart(2, "0");
  const day = `${two(at.getUTCDate())}/${MONTHS[at.getUTCMonth()]}/${at.getUTCFullYear()}`;
  return `${day}:${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())} +0000`;
}
