/** Several groups in one stream: a field of each line names its group and is cut off. */
import { NEWLINE } from "../message/lines.ts";
import { groupNameFault, MAX_NAME_BYTES, SYSTEM_PREFIX } from "../message/names.ts";

const BLANK = 32;

/** The lines of one group in a piece of a stream: pairs of offsets, (start, end) of what is kept, in order. */
export interface GroupLines {
  readonly group: string;
  readonly ranges: number[];
  bytes: number;
}

export interface Split {
  /** In the order in which the groups first appear. */
  readonly groups: readonly GroupLines[];
  /** Lines whose field cannot be a group's name; they are whole, in the fallback group. */
  readonly badNames: number;
}

/**
 * Splits `lines` (each ends in "\n") by field number `field` (1 is the first; fields are separated by single blanks). The
 * result depends on nothing but the arguments, so that after a crash the same bytes give the same batches.
 */
export class GroupField {
  readonly field: number;
  readonly fallback: string;
  /** Names are few and lines many. Bounded: a client that invents host names must not fill the memory. */
  #known = new Map<string, string | undefined>();

  constructor(field: number, fallback: string) {
    this.field = field;
    this.fallback = fallback;
  }

  split(lines: Buffer): Split {
    const byName = new Map<string, GroupLines>();
    let badNames = 0;
    for (let start = 0, end: number; start < lines.length; start = end) {
      end = lines.indexOf(NEWLINE, start) + 1;
      if (end === 0) end = lines.length;
      const [from, to] = this.#fieldOf(lines, start, end - 1);
      const name = from === to ? undefined : this.#nameOf(lines, from, to);
      let group = byName.get(name ?? this.fallback);
      if (group === undefined) {
        group = { group: name ?? this.fallback, ranges: [], bytes: 0 };
        byName.set(group.group, group);
      }
      if (name === undefined) {
        badNames++;
        add(group, start, end);
      } else if (lines[to] === BLANK) {
        add(group, start, from);
        add(group, to + 1, end);
      } else {
        // The last field: the blank before it goes with it.
        add(group, start, Math.max(start, from - 1));
        add(group, to, end);
      }
    }
    return { groups: [...byName.values()], badNames };
  }

  /** Start and end of the field; equal if the line has none. */
  #fieldOf(lines: Buffer, start: number, end: number): [number, number] {
    let from = start;
    for (let n = 1; n < this.field; n++) {
      const blank = lines.indexOf(BLANK, from);
      if (blank === -1 || blank >= end) return [end, end];
      from = blank + 1;
    }
    const blank = lines.indexOf(BLANK, from);
    return [from, blank === -1 || blank > end ? end : blank];
  }

  #nameOf(lines: Buffer, from: number, to: number): string | undefined {
    if (to - from > MAX_NAME_BYTES) return undefined;
    const key = lines.toString("latin1", from, to);
    if (this.#known.has(key)) return this.#known.get(key);
    const name = lines.toString("utf8", from, to);
    // A replacement character comes from invalid UTF-8: two names must not become one.
    const valid = groupNameFault(name) === undefined && !name.startsWith(SYSTEM_PREFIX) && !name.includes("\ufffd");
    if (this.#known.size >= 10_000) this.#known.clear();
    this.#known.set(key, valid ? name : undefined);
    return valid ? name : undefined;
  }
}

function add(group: GroupLines, start: number, end: number): void {
  if (start === end) return;
  group.ranges.push(start, end);
  group.bytes += end - start;
}

/** Copies the lines of a group to the start of `target` and returns them. */
export function gather(lines: Buffer, group: GroupLines, target: Buffer): Buffer {
  let at = 0;
  for (let i = 0; i < group.ranges.length; i += 2) {
    at += lines.copy(target, at, group.ranges[i]!, group.ranges[i + 1]!);
  }
  return target.subarray(0, at);
}
