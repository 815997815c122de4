/** The environment of an output's thread. */
import module from "node:module";
import { dirname } from "node:path";

/**
 * A thread does not take part in the process's compile cache unless its own environment says so. With it, source that is
 * run as it stands is not stripped of its types again, which would take 40 MB.
 */
export function threadEnvironment(): NodeJS.ProcessEnv {
  const cache = module.getCompileCacheDir();
  return cache === undefined ? process.env : { ...process.env, NODE_COMPILE_CACHE: dirname(cache) };
}
