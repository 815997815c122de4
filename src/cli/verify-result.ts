/** The result of a verification: what --json prints, and the same in words. */
import { harmless, harmlessText } from "../outputs/harmless.ts";
import type { BusPlace } from "../verify/bus-lines.ts";
import type { Place, Spot } from "../verify/compare.ts";
import type { Cut, FilePlace } from "../verify/file-lines.ts";
import { type Findings, KINDS, type Kind } from "../verify/findings.ts";
import type { Compared, VerifyOptions } from "../verify/verify.ts";
import type { LedgerAnswer, LedgerLoss } from "./ledger-check.ts";

/** A fault, with where the line stands on the bus, in the file, or both. */
interface Fault {
  readonly kind: Kind;
  readonly bus?: Omit<BusPlace, "whole"> & { readonly index?: number };
  readonly file?: string;
  readonly line?: number;
  /** The line as it was published, and as it stands in the file if that differs. */
  readonly text?: string;
  readonly found?: string;
}

interface Comparison extends Readonly<Record<Kind, number>> {
  readonly expectedLines: number;
  readonly fileLines: number;
  readonly cuts: readonly Cut[];
  readonly faults: readonly Fault[];
}

export interface Result extends Comparison {
  readonly verdict: "complete" | "faulty" | "untold";
  readonly files: readonly string[];
  readonly groups: readonly string[];
  readonly positions: readonly [first: number, last: number] | null;
  /** Lines behind the writer's cursor, which it may still write. */
  readonly pending: number;
  /** Lines of the files that stand where the bus has nothing any more. */
  readonly untold: number;
  /** What is gone from the bus. */
  readonly gone: readonly {
    readonly first: number;
    readonly last: number;
    readonly messages: number;
    readonly reason: string;
  }[];
  readonly faultsBySender: Readonly<Record<string, number>>;
  /** What publishers report as dropped, and sequences that never came. */
  readonly losses: readonly LedgerLoss[];
  readonly ledgerUnknown: string | null;
  readonly replica: Comparison | null;
}

interface ReplicaCompared {
  readonly findings: Findings<FilePlace, FilePlace>;
  readonly cuts: readonly Cut[];
  readonly expected: number;
  readonly actual: number;
}

export function resultOf(
  { files, output }: VerifyOptions,
  compared: Compared,
  replica: ReplicaCompared | undefined,
  ledger: LedgerAnswer,
): Result {
  const { findings, range } = compared;
  const losses = ledger.kind === "known" ? ledger.losses : [];
  const faults = findings.total + compared.cuts.length + losses.length;
  const replicaFaults = replica === undefined ? 0 : replica.findings.total + replica.cuts.length;
  const untold = findings.holes.length > 0 || ledger.kind === "unknown";
  return {
    verdict: faults + replicaFaults > 0 ? "faulty" : untold ? "untold" : "complete",
    files,
    groups: output.groups,
    positions: range === undefined ? null : [range.first, range.last],
    ...comparisonOf(compared, busFault),
    pending: findings.pending,
    untold: findings.untold,
    gone: findings.holes.map(({ first, last, messages, reason }) => ({ first, last, messages, reason })),
    faultsBySender: Object.fromEntries(findings.bySender),
    losses: losses.map(({ sender, producer, lost, missingBatches }) => ({ sender, producer, lost, missingBatches })),
    ledgerUnknown: ledger.kind === "unknown" ? ledger.why : null,
    replica: replica === undefined ? null : comparisonOf(replica, replicaFault),
  };
}

function comparisonOf<E>(
  {
    findings,
    cuts,
    expected,
    actual,
  }: { findings: Findings<E, FilePlace>; cuts: readonly Cut[]; expected: number; actual: number },
  placeOf: (spot: Spot<E>) => Partial<Fault>,
): Comparison {
  const faults = findings.shown.map((finding): Fault => {
    const { kind } = finding;
    const there = "expected" in finding ? placeOf(finding.expected) : {};
    const text = "expected" in finding && "text" in finding.expected ? { text: finding.expected.text.toString() } : {};
    if (!("actual" in finding)) return { kind, ...there, ...text };
    const { from, index, text: found } = finding.actual as Place<FilePlace>;
    const shown = kind === "altered" || kind === "foreign" ? { found: found.toString() } : { text: found.toString() };
    return { kind, ...there, file: from.file, line: from.firstLine + index, ...text, ...shown };
  });
  return { expectedLines: expected, fileLines: actual, ...findings.counts, cuts, faults };
}

