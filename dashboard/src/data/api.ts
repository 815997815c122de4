/** Requests to the node that served the page. All addresses are relative: the page may lie anywhere below a proxy. */
import type { Scope } from "../../../src/metrics/snapshot.ts";
import type { Range, View } from "./view.ts";

/** What the node said when it refused, or what the browser said when it could not be reached. */
export class Refusal extends Error {
  /** The HTTP status; 0 if there was no answer. */
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export function addressOf(path: string, query: Readonly<Record<string, string | number | undefined>> = {}): string {
  const url = new URL(path, document.baseURI);
  url.hash = "";
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== "") url.searchParams.set(key, String(value));
  }
  return url.href;
}

/** The node's own address, to be copied into a terminal. */
export function nodeAddress(): string {
  return addressOf(".").replace(/\/$/, "");
}

export async function getJson<T>(address: string, signal: AbortSignal): Promise<T> {
  const response = await get(address, "application/json", signal);
  return (await response.json()) as T;
}

/** Rejects with a Refusal unless the answer is good. */
export async function get(address: string, accept: string, signal: AbortSignal): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(address, { headers: { accept }, signal, cache: "no-store", credentials: "same-origin" });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new Refusal(0, "UNREACHABLE", "the node does not answer");
  }
  if (response.ok) return response;
  const problem = (await response.json().catch(() => ({}))) as { code?: unknown; detail?: unknown; title?: unknown };
  const words = [problem.title, problem.detail].filter((word) => typeof word === "string").join(": ");
  throw new Refusal(response.status, String(problem.code ?? ""), words || `the node answered ${response.status}`);
}

/** Filters as the API takes them. */
export function filtersOf({ groups, servers }: Pick<View, "groups" | "servers">): Record<string, string> {
  return { groups: groups.join(","), servers: servers.join(",") };
}

/** The stretch of time that `range` means now, as the API takes it. */
export function timesOf(range: Range, shown: Scope | undefined): Record<string, string> {
  // While replaying, the panels tell of the span that the replay has reached.
  if (range.kind === "replay" && shown !== undefined) {
    return { from: new Date(shown.fromUs / 1000).toISOString(), to: new Date(shown.toUs / 1000).toISOString() };
  }
  if (range.kind !== "last") return { from: isoOf(range.fromS), to: isoOf(range.toS) };
  return { from: isoOf(Date.now() / 1000 - range.spanS) };
}

export function isoOf(s: number): string {
  return new Date(s * 1000).toISOString();
}
