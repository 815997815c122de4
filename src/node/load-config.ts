/** From files, environment and flags to a NodeConfig, or to the list of everything that is wrong, each with its place. */
import { readdirSync, readFileSync } from "node:fs";
import { homedir, hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { z } from "zod";
import { type LogspreadError, reasonOf, systemCodeOf } from "../message/error.ts";
import { jsonSchema, type NodeConfig, nodeSchema } from "./config.ts";
import { ConfigError, type Fault } from "./config-error.ts";
import { type Origin, type ParsedFile, parseConfigText } from "./config-text.ts";
import { nearest } from "./nearest.ts";

export interface LoadOptions {
  /** What --config names; then it must exist. */
  readonly path?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** What flags say, in the shape of the file; they win over it. */
  readonly overrides?: Readonly<Record<string, unknown>>;
  /** Numeric user id; 0 is root. */
  readonly uid?: number;
}

export interface Loaded {
  readonly config: NodeConfig;
  /** The files it was read from, the main one first; none if there is none and all is default. */
  readonly files: readonly string[];
}

/** Where the configuration is looked for, for --help. */
export const SEARCH_ORDER = [
  "--config FILE",
  "$LOGSPREAD_CONFIG",
  "./logspread.yaml",
  "/etc/logspread/logspread.yaml",
] as const;

/**
 * Reads the first configuration of SEARCH_ORDER and `conf.d/*.yaml` beside it, in name order. Throws ConfigError
 * (BAD_CONFIG) with all faults.
 */
export function loadConfig(options: LoadOptions): Loaded {
  const files = configFiles(options);
  const faults: Fault[] = [];
  const merged: Merged = { value: {}, origins: new Map() };
  for (const { path, text } of files) {
    const parsed = parseConfigText(path, text, options.env);
    faults.push(...parsed.faults);
    mergeFile(merged, parsed, faults);
  }
  if (options.overrides !== undefined) override(merged.value, options.overrides);
  if (faults.length > 0) throw new ConfigError(faults);
  const result = nodeSchema.safeParse(merged.value);
  if (!result.success) throw new ConfigError(result.error.issues.flatMap((issue) => faultsOf(issue, merged)));
  return { config: complete(result.data, options), files: files.map(({ path }) => path) };
}

function complete(parsed: z.output<typeof nodeSchema>, { env, cwd, uid }: LoadOptions): NodeConfig {
  return {
    ...parsed,
    node: { name: parsed.node.name ?? hostname() },
    data: resolve(cwd, parsed.data ?? defaultData(env, uid)),
  };
}

function defaultData(env: LoadOptions["env"], uid: number | undefined): string {
  // systemd names it when the unit says StateDirectory=.
  const given = env.STATE_DIRECTORY?.split(":")[0];
  if (given) return given;
  if (uid === 0) return "/var/lib/logspread";
  return join(env.XDG_STATE_HOME || join(env.HOME || homedir(), ".local", "state"), "logspread");
}

interface ConfigFile {
  readonly path: string;
  readonly text: string;
}

function configFiles({ path, env, cwd }: LoadOptions): ConfigFile[] {
  const named = path ?? (env.LOGSPREAD_CONFIG || undefined);
  const places =
    named === undefined ? [join(cwd, "logspread.yaml"), "/etc/logspread/logspread.yaml"] : [resolve(cwd, named)];
  for (const place of places) {
    const text = read(place);
    if (text !== undefined) return [{ path: place, text }, ...confD(join(dirname(place), "conf.d"))];
  }
  if (named === undefined) return [];
  throw new ConfigError([
    {
      file: places[0]!,
      message: "there is no such file",
      fix: "Name an existing file, or none: the defaults suffice to begin",
    },
  ]);
}

function confD(folder: string): ConfigFile[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT" || systemCodeOf(error) === "ENOTDIR") return [];
    throw unreadable(folder, error);
  }
  const paths = names
    .filter((name) => /^[^.].*\.ya?ml$/.test(name))
    .sort()
    .map((name) => join(folder, name));
  return paths.map((path) => ({ path, text: read(path) ?? "" }));
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return undefined;
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): LogspreadError {
  return new ConfigError([
    { file: path, message: `it cannot be read: ${reasonOf(error)}`, fix: "Check its owner and mode" },
  ]);
}

