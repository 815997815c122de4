/** The one list of benchmarks. */
import type { Benchmark } from "./benchmark.ts";
import { path } from "./path.ts";

export const benchmarks: readonly Benchmark[] = [path];
