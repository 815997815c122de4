/** The anomalies that were found: those that last, and the latest of those that are over. */
import { groupMatcher } from "../../message/names.ts";
import type { Anomaly, AnomalyKind, Scope } from "../snapshot.ts";

/** Told once when an anomaly begins and once when it is over. */
export interface AnomalyEvent {
  readonly event: "opened" | "closed";
  readonly anomaly: Anomaly;
}

/** What is out of the ordinary in a second. */
export interface Finding {
  readonly kind: AnomalyKind;
  readonly group: string;
  readonly subject: string;
  /** In the kind's unit, see docs/metrics.md. */
  readonly value: number;
  readonly expected: number;
  readonly text: string;
}

type Open = { -readonly [Key in keyof Anomaly]: Anomaly[Key] };

/** Where the subject is no server and no page. */
export const ALL_SERVERS = "all servers";

export class Book {
  readonly #history: number;
  readonly #tell: (event: AnomalyEvent) => void;
  readonly #open = new Map<string, Open>();
  readonly #closed: Anomaly[] = [];
  #lastId = 0;

  constructor(history: number, tell: (event: AnomalyEvent) => void) {
    this.#history = history;
    this.#tell = tell;
  }

  /** Takes all that is out of the ordinary now: what is new opens, what is missing closes. */
  settle(findings: readonly Finding[], nowUs: number): void {
    const found = new Set<string>();
    for (const finding of findings) {
      const key = keyOf(finding);
      if (found.has(key)) continue;
      found.add(key);
      const open = this.#open.get(key);
      if (open === undefined) this.#begin(key, finding, nowUs);
      else if (isWorse(finding, open)) {
        open.value = finding.value;
        open.expected = finding.expected;
        open.text = finding.text;
      }
    }
    for (const [key, open] of this.#open) if (!found.has(key)) this.#end(key, open, nowUs);
  }

  /** Those that lasted at some time within `scope`, the latest opened first. */
  within(scope: Scope): readonly Anomaly[] {
    const matches = groupMatcher(scope.groups);
    const isWithin = ({ group, kind, subject, openedUs, closedUs }: Anomaly) =>
      openedUs <= scope.toUs &&
      (closedUs === null || closedUs >= scope.fromUs) &&
      (scope.groups.length === 0 || matches(group)) &&
      (scope.servers.length === 0 || !isOfServer(kind) || subject === ALL_SERVERS || scope.servers.includes(subject));
    const all = [...this.#closed, ...this.#open.values()].filter(isWithin);
    return all.sort((a, b) => b.id - a.id).map((each) => ({ ...each }));
  }

  #begin(key: string, { kind, group, subject, value, expected, text }: Finding, nowUs: number): void {
    const id = ++this.#lastId;
    const open = { id, kind, subject, group, openedUs: nowUs, closedUs: null, value, expected, text };
    this.#open.set(key, open);
    this.#tell({ event: "opened", anomaly: { ...open } });
  }

  #end(key: string, open: Open, nowUs: number): void {
    this.#open.delete(key);
    const closed: Anomaly = { ...open, closedUs: nowUs };
    this.#closed.push(closed);
    if (this.#closed.length > this.#history) this.#closed.shift();
    this.#tell({ event: "closed", anomaly: closed });
  }
}

function keyOf({ kind, group, subject }: Finding): string {
  return `${kind}\0${group}\0${subject}`;
}

/** What is told of an anomaly is it at its worst. */
function isWorse(finding: Finding, open: Anomaly): boolean {
  return Math.abs(finding.value - finding.expected) > Math.abs(open.value - open.expected);
}

function isOfServer(kind: AnomalyKind): boolean {
  return kind !== "page-size" && kind !== "page-errors";
}
