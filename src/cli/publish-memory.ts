/**
 * Keeps a publisher small. Batches live outside of V8's heap, and V8 collects them only when its own heap has grown: 120 MB
 * resident at full speed, where they take 5 MB. A scavenge of such a small heap takes 0.15 ms, so one is asked for after
 * every few megabytes.
 */
import v8 from "node:v8";
import vm from "node:vm";

const MINOR_BYTES = 2 * 1024 * 1024;
/** What is in use at full speed is less. */
const MAJOR_ABOVE_BYTES = 16 * 1024 * 1024;
const MAJOR_EVERY_MS = 500;

/** Returns a function to tell of bytes that became garbage. */
export function garbageCollector(): (bytes: number) => void {
  v8.setFlagsFromString("--expose-gc");
  const collect = vm.runInNewContext("gc") as (options: { type: "minor" | "major" }) => void;
  let garbage = 0;
  let lastMajor = 0;
  return (bytes) => {
    garbage += bytes;
    if (garbage < MINOR_BYTES) return;
    garbage = 0;
    collect({ type: "minor" });
    const now = performance.now();
    if (now - lastMajor < MAJOR_EVERY_MS || process.memoryUsage().arrayBuffers < MAJOR_ABOVE_BYTES) return;
    lastMajor = now;
    collect({ type: "major" });
  };
}
