/** What a node's refusal means for whoever asked. */
import { ERROR_CODES, type ErrorCode, LogspreadError } from "../../message/error.ts";
import type { Answer } from "./http-node.ts";

/**
 * Statuses that say: this very request will fail at any time and at any node. All others are the node's own trouble (or its
 * configuration: a wrong path or password), which passes or is mended, so nothing may be given up for them.
 */
const FINAL: ReadonlySet<number> = new Set([400, 413, 415, 422]);

export function isFinal({ status }: Answer): boolean {
  return FINAL.has(status);
}

/** The error that an answer tells of, in the node's own words if it is a problem of ours (RFC 9457). */
export function errorOf(answer: Answer, what: string): LogspreadError {
  const problem = parse(answer.body);
  const code = ERROR_CODES.find((known) => known === problem.code) ?? codeOf(answer.status);
  const fix = typeof problem.fix === "string" ? problem.fix : "Look at the node's own log";
  const detail = typeof problem.detail === "string" ? problem.detail : answer.body.toString("utf8", 0, 200).trim();
  // The detail is the whole sentence; its end is told as `fix`.
  const why = (detail.endsWith(fix) ? detail.slice(0, -fix.length) : detail).replace(/[.\s]+$/, "");
  return new LogspreadError(code, { what, why: why === "" ? `the node answered ${answer.status}` : why, fix });
}

/** The same of what a caller asked for: then it is the caller's argument that was wrong. */
export function argumentErrorOf(answer: Answer, what: string): LogspreadError {
  const error = errorOf(answer, what);
  return error.code === "BAD_REQUEST" ? new LogspreadError("BAD_ARGUMENT", error, { cause: error }) : error;
}

/** One line for a warning: "429 Too busy" and what the node says of it. */
export function complaintOf(answer: Answer): string {
  const { title, detail } = parse(answer.body);
  const words = [title, detail].filter((word) => typeof word === "string");
  return `answered ${answer.status}${words.length > 0 ? `: ${words.join(": ")}` : ""}`;
}

function parse(body: Buffer): { code?: unknown; title?: unknown; detail?: unknown; fix?: unknown } {
  try {
    const value: unknown = JSON.parse(body.toString());
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

function codeOf(status: number): ErrorCode {
  if (status === 413) return "TOO_LARGE";
  if (status === 404) return "NOT_FOUND";
  return status < 500 ? "BAD_REQUEST" : "BUS_UNREACHABLE";
}
