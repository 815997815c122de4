/** What the query of a request about the metrics says. */
import { groupNameFault } from "../../message/names.ts";
import { TOP_LISTS, type TopList } from "../../metrics/snapshot.ts";
import type { Filter, Range } from "../../outputs/metrics/messages.ts";
import { parseTimeUs } from "./from.ts";
import { badRequest } from "./problem.ts";

export type Given = Readonly<Record<string, unknown>>;

/** Names in one list, and how long one may be. */
const MAX_NAMES = 100;
const MAX_NAME_LENGTH = 200;

/** What is shown where no time is said, s. */
export const DEFAULT_SPAN_S = 300;
/** Ten years. */
const MAX_SPAN_S = 10 * 366 * 86_400;

/** Throws a Refusal if `query` has anything but `known`, or anything twice. */
export function checkKnown(query: Given, known: readonly string[]): void {
  for (const [key, value] of Object.entries(query)) {
    if (!known.includes(key)) {
      throw badRequest(
        `the parameter ${JSON.stringify(key.slice(0, 100))} is not known`,
        "it would be ignored",
        known.length === 0 ? "Leave it away" : `Use ${known.join(", ")}`,
      );
    }
    if (typeof value !== "string") {
      throw badRequest(`${key} was given twice`, "it can have one value only", `Leave one ${key} away`);
    }
  }
}

/** `groups=` and `servers=`: names, or patterns with `*`, with commas between them. */
export function filterOf(query: Given): Filter {
  return { groups: namesOf(query, "groups"), servers: namesOf(query, "servers") };
}

function namesOf(query: Given, key: "groups" | "servers"): string[] {
  const names = String(query[key] ?? "")
    .split(",")
    .filter((name) => name !== "");
  if (names.length > MAX_NAMES) {
    throw badRequest(`too many ${key}`, `${names.length} are named`, `Name at most ${MAX_NAMES}, or use a pattern`);
  }
  for (const name of names) {
    const fault =
      key === "groups"
        ? groupNameFault(name.replaceAll("*", "x"))
        : name.length > MAX_NAME_LENGTH
          ? `it is longer than ${MAX_NAME_LENGTH} characters`
          : undefined;
    if (fault === undefined) continue;
    throw badRequest(
      `${JSON.stringify(name.slice(0, 100))} is no name for ${key}`,
      fault,
      `Say ${key}=one,two or a pattern such as ${key}=web-*`,
    );
  }
  return names;
}

/** `from=` and `to=`; without a `from`, the last `spanS` seconds. */
export function rangeOf(query: Given, nowUs: number, spanS: number): Range {
  const { from, to } = query;
  if (from === undefined && to === undefined) return { lastS: spanS };
  const toUs = to === undefined ? nowUs : timeOf("to", String(to), nowUs);
  const fromUs = from === undefined ? Math.max(0, toUs - spanS * 1e6) : timeOf("from", String(from), nowUs);
  if (fromUs < toUs) return { fromUs, toUs };
  throw badRequest("there is nothing between from and to", "from is not before to", "Say a from that is earlier");
}

/** A time that must be said. */
export function timeOf(key: string, text: string, nowUs: number): number {
  const us = text === "now" ? nowUs : parseTimeUs(text, nowUs);
  if (us !== undefined) return us;
  throw badRequest(
    `cannot understand ${key}=${text.slice(0, 100)}`,
    "it is not a time",
    `Say ${key}=2026-11-24T10:00:00Z, ${key}=@1795514400 or ${key}=10m (ago)`,
  );
}

/** A whole number from `least` to `most`. */
export function numberOf(query: Given, key: string, otherwise: number, least: number, most: number): number {
  const given = query[key];
  if (given === undefined) return otherwise;
  const value = Number(given);
  if (/^\d{1,12}$/.test(String(given)) && value >= least && value <= most) return value;
  throw badRequest(
    `cannot understand ${key}=${String(given).slice(0, 100)}`,
    `it is no whole number from ${least} to ${most}`,
    `Say ${key}=${otherwise}, say`,
  );
}

/** `span=`: seconds. */
export function spanOf(query: Given): number {
  return numberOf(query, "span", DEFAULT_SPAN_S, 1, MAX_SPAN_S);
}

export function listOf(name: string): TopList {
  const list = TOP_LISTS.find((known) => known === name);
  if (list !== undefined) return list;
  throw badRequest(
    `there is no top list ${JSON.stringify(name.slice(0, 100))}`,
    "it is none of those that are kept",
    `Ask for ${TOP_LISTS.join(", ")}`,
    { status: 404 },
  );
}
