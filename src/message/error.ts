/** Every stable error code; `docs/errors.md` lists each with its meaning and mend (a test compares the two). */
export const ERROR_CODES = [
  "AUTHENTICATION_REQUIRED",
  "BAD_ARGUMENT",
  "BAD_CONFIG",
  "BAD_FRAME",
  "BAD_REQUEST",
  "BUS_CLOSED",
  "BUS_UNREACHABLE",
  "BUSY",
  "DISK_FAILED",
  "DISK_FULL",
  "FOLDER_LOCKED",
  "NOT_FOUND",
  "SEGMENT_DAMAGED",
  "TOO_LARGE",
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** What an error says to a person: what failed, why, and how to mend it. */
export interface Explanation {
  readonly what: string;
  readonly why: string;
  readonly fix: string;
}

/** An error that a user can act on. `code` is stable; `message` is "what: why. fix". */
export class LogspreadError extends Error implements Explanation {
  readonly code: ErrorCode;
  readonly what: string;
  readonly why: string;
  readonly fix: string;

  constructor(code: ErrorCode, { what, why, fix }: Explanation, options?: ErrorOptions) {
    super(`${what}: ${why}. ${fix}`, options);
    this.name = "LogspreadError";
    this.code = code;
    this.what = what;
    this.why = why;
    this.fix = fix;
  }
}

/** The text of any thrown value, for logs and for `why`. */
export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The `code` of a Node system error ("ENOSPC", "ECONNREFUSED", ...), or undefined. */
export function systemCodeOf(thrown: unknown): string | undefined {
  const code = (thrown as { code?: unknown } | null | undefined)?.code;
  return typeof code === "string" ? code : undefined;
}
