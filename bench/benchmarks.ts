/** The one list of benchmarks. */
import { accessReport } from "./access-report.ts";
import { apache } from "./apache.ts";
import type { Benchmark } from "./benchmark.ts";
import { followers } from "./followers.ts";
import { latency } from "./latency.ts";
import { path } from "./path.ts";
import { publisher } from "./publisher.ts";

export const benchmarks: readonly Benchmark[] = [path, latency, followers, publisher, apache, accessReport];
