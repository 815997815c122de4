/** Path templates: `/var/log/site/{vhost}/access-%Y-%m-%d.log`. */
import { posix } from "node:path";
import { type DatePart, formatDate, parseDatePattern } from "../../formats/strftime.ts";
import { UTC, type Zone } from "../../formats/zone.ts";
import { LogspreadError } from "../../message/error.ts";
import { component, MAX_COMPONENT_BYTES } from "./component.ts";

type Part =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "field"; readonly slot: number; readonly maxBytes: number }
  | { readonly kind: "date"; readonly parts: readonly DatePart[]; readonly slot: number };

/** What stands for every field when there are too many different files. */
const OVERFLOW = "other";

/**
 * Reads a template whose placeholders must be among `names`. Throws BAD_CONFIG that says what is wrong.
 * `zone` is the one that dates are shown in.
 */
export function parseTemplate(path: string, names: readonly string[], zone: Zone = UTC): PathTemplate {
  const refuse = (why: string): never => {
    throw new LogspreadError("BAD_CONFIG", {
      what: `path ${JSON.stringify(path)}`,
      why,
      fix: "Write a path such as /var/log/site/{vhost}/access-%Y-%m-%d.log",
    });
  };
  if (/[\0-\x1f\x7f]/.test(path)) refuse("it holds a control character");
  const parts: Part[] = [];
  const fields: string[] = [];
  let dates = 0;
  const folders = path.split("/");
  if (folders.slice(1).some((name) => name === "" || name === "." || name === ".."))
    refuse("it holds an empty name, . or ..");
  for (const [i, folder] of folders.entries()) {
    if (i > 0) parts.push({ kind: "literal", text: "/" });
    const count = [...folder.matchAll(/\{/g)].length;
    const fixed = folder.replace(/\{[^{}]*\}/g, "").length;
    const maxBytes = Math.max(24, Math.floor((MAX_COMPONENT_BYTES - fixed) / Math.max(1, count)));
    if (fixed + count * maxBytes > MAX_COMPONENT_BYTES) refuse(`${JSON.stringify(folder)} is too long a name`);
    for (const token of folder.split(/(\{[^{}]*\})/)) {
      if (token.startsWith("{") && token.endsWith("}")) {
        const name = token.slice(1, -1).toLowerCase();
        if (!names.includes(name)) refuse(`{${name}} is not known; there are ${names.join(", ")}`);
        if (!fields.includes(name)) fields.push(name);
        parts.push({ kind: "field", slot: fields.indexOf(name), maxBytes });
      } else if (/[{}]/.test(token)) refuse("a brace is not closed");
      else {
        for (const part of parseDatePattern(token)) {
          if (part.kind === "literal") parts.push(part);
          else parts.push({ kind: "date", parts: [part], slot: dates++ });
        }
      }
    }
  }
  const fixed = parts.findIndex((part) => part.kind !== "literal");
  const lead = parts
    .slice(0, fixed === -1 ? parts.length : fixed)
    .map((part) => (part as { text: string }).text)
    .join("");
  const base = lead.slice(0, lead.lastIndexOf("/"));
  if (path.startsWith("/") && base === "") refuse("it names no fixed folder that all files stay in");
  return new PathTemplate(base, parts, fields, dates, zone);
}

export class PathTemplate {
  /** The fixed leading folder, which no file ever leaves. */
  readonly base: string;
  /** Placeholders in the order of the values that `render` takes. */
  readonly fields: readonly string[];
  readonly dated: boolean;
  readonly #parts: readonly Part[];
  readonly #dateParts: readonly (readonly DatePart[])[];
  readonly #zone: Zone;
  #second = Number.NaN;
  #dates: readonly string[] = [];
  #dateKey = "";

  constructor(base: string, parts: readonly Part[], fields: readonly string[], dates: number, zone: Zone) {
    this.base = base;
    this.fields = fields;
    this.dated = dates > 0;
    this.#parts = parts;
    this.#dateParts = parts.filter((part) => part.kind === "date").map((part) => part.parts);
    this.#zone = zone;
  }

  /** The path for these values, each made harmless, at `us` (µs since the epoch). */
  render(values: readonly string[], us: number): string {
    this.#look(us);
    let path = "";
    for (const part of this.#parts) {
      if (part.kind === "literal") path += part.text;
      else if (part.kind === "field") path += component(values[part.slot]!, part.maxBytes);
      // A directive may write a blank (%e) or a sign; a name shall hold neither.
      else path += component(this.#dates[part.slot]!.trim(), 32);
    }
    return path;
  }

  /** Where lines go whose own file may not be made. */
  renderOverflow(us: number): string {
    return this.render(
      this.fields.map(() => OVERFLOW),
      us,
    );
  }

  /** What the date parts show at `us`: two times with the same key share their files. */
  dateKey(us: number): string {
    this.#look(us);
    return this.#dateKey;
  }

  #look(us: number): void {
    const second = Math.floor(us / 1_000_000);
    if (second === this.#second) return;
    this.#second = second;
    this.#dates = this.#dateParts.map((parts) => formatDate(parts, us, this.#zone));
    this.#dateKey = this.#dates.join("\0");
  }

  /**
   * Recognises paths that this template gives, with or without the suffixes of rotation and compression. Groups:
   * `log` tells logs apart (the path with its dates left out), `dates` their dates, `rotated` and `packed` the suffixes.
   */
  recognise(path: string): { log: string; dateKey: string; rotated: boolean; packed: boolean } | undefined {
    this.#recogniser ??= new RegExp(
      `^${this.#parts
        .map((part) =>
          part.kind === "literal"
            ? part.text.replace(/[\\^$.|?*+()[\]{}]/g, "\\$&")
            : part.kind === "field"
              ? "([^/]+?)"
              : "([^/-]+?)",
        )
        .join("")}(${ROTATED.source})?(\\.gz|\\.zst)?$`,
    );
    const found = this.#recogniser.exec(path);
    if (!found) return undefined;
    const values: string[] = [];
    const dates: string[] = [];
    let group = 1;
    for (const part of this.#parts) {
      if (part.kind === "field") values.push(found[group++]!);
      else if (part.kind === "date") dates.push(found[group++]!);
    }
    return {
      log: values.join("/"),
      dateKey: dates.join("\0"),
      rotated: found[group] !== undefined,
      packed: found[group + 1] !== undefined,
    };
  }
  #recogniser: RegExp | undefined;
}

/** The suffix of a rotated file: logrotate's dateext, and a number since there may be several a day. */
export const ROTATED = /-\d{8}-\d{3,}/;

/** The first free name for the file at `path`, rotated at `us`; `taken` are the names in its folder. */
export function rotatedName(path: string, us: number, zone: Zone, taken: readonly string[]): string {
  const date = formatDate(parseDatePattern("%Y%m%d"), us, zone);
  const prefix = `${posix.basename(path)}-${date}-`;
  let last = 0;
  for (const name of taken) {
    if (!name.startsWith(prefix)) continue;
    const number = /^(\d{3,})(?:\.gz|\.zst)?(?:\.tmp)?$/.exec(name.slice(prefix.length));
    if (number) last = Math.max(last, Number(number[1]));
  }
  return `${path}-${date}-${String(last + 1).padStart(3, "0")}`;
}