interface Merged {
  readonly value: Record<string, unknown>;
  /** Where each key was written, by its path as JSON. */
  readonly origins: Map<string, Origin>;
}

function mergeFile(merged: Merged, file: ParsedFile, faults: Fault[]): void {
  const merge = (into: Record<string, unknown>, from: Record<string, unknown>, path: readonly string[]): void => {
    for (const [key, value] of Object.entries(from)) {
      const here = [...path, key];
      const before = into[key];
      if (!Object.hasOwn(into, key)) into[key] = value;
      else if (isMap(before) && isMap(value)) merge(before, value, here);
      else {
        const first = merged.origins.get(JSON.stringify(here));
        const where = first === undefined ? "before" : `in ${first.file}:${first.line}`;
        faults.push({
          ...(file.origins.get(JSON.stringify(here)) ?? { file: file.path }),
          path: here,
          message: `it was set ${where} already`,
          fix: "Set it in one file only",
        });
      }
    }
  };
  merge(merged.value, file.value, []);
  for (const [path, origin] of file.origins) if (!merged.origins.has(path)) merged.origins.set(path, origin);
}

function override(into: Record<string, unknown>, from: Readonly<Record<string, unknown>>): void {
  for (const [key, value] of Object.entries(from)) {
    if (value === undefined) continue;
    const before = into[key];
    if (isMap(before) && isMap(value)) override(before, value);
    else into[key] = value;
  }
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

type Issue = z.core.$ZodIssue;

function faultsOf(issue: Issue, merged: Merged): Fault[] {
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => unknownKey([...path, key], merged));
  }
  const fix = issue.code === "custom" ? (issue.params?.fix as string | undefined) : undefined;
  return [{ ...originOf(path, merged), path, message: messageOf(issue), fix }];
}

function unknownKey(path: readonly string[], merged: Merged): Fault {
  const key = path.at(-1)!;
  const known = keysAt(path.slice(0, -1));
  const near = nearest(key, known);
  const fix = near === undefined ? `Here are allowed: ${known.join(", ")}` : `Did you mean ${near}?`;
  return { ...originOf(path, merged), path, message: "there is no such setting", fix };
}

/** The place of the innermost part of `path` that was written: what is missing is told at what should hold it. */
function originOf(path: readonly string[], merged: Merged): Origin | { file?: undefined } {
  for (let length = path.length; length > 0; length--) {
    const origin = merged.origins.get(JSON.stringify(path.slice(0, length)));
    if (origin !== undefined) return origin;
  }
  return {};
}

function messageOf(issue: Issue): string {
  if (issue.code === "invalid_union" && issue.message === "Invalid input") {
    const branches = issue.errors.map((errors) => errors.map((e) => messageOf(e)).join(", "));
    return [...new Set(branches)].join("; or ");
  }
  if (issue.code === "invalid_type" && issue.message.endsWith("received undefined")) return "it is missing";
  if (issue.code === "invalid_key") return issue.issues.map((e) => e.message).join(", ");
  return issue.message.replace(/^Invalid input: /, "");
}

interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
}

/** The settings that are allowed in the map at `path`. */
function keysAt(path: readonly string[]): string[] {
  let nodes: SchemaNode[] = [jsonSchema() as SchemaNode];
  for (const key of path) {
    nodes = nodes
      .flatMap((node) => node.anyOf ?? [node])
      .flatMap(({ properties, additionalProperties, items }) => [
        properties?.[key] ??
          (typeof additionalProperties === "object" ? additionalProperties : undefined) ??
          items ??
          [],
      ])
      .flat();
  }
  return nodes.flatMap((node) => node.anyOf ?? [node]).flatMap((node) => Object.keys(node.properties ?? {}));
}
