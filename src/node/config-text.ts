/** The text of one configuration file, YAML or JSON (which YAML includes): values, and where each key stands. */
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type Scalar, visit } from "yaml";
import type { Fault } from "./config-error.ts";

export interface Origin {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface ParsedFile {
  readonly path: string;
  readonly value: Record<string, unknown>;
  /** By the key's path as JSON: '["limits","bodyBytes"]'. */
  readonly origins: ReadonlyMap<string, Origin>;
  readonly faults: readonly Fault[];
}

type Env = Readonly<Record<string, string | undefined>>;

/** Parses `text` and puts the environment's values in place. Never throws: what is wrong is in `faults`. */
export function parseConfigText(path: string, text: string, env: Env): ParsedFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const originAt = (offset: number): Origin => {
    const { line, col } = lines.linePos(offset);
    return { file: path, line, column: col };
  };
  const faults: Fault[] = document.errors.map((error) => ({ ...originAt(error.pos[0]), message: error.message }));
  const origins = new Map<string, Origin>();
  const nothing: ParsedFile = { path, value: {}, origins, faults };
  if (faults.length > 0) return nothing;
  visit(document, {
    Scalar(key, scalar) {
      if (key === "key" || typeof scalar.value !== "string") return;
      const missing = substitute(scalar, env);
      if (missing === undefined) return;
      faults.push({
        ...originAt(scalar.range?.[0] ?? 0),
        message: `the environment variable ${missing} is not set`,
        fix: `Set it, or give a default: \${${missing}:-value}`,
      });
    },
  });
  if (document.contents !== null) collect(document.contents, [], originAt, origins);
  let value: unknown;
  try {
    value = document.toJS();
  } catch (error) {
    // Aliases that would blow up the document, or that point to nothing.
    return {
      ...nothing,
      faults: [...faults, { file: path, message: error instanceof Error ? error.message : String(error) }],
    };
  }
  if (value === null || value === undefined) return nothing;
  if (typeof value !== "object" || Array.isArray(value)) {
    return { ...nothing, faults: [...faults, { ...originAt(0), message: "it is not a map of settings" }] };
  }
  return { path, value: value as Record<string, unknown>, origins, faults };
}

function collect(
  node: Node | unknown,
  path: readonly string[],
  originAt: (offset: number) => Origin,
  into: Map<string, Origin>,
): void {
  if (isMap(node)) {
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : String(key);
      const here = [...path, name];
      if (isScalar(key) && key.range) into.set(JSON.stringify(here), originAt(key.range[0]));
      collect(value, here, originAt, into);
    }
  } else if (isSeq(node)) {
    for (const [i, item] of node.items.entries()) {
      const here = [...path, String(i)];
      const range = (item as Node | null)?.range;
      if (range) into.set(JSON.stringify(here), originAt(range[0]));
      collect(item, here, originAt, into);
    }
  }
}

/** ${NAME} and ${NAME:-default}; $${NAME} stands for a literal ${NAME}. */
const REFERENCE = /\$?\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g;

/** Replaces references in `scalar`; returns the name of a variable that is missing. */
function substitute(scalar: Scalar, env: Env): string | undefined {
  const before = scalar.value as string;
  let missing: string | undefined;
  let replaced = false;
  const after = before.replace(REFERENCE, (whole, name: string, otherwise: string | undefined) => {
    if (whole.startsWith("$$")) return whole.slice(1);
    replaced = true;
    const value = env[name] || otherwise;
    if (value === undefined) missing ??= name;
    return value ?? "";
  });
  scalar.value = replaced && scalar.type === "PLAIN" ? typed(after) : after;
  return missing;
}

/** A variable in the place of a number or truth value is one, as if it had been written there. */
function typed(text: string): string | number | boolean {
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  return text === "true" || text === "false" ? text === "true" : text;
}
