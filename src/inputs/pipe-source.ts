/** Reads a file descriptor into a `Pipe` until its end: a pipe or socket, a regular file, or a terminal. */
import { fstatSync, read as readIntoBuffer } from "node:fs";
import net from "node:net";
import { promisify } from "node:util";
import { LogspreadError, reasonOf } from "../message/error.ts";
import type { PipeId } from "./intake.ts";
import type { Pipe } from "./pipe.ts";

const SPARE_BYTES = 64 * 1024;

/**
 * A busy web server writes line by line, and being woken for each costs both sides more than the line: when small reads
 * follow each other so closely, reading rests, and what comes meanwhile waits in the pipe, where no kill can lose it.
 */
const CLOSE_MS = 0.5;
const REST_MS = 2;
/** So many in a row make a rush: a few lines together are not one, and need not wait. */
const RUSH_READS = 8;
/** A read so large says that the pipe is filling up: no rest. */
const LARGE_BYTES = 16 * 1024;
/** After a rest, less than this (about two lines) says that the rush is over. */
const FEW_BYTES = 512;
const readInto = promisify(readIntoBuffer);

/** `stream`: a pipe or socket, what was read from it is gone from there; `file`: can be read again; `other`: a terminal. */
export type SourceKind = "stream" | "file" | "other";

/** What is behind a file descriptor; throws BAD_ARGUMENT if nothing is. */
export function sourceOf(fd: number): { kind: SourceKind; pipe: PipeId } {
  try {
    const stat = fstatSync(fd);
    const kind = stat.isFIFO() || stat.isSocket() ? "stream" : stat.isFile() ? "file" : "other";
    return { kind, pipe: { inode: stat.ino, device: stat.dev } };
  } catch (cause) {
    throw new LogspreadError(
      "BAD_ARGUMENT",
      {
        what: "cannot read standard input",
        why: reasonOf(cause),
        fix: 'Give lines to it: `logspread publish --group web < access.log`, or in Apache CustomLog "|..."',
      },
      { cause },
    );
  }
}

/** Resolves at the end of the input, or when `stop` is aborted; rejects if it cannot be read, or the pipe's batches fail. */
export async function readSource(fd: number, kind: SourceKind, pipe: Pipe, stop: AbortSignal): Promise<void> {
  if (stop.aborted) return;
  if (kind === "stream") await readStream(fd, pipe, stop);
  else if (kind === "file") await readFile(fd, pipe, stop);
  else await readTerminal(pipe, stop);
}

/** The kernel reads straight into the pipe's memory: nothing is allocated for a read but a view. */
function readStream(fd: number, pipe: Pipe, stop: AbortSignal): Promise<void> {
  // Node keeps the buffer for the next read over a pause, when there is no space in the pipe to give: it then gets this.
  const spare = Buffer.allocUnsafeSlow(SPARE_BYTES);
  let paused = false;
  let lastReadMs = 0;
  let rested = false;
  let closeReads = 0;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const pause = async (socket: net.Socket, spilled: Buffer) => {
    paused = true;
    try {
      await pipe.take(spilled);
      await pipe.room();
      paused = false;
      socket.resume();
    } catch (thrown) {
      reject(thrown);
    }
  };
  const isRush = (n: number): boolean => {
    const nowMs = performance.now();
    closeReads = nowMs - lastReadMs < CLOSE_MS ? closeReads + 1 : 0;
    lastReadMs = nowMs;
    rested = n < LARGE_BYTES && (rested ? n > FEW_BYTES : closeReads >= RUSH_READS);
    return rested;
  };
  const rest = () => {
    paused = true;
    setTimeout(() => {
      paused = false;
      if (!socket.destroyed) socket.resume();
    }, REST_MS);
  };
  const socket: net.Socket = new net.Socket({
    fd,
    readable: true,
    writable: false,
    onread: {
      buffer: () => (paused ? spare : (pipe.space() ?? spare)),
      callback: (n, bytes) => {
        let spilled = spare.subarray(0, 0);
        if (bytes !== spare) pipe.filled(n);
        else {
          const space = pipe.space();
          if (space === undefined) spilled = spare.subarray(0, n);
          else {
            spare.copy(space, 0, 0, n);
            pipe.filled(n);
          }
        }
        if (spilled.length === 0 && pipe.space() !== undefined) {
          if (!isRush(n)) return true;
          rest();
          return false;
        }
        void pause(socket, spilled);
        return false;
      },
    },
  });
  const stopNow = () => socket.destroy();
  socket.on("error", reject).on("close", () => resolve());
  socket.on("end", () => socket.destroy());
  stop.addEventListener("abort", stopNow, { once: true });
  socket.resume();
  return promise.finally(() => {
    stop.removeEventListener("abort", stopNow);
    socket.destroy();
  });
}

async function readFile(fd: number, pipe: Pipe, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    await pipe.room();
    const space = pipe.space()!;
    const { bytesRead } = await readInto(fd, space, 0, space.length, null);
    if (bytesRead === 0) return;
    pipe.filled(bytesRead);
  }
}

async function readTerminal(pipe: Pipe, stop: AbortSignal): Promise<void> {
  const ended = () => process.stdin.destroy();
  stop.addEventListener("abort", ended, { once: true });
  try {
    for await (const bytes of process.stdin) await pipe.take(bytes as Buffer);
  } catch (thrown) {
    if (!stop.aborted) throw thrown;
  } finally {
    stop.removeEventListener("abort", ended);
  }
}
