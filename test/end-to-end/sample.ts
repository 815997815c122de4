import { dirname, join } from "node:path";
import { linesOf } from "./node-process.ts";

/** 10,000 real access-log lines; test/data/README.md tells where they are from. */
export const sampleFile = join(dirname(import.meta.dirname), "data", "access-combined.log");

/** Its lines, without newlines. */
export function sampleLines(): string[] {
  return linesOf(sampleFile);
}

/** Deals the lines out as a load balancer deals requests: each of `hands` gets every so many-th, in order. */
export function dealt(lines: readonly string[], hands: number): string[][] {
  return Array.from({ length: hands }, (_, hand) => lines.filter((_, i) => i % hands === hand));
}
