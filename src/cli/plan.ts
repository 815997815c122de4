/** What a configuration would do, in words. */
import { accessSync, constants } from "node:fs";
import { dirname, join } from "node:path";
import { zoneOf } from "../formats/zone.ts";
import { systemCodeOf } from "../message/error.ts";
import { formatSize } from "../message/units.ts";
import type { Address } from "../node/address.ts";
import type { NodeConfig } from "../node/config.ts";
import type { FilesConfig } from "../outputs/files/config.ts";
import { parseTemplate } from "../outputs/files/template.ts";

export interface Plan {
  readonly lines: readonly string[];
  /** What would probably fail although the configuration is right, told as the user who asks. */
  readonly warnings: readonly string[];
}

/** The plan of `config`; a sample path is for a line of now. */
export function planOf(config: NodeConfig, nowUs: number): Plan {
  const warnings: string[] = [];
  const { embedded } = config.bus;
  const folder = embedded.path ?? join(config.data, "bus");
  const lines = [
    `listen   ${config.listen.map(addressText).join(", ")}`,
    `data     ${config.data}`,
    `bus      embedded, in ${folder}; keeps ${formatSize(embedded.retain.bytes)} or ${durationText(embedded.retain.age)}; ${FSYNC[embedded.fsync]}`,
  ];
  for (const place of [config.data, folder]) warnings.push(...unwritable(place));
  for (const [name, { files }] of Object.entries(config.outputs)) {
    const { text, base } = filesPlan(files, nowUs);
    lines.push(`output   ${name}: ${text}`);
    warnings.push(...unwritable(base));
  }
  if (config.metrics !== undefined) {
    const { groups, history, format } = config.metrics;
    const path = history.path ?? join(config.data, "metrics", "history.sqlite");
    const how = typeof format === "string" ? format : "JSON";
    lines.push(`metrics  of groups ${groups.join(", ")}, format ${how}; history in ${path}`);
    warnings.push(...unwritable(dirname(path)));
  }
  if (Object.keys(config.outputs).length === 0)
    lines.push("output   none: messages are kept for readers over HTTP only");
  return { lines, warnings: [...new Set(warnings)] };
}

const FSYNC = {
  batch: "acknowledges after fdatasync",
  interval: "acknowledges before fdatasync: a power cut may lose the last moments",
  never: "never calls fdatasync: a power cut may lose messages",
} as const;

function filesPlan(files: FilesConfig, nowUs: number) {
  const template = parseTemplate(files.path, fieldsOf(files.path), zoneOf(files.zone));
  const values = template.fields.map((field) => SAMPLE[field] ?? field);
  const sample = template.render(values, nowUs);
  const filter = files.match.length + files.exclude.length > 0 ? " that pass match and exclude" : "";
  const example = values.length > 0 || template.dated ? `, now for example to ${sample}` : "";
  const format = files.format === undefined ? "" : `; a line's fields are as ${files.format} has them`;
  const text = `lines${filter} of groups ${files.groups.join(", ")} to ${files.path}${example}${format}`;
  return { text, base: template.base };
}

const SAMPLE: Readonly<Record<string, string>> = {
  group: "coolsite",
  sender: "www-data@web1",
  host: "web1",
  vhost: "www.example.org",
};

function fieldsOf(path: string): string[] {
  return [...path.matchAll(/\{([^{}]*)\}/g)].map((found) => found[1]!.toLowerCase());
}

function addressText(address: Address): string {
  if (address.kind === "unix") return `unix socket ${address.path}`;
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return address.port === 0 ? `${host}, any free port` : `http://${host}:${address.port}`;
}

function durationText(ms: number): string {
  const days = ms / 86_400_000;
  if (days >= 1) return `${Number(days.toFixed(1))} days`;
  return `${Number((ms / 3_600_000).toFixed(2))} hours`;
}

/** A folder that this user could neither write to nor make. */
function unwritable(folder: string): string[] {
  for (let at = folder; ; at = dirname(at)) {
    try {
      accessSync(at, constants.W_OK | constants.X_OK);
      return [];
    } catch (error) {
      if (systemCodeOf(error) === "ENOENT" && at !== dirname(at)) continue;
      return [
        `${folder} cannot be ${at === folder ? "written to" : "made"} by this user (${systemCodeOf(error)} at ${at})`,
      ];
    }
  }
}
