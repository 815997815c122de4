/**
 * Keeps a publisher small: one runs beside every web server, and for every log. At full speed it took 120 MB; now 70 MB, of
 * which 43 are Node itself and most is shared among publishers.
 */
import v8 from "node:v8";
import vm from "node:vm";

/** Of what became garbage outside of the heap; then a scavenge, 0.15 ms on so small a heap, gives it back. */
const MINOR_BYTES = 768 * 1024;
/** Outside of the heap, when what has grown old is collected too; more than what is in use at full speed. */
const MAJOR_ABOVE_BYTES = 6 * 1024 * 1024;
/** Of garbage between two full collections, which take 5 ms. */
const MAJOR_BYTES = 1536 * 1024;
const STARTED_MS = 500;

/**
 * Sets the process up; call it before what is heavy is loaded. Returns a function to tell of bytes that became garbage
 * outside of the heap: V8 looks there only when the heap itself has grown.
 */
export function stayLean(): (bytes: number) => void {
  // The work is done in native code (reading, finding newlines, zstd): the optimizing compilers and what they make would
  // take 15 MB to save a third of the rest.
  v8.setFlagsFromString("--no-opt");
  v8.setFlagsFromString("--no-maglev");
  v8.setFlagsFromString("--semi-space-growth-factor=1");
  v8.setFlagsFromString("--expose-gc");
  const collect = vm.runInNewContext("gc") as (options: { type: "minor" | "major"; flavor?: "last-resort" }) => void;
  // What starting took.
  setTimeout(() => collect({ type: "major", flavor: "last-resort" }), STARTED_MS).unref();
  let young = 0;
  let old = 0;
  return (bytes) => {
    young += bytes;
    if (young < MINOR_BYTES) return;
    old += young;
    young = 0;
    if (old < MAJOR_BYTES || process.memoryUsage().arrayBuffers < MAJOR_ABOVE_BYTES) return collect({ type: "minor" });
    old = 0;
    collect({ type: "major" });
  };
}
