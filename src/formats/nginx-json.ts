/** An nginx log_format that writes JSON, `{"status":"$status",...}`, read as what it writes: a JSON object a line. */
import { readFormat } from "./directives.ts";
import type { JsonMapping } from "./json-parser.ts";
import { MEANINGS, meaningOfField } from "./meanings.ts";

/** The mapping that `format` amounts to, or undefined if it is not such a string. */
export function nginxJsonMapping(format: string): JsonMapping | undefined {
  if (!/^\s*\{.*\$[\w{].*\}\s*$/s.test(format)) return undefined;
  let object: unknown;
  try {
    // Numbers stand without quotes: "status":$status.
    object = JSON.parse(format.replace(/(:\s*)(\$\{?\w+\}?)(?=\s*[,}\]])/g, '$1"$2"'));
  } catch {
    return undefined; // then it is text that begins with a brace
  }
  const found = new Map<string, { readonly path: string; readonly rank: number }[]>();
  collect(object, "", found);
  if (found.size === 0) return undefined;
  const mapping: Record<string, string[]> = {};
  for (const [name, paths] of found) {
    mapping[name] = paths.sort((a, b) => a.rank - b.rank).map(({ path }) => path);
  }
  return mapping;
}

function collect(
  value: unknown,
  path: string,
  found: Map<string, { readonly path: string; readonly rank: number }[]>,
): void {
  if (typeof value === "string") {
    const said = /^\$\{?\w+\}?$/.test(value) ? saidBy(value) : undefined;
    if (said === undefined) return;
    const paths = found.get(said.name) ?? [];
    paths.push({ path, rank: said.rank });
    found.set(said.name, paths);
  } else if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) collect(item, `${path}[${i}]`, found);
  } else if (typeof value === "object" && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      const step = key.replace(/[.[\]\\]/g, "\\$&");
      collect(item, path === "" ? step : `${path}.${step}`, found);
    }
  }
}

/** The name in a mapping of what a variable says. */
function saidBy(variable: string): { readonly name: string; readonly rank: number } | undefined {
  const part = readFormat(variable)[0]!;
  if (part.kind !== "field") return undefined;
  if (part.time !== undefined) return { name: "time", rank: variable.includes("msec") ? 0 : 1 };
  // In JSON what is absent is no "-", and numbers are numbers: these two differ from text.
  if (part.name === "duration_s") return { name: "duration_s", rank: 0 };
  if (part.name === "bytes") return { name: "size", rank: 0 };
  if (part.name === "bytes_sent") return { name: "size", rank: 1 };
  const known = meaningOfField(part.name, part.source);
  if (known === undefined) return undefined;
  for (const [name, meaning] of MEANINGS) if (meaning === known.meaning) return { name, rank: known.rank };
  return undefined;
}
