/** Writing to standard output, whose reader may go away (`| head`) or be slow. */
import { systemCodeOf } from "../message/error.ts";

/** The reader of standard output has gone: not a fault, the command ends with 0. */
export class ReaderGone extends Error {}

/** Writes to `stream`; each write resolves when the next may come, and rejects with ReaderGone when nobody reads any more. */
export function writerTo(stream: NodeJS.WriteStream): (bytes: Uint8Array | string) => Promise<void> {
  stream.on("error", () => {}); // Each write's own promise tells it; without a listener it would end the process.
  return (bytes) =>
    new Promise((resolve, reject) => {
      stream.write(bytes, (error) => {
        if (error == null) resolve();
        else reject(systemCodeOf(error) === "EPIPE" ? new ReaderGone("", { cause: error }) : error);
      });
    });
}
