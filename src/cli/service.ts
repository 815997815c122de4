/** What `up` and `demo` share: a node from its configuration and flags, run until a signal. */
import { join } from "node:path";
import { systemCodeOf } from "../message/error.ts";
import type { Address } from "../node/address.ts";
import type { NodeConfig } from "../node/config.ts";
import type { LoadOptions } from "../node/load-config.ts";
import type { RunningNode } from "../node/node.ts";
import type { Io } from "./command.ts";
import { serviceSignals } from "./signals.ts";

/** Flags of a node, as far as they were given. */
export interface NodeFlags {
  readonly config?: string;
  readonly listen?: readonly string[];
  readonly data?: string;
  /** Template of the file that the groups' lines are written to. */
  readonly file?: string;
  readonly groups?: readonly string[];
}

export interface ServiceConfig {
  readonly config: NodeConfig;
  readonly files: readonly string[];
}

/**
 * The configuration of a node. Where neither a file nor a flag says what becomes of the lines, they go to
 * DATA/logs/{group}/access.log, so that whoever tries it finds a file. Without a file the metrics are on, too.
 */
export async function serviceConfig(flags: NodeFlags, io: Io): Promise<ServiceConfig> {
  const { loadConfig } = await import("../node/load-config.ts");
  const overrides: Record<string, unknown> = {};
  if (flags.listen !== undefined) overrides.listen = flags.listen;
  if (flags.data !== undefined) overrides.data = flags.data;
  const options: LoadOptions = { path: flags.config, env: io.env, cwd: process.cwd(), uid: process.getuid?.() };
  const loaded = loadConfig({ ...options, overrides });
  if (loaded.files.length === 0) overrides.metrics = {};
  const path = flags.file ?? (loaded.files.length === 0 ? defaultPath(loaded.config.data) : undefined);
  if (path === undefined) return loaded; // There is a configuration file.
  const { resolve } = await import("node:path");
  const files = { path: resolve(path), ...(flags.groups === undefined ? {} : { groups: flags.groups }) };
  return loadConfig({ ...options, overrides: { ...overrides, outputs: { files: { files } } } });
}

function defaultPath(data: string): string {
  return join(data.replaceAll("%", "%%"), "logs", "{group}", "access.log");
}

/**
 * Runs the node until SIGINT or SIGTERM, or until `work` fails, which gets a signal that aborts then. Resolves when all
 * is closed. `simulated`: the metrics say that all traffic is.
 */
export async function serve(
  config: NodeConfig,
  io: Io,
  started: (node: RunningNode) => void,
  work?: (node: RunningNode, signal: AbortSignal) => Promise<void>,
  { simulated = false }: { readonly simulated?: boolean } = {},
): Promise<void> {
  let node: RunningNode | undefined;
  const stopped = serviceSignals({
    stopping(signal) {
      if (io.stderr.isTTY) io.stderr.write(`logspread: ${signal}: stopping; Ctrl-C again ends at once\n`);
    },
    reopen: () => node?.reopen(),
    dump: () => node && dump(node, io),
    atTerminal: io.stderr.isTTY === true,
  });
  // A terminal or a pipe that is gone must not take the node with it.
  io.stderr.on("error", () => {});
  io.stdout.on("error", () => {});
  const { startNode } = await import("../node/node.ts");
  const { humanReport } = await import("./human-report.ts");
  const report = io.stderr.isTTY ? { report: humanReport(config.log.level, io.stderr) } : {};
  node = await startNode(config, { ...report, simulated });
  try {
    started(node);
    await Promise.race([untilAborted(stopped), work?.(node, stopped) ?? untilAborted(stopped)]);
  } catch (error) {
    if (!stopped.aborted) throw error;
  } finally {
    await node.close();
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function dump(node: RunningNode, io: Io): void {
  const { rss, heapUsed } = process.memoryUsage();
  const uptime = Math.round(process.uptime());
  node.bus.status().then(
    (bus) => io.stderr.write(`${JSON.stringify({ status: { urls: node.urls, uptime, rss, heapUsed, bus } })}\n`),
    (error) => io.stderr.write(`logspread: no status: ${systemCodeOf(error) ?? error}\n`),
  );
}

/** What a command on this machine asks to reach a node that listens at `address`; undefined if only the node knows its port. */
export function urlOf(address: Address): string | undefined {
  if (address.kind === "unix") return `unix:${address.path}`;
  if (address.port === 0) return undefined;
  const host = address.host === "0.0.0.0" ? "127.0.0.1" : address.host === "::" ? "::1" : address.host;
  return `http://${host.includes(":") ? `[${host}]` : host}:${address.port}`;
}

/** The first URL that a browser or curl can use; undefined if the node listens at unix sockets only. */
export function firstUrl(urls: readonly string[]): string | undefined {
  return urls
    .find((url) => url.startsWith("http"))
    ?.replace("//0.0.0.0:", "//127.0.0.1:")
    .replace("//[::]:", "//[::1]:");
}
