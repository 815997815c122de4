/** What /proc tells of processes that the tests did not start themselves. */
import { readdirSync, readFileSync } from "node:fs";

/** Children of a process that are publishers. */
export function publishersOf(parent: number): number[] {
  return childrenOf(parent).filter((pid) => commandLine(pid).includes("publish"));
}

export function childrenOf(parent: number): number[] {
  const found: number[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "latin1");
      // "pid (name) state ppid ...": the name may hold blanks and brackets.
      const [state, ppid] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (Number(ppid) === parent && state !== "Z") found.push(Number(name));
    } catch {
      // It ended meanwhile.
    }
  }
  return found;
}

function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0");
  } catch {
    return [];
  }
}

/** User ids of a process: real, effective, saved, file system. */
export function userIdsOf(pid: number): number[] {
  const [, ids] = /^Uid:\s+(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))!;
  return ids!.split(/\s+/).map(Number);
}

/** Whether there is a process of that id, or with a negative one, any of that group. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
