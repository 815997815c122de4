/** What a comparison has found: all of it counted, the first of each kind kept to be shown. */
import type { Finding } from "./compare.ts";
import type { Hole } from "./line-source.ts";

export const KINDS = ["missing", "doubled", "moved", "altered", "foreign"] as const;

export type Kind = (typeof KINDS)[number];

/** Senders whose faults are counted apart; the others are counted together. */
const MAX_SENDERS = 1000;

export class Findings<E, A> {
  readonly counts: Record<Kind, number> = { missing: 0, doubled: 0, moved: 0, altered: 0, foreign: 0 };
  /** Expected lines behind what the writer had reached: it may still write them. */
  pending = 0;
  /** Lines of the file that nothing can be told of, and the holes that they may have stood in. */
  untold = 0;
  readonly holes: Hole[] = [];
  readonly shown: Exclude<Finding<E, A>, { kind: "untold" }>[] = [];
  /** By sender, how many of its lines are missing, doubled, moved or altered. */
  readonly bySender = new Map<string, number>();
  readonly #limit: number;
  readonly #isPending: (place: E) => boolean;
  readonly #senderOf: (place: E) => string;

  /** Keeps `limit` findings of each kind. */
  constructor(limit: number, isPending: (place: E) => boolean, senderOf: (place: E) => string) {
    this.#limit = limit;
    this.#isPending = isPending;
    this.#senderOf = senderOf;
  }

  add(finding: Finding<E, A>): void {
    if (finding.kind === "untold") {
      this.untold += finding.lines;
      this.holes.push(finding.hole);
      return;
    }
    if (finding.kind === "missing" && this.#isPending(finding.expected.from)) {
      this.pending++;
      return;
    }
    if (++this.counts[finding.kind] <= this.#limit) this.shown.push(finding);
    if (!("expected" in finding)) return;
    let sender = this.#senderOf(finding.expected.from);
    if (!this.bySender.has(sender) && this.bySender.size >= MAX_SENDERS) sender = "others";
    this.bySender.set(sender, (this.bySender.get(sender) ?? 0) + 1);
  }

  get total(): number {
    return KINDS.reduce((sum, kind) => sum + this.counts[kind], 0);
  }
}
