/**
 * Slots of a spool: folders `<root>/<name>.<n>`, each held by one publisher through a lock that dies with it. What a dead
 * one left is found by its successor, or drained by any other publisher of that name.
 */
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { LogspreadError, systemCodeOf } from "../../message/error.ts";
import { type FolderLock, lockFolder } from "../../segments/lock.ts";

/** A folder that this process holds. */
export interface Slot {
  readonly folder: string;
  release(): void;
}

/** Far more than publishers of one name on one machine: a stop for a folder that cannot be used at all. */
const MAX_SLOTS = 1000;

/** The slots of `name` that there are, in the order of their numbers. */
export function slotsOf(root: string, name: string): string[] {
  const numbers: number[] = [];
  for (const entry of readdirSync(root)) {
    const number = entry.startsWith(`${name}.`) ? entry.slice(name.length + 1) : "";
    if (/^\d{1,4}$/.test(number)) numbers.push(Number(number));
  }
  return numbers.sort((a, b) => a - b).map((n) => join(root, `${name}.${n}`));
}

/**
 * Takes the free slot of the best rank (the lowest; among equals the lowest number), or makes one. `rank` may say
 * undefined: not this one.
 */
export function takeSlot(root: string, name: string, rank: (folder: string) => number | undefined): Slot {
  const ranked = slotsOf(root, name)
    .map((folder) => ({ folder, rank: rank(folder) }))
    .filter((slot): slot is { folder: string; rank: number } => slot.rank !== undefined)
    .sort((a, b) => a.rank - b.rank);
  for (const { folder } of ranked) {
    const slot = tryLock(folder);
    if (slot !== undefined) return slot;
  }
  for (let n = 0; n < MAX_SLOTS; n++) {
    const folder = join(root, `${name}.${n}`);
    try {
      mkdirSync(folder, { mode: 0o750 });
    } catch (thrown) {
      if (systemCodeOf(thrown) === "EEXIST") continue;
      throw thrown;
    }
    // Between the two, another one may have found and taken it.
    const slot = tryLock(folder);
    if (slot !== undefined) return slot;
  }
  throw new LogspreadError("FOLDER_LOCKED", {
    what: `cannot spool in ${root}`,
    why: `all of ${MAX_SLOTS} slots of ${name} are taken`,
    fix: "Use another folder, with --spool",
  });
}

/** Takes the slot if it is free. Throws what keeps it from being used at all. */
export function tryLock(folder: string): Slot | undefined {
  let lock: FolderLock;
  try {
    lock = lockFolder(folder);
  } catch (thrown) {
    if (thrown instanceof LogspreadError && thrown.code === "FOLDER_LOCKED") return undefined;
    // Another user's.
    if (systemCodeOf(thrown) === "EACCES") return undefined;
    throw thrown;
  }
  return { folder, release: () => lock.release() };
}
