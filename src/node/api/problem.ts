/** What a client is told when a request fails: a problem of RFC 9457 with our stable `code`. */
import { type ErrorCode, LogspreadError, reasonOf } from "../../message/error.ts";

export const PROBLEM_TYPE = "application/problem+json";

const STATUS: Readonly<Record<ErrorCode, number>> = {
  AUTHENTICATION_REQUIRED: 401,
  BAD_ARGUMENT: 400,
  BAD_CONFIG: 500,
  BAD_FRAME: 400,
  BAD_REQUEST: 400,
  BUS_CLOSED: 503,
  BUS_UNREACHABLE: 503,
  BUSY: 429,
  DISK_FAILED: 500,
  DISK_FULL: 507,
  FOLDER_LOCKED: 500,
  NOT_FOUND: 404,
  SEGMENT_DAMAGED: 500,
  TOO_LARGE: 413,
};

const TITLES: Readonly<Record<number, string>> = {
  400: "Bad request",
  401: "Authentication required",
  404: "Not found",
  408: "The request did not arrive in time",
  413: "Too large",
  415: "Unsupported encoding",
  429: "Too busy",
  431: "Headers too large",
  500: "The node failed",
  503: "Not available",
  507: "The disk is full",
};

/** How long a client that is told to come again should wait at least, in seconds. */
const RETRY_AFTER_S: Readonly<Record<number, string>> = { 429: "1", 503: "2", 507: "10" };

/** Extra members of the problem's JSON, such as how many messages had been stored. */
export type Facts = Readonly<Record<string, unknown>>;

/** A refusal by the API: an error with the status and the extra facts that the client is told. */
export class Refusal extends LogspreadError {
  readonly status: number;
  readonly facts: Facts;

  constructor(
    error: LogspreadError,
    { status = STATUS[error.code], facts = {} }: { readonly status?: number; readonly facts?: Facts } = {},
  ) {
    super(error.code, error, { cause: error });
    this.status = status;
    this.facts = facts;
  }
}

/** A refusal of what a client sent. */
export function badRequest(what: string, why: string, fix: string, options?: { status?: number; cause?: unknown }) {
  const error = new LogspreadError("BAD_REQUEST", { what, why, fix }, { cause: options?.cause });
  return new Refusal(error, { status: options?.status ?? 400 });
}

export function tooLarge(what: string, why: string, fix: string): Refusal {
  return new Refusal(new LogspreadError("TOO_LARGE", { what, why, fix }));
}

export interface Problem {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The problem that tells of `thrown`. What is no LogspreadError is a bug of ours: its text stays in the log. */
export function problemOf(thrown: unknown): Problem {
  const error = asRefusal(thrown);
  const { status, code, facts } = error;
  const retryAfter = RETRY_AFTER_S[status];
  const body = JSON.stringify({
    type: `urn:logspread:error:${code}`,
    title: TITLES[status] ?? "The request failed",
    status,
    detail: error.message,
    code: isBug(thrown) ? "INTERNAL" : code,
    fix: error.fix,
    ...facts,
  });
  return {
    status,
    headers: {
      "content-type": PROBLEM_TYPE,
      "content-length": String(Buffer.byteLength(body) + 1),
      "cache-control": "no-store",
      ...(retryAfter === undefined ? {} : { "retry-after": retryAfter }),
    },
    body: `${body}\n`,
  };
}

/** Whether `thrown` is a fault of the program, to be logged with its stack. */
export function isBug(thrown: unknown): boolean {
  return !(thrown instanceof LogspreadError) && statusOfFastify(thrown) === undefined;
}

function asRefusal(thrown: unknown): Refusal {
  if (thrown instanceof Refusal) return thrown;
  if (thrown instanceof LogspreadError) return new Refusal(thrown);
  const status = statusOfFastify(thrown);
  if (status !== undefined) {
    return badRequest("the request was refused", reasonOf(thrown), "See /openapi.json for what is allowed", { status });
  }
  const error = new LogspreadError("BAD_REQUEST", {
    what: "the request failed",
    why: "of a fault in logspread",
    fix: "The node's log has the details; please report it",
  });
  return new Refusal(error, { status: 500 });
}

/** Fastify's own refusals (a bad URL, say) carry a 4xx status. */
function statusOfFastify(thrown: unknown): number | undefined {
  const status = (thrown as { statusCode?: unknown } | null | undefined)?.statusCode;
  return typeof status === "number" && status >= 400 && status < 500 ? status : undefined;
}
