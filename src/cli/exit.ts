/** Exit codes; docs/cli.md lists them. 128+n, ended by signal n, is the shell's own convention. */
import { type ErrorCode, LogspreadError, systemCodeOf } from "../message/error.ts";

export const EXIT = { ok: 0, failed: 1, usage: 2, unavailable: 69, io: 74, config: 78 } as const;

const BY_CODE: Partial<Record<ErrorCode, number>> = {
  BAD_ARGUMENT: EXIT.usage,
  BAD_CONFIG: EXIT.config,
  BUS_UNREACHABLE: EXIT.unavailable,
  BUSY: EXIT.unavailable,
  DISK_FAILED: EXIT.io,
  DISK_FULL: EXIT.io,
  SEGMENT_DAMAGED: EXIT.io,
};

/** The exit code that tells a script what kind of failure `thrown` was. */
export function exitCodeOf(thrown: unknown): number {
  if (thrown instanceof LogspreadError) return BY_CODE[thrown.code] ?? EXIT.failed;
  return systemCodeOf(thrown)?.startsWith("E") && isSystemError(thrown) ? EXIT.io : EXIT.failed;
}

/** What is printed for `thrown`: a sentence for what a user can mend, the stack for what is a fault of the program. */
export function textOf(thrown: unknown): string {
  if (thrown instanceof LogspreadError || isSystemError(thrown)) return thrown.message;
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
}

function isSystemError(thrown: unknown): thrown is Error {
  return thrown instanceof Error && "syscall" in thrown;
}