function busFault({ from, index }: Spot<BusPlace>): Partial<Fault> {
  const { whole, ...bus } = from;
  return { bus: whole ? { ...bus, index } : bus };
}

/** Of a replica that lacks it, the line's place in the first writer's file. */
function replicaFault({ from, index }: Spot<FilePlace>): Partial<Fault> {
  return { file: from.file, line: from.firstLine + index };
}

const WORDS: Record<Kind, string> = {
  missing: "missing",
  doubled: "doubled",
  moved: "out of order",
  altered: "altered",
  foreign: "never published",
};

/** The result in words; nothing of a line or a name reaches a terminal as it is. */
export function textOfResult(result: Result): string {
  const { files, positions, groups, expectedLines, pending, untold, gone, losses, ledgerUnknown, replica } = result;
  const what = positions === null ? "nothing on the bus" : `positions ${positions[0]} to ${positions[1]}`;
  const lines = [
    `${files.join(", ")}: ${count(result.fileLines, "line")}; ${groups.join(", ")}, ${what}: ${count(expectedLines, "line")}`,
    ...textOfComparison(result),
  ];
  const senders = Object.entries(result.faultsBySender);
  if (senders.length > 1) {
    lines.push(`faults by sender: ${senders.map(([sender, faults]) => `${sender} ${faults}`).join(", ")}`);
  }
  for (const { sender, producer, lost, missingBatches } of losses) {
    const who = `${sender} (producer ${producer})`;
    for (const [reason, messages] of Object.entries(lost)) {
      lines.push(`${who} reports ${count(messages, "line")} dropped before the bus: ${reason}`);
    }
    if (missingBatches > 0) lines.push(`${who}: ${count(missingBatches, "batch", "es")} never came`);
  }
  if (pending > 0) lines.push(`${count(pending, "line")} at the end are behind the writer's cursor: not written yet`);
  for (const { first, last, messages, reason } of gone) {
    const why = reason === "retention" ? "deleted by retention" : "damaged";
    lines.push(
      `could not tell: positions ${first} to ${last} with ${count(messages, "message")} are ${why} on the bus`,
    );
  }
  if (untold > 0)
    lines.push(`could not tell: ${count(untold, "line")} of the files stand where the bus has nothing any more`);
  if (ledgerUnknown !== null) lines.push(`could not tell what publishers have dropped: ${ledgerUnknown}`);
  if (replica !== null) {
    lines.push(`replica: ${count(replica.fileLines, "line")}`, ...textOfComparison(replica));
    const same = KINDS.every((kind) => replica[kind] === 0) && replica.cuts.length === 0;
    if (same) lines.push("replica: the same, line by line");
  }
  lines.push(VERDICTS[result.verdict]);
  return `${lines.map(harmlessText).join("\n")}\n`;
}

const VERDICTS = {
  complete: "COMPLETE: every line stands there once, in order",
  faulty: "NOT COMPLETE",
  untold: "COULD NOT TELL: what could be compared is complete",
} as const;

function textOfComparison(comparison: Comparison): string[] {
  const lines: string[] = [];
  for (const { file, line, why } of comparison.cuts) lines.push(`${file}:${line}: ${why}`);
  for (const kind of KINDS) {
    if (comparison[kind] === 0) continue;
    lines.push(`${WORDS[kind]}: ${count(comparison[kind], "line")}`);
    const shown = comparison.faults.filter((fault) => fault.kind === kind);
    for (const fault of shown) lines.push(...textOfFault(fault));
    if (shown.length < comparison[kind]) lines.push(`  and ${comparison[kind] - shown.length} more`);
  }
  return lines;
}

function textOfFault({ bus, file, line, text, found }: Fault): string[] {
  const places: string[] = [];
  if (file !== undefined) places.push(`${file}:${line}`);
  if (bus !== undefined) {
    const which = bus.index === undefined ? "" : ` message ${bus.index}`;
    places.push(
      `position ${bus.position}${which}, by ${bus.sender} (producer ${bus.producer}, sequence ${bus.sequence})`,
    );
  }
  const lines = [`  ${places.join("; ")}`];
  if (text !== undefined) lines.push(`    ${found === undefined ? "" : "published: "}${shown(text)}`);
  if (found !== undefined) lines.push(`    ${text === undefined ? "" : "found:     "}${shown(found)}`);
  return lines;
}

function shown(text: string): string {
  return harmless(Buffer.from(text));
}

function count(number: number, what: string, plural = "s"): string {
  return `${number.toLocaleString("en")} ${what}${number === 1 ? "" : plural}`;
}
