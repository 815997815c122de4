import fsp from "node:fs/promises";
import { dirname, join } from "node:path";
import type { FilesConfig } from "./config.ts";
import type { PathTemplate } from "./template.ts";

interface Closed {
  readonly path: string;
  readonly log: string;
  readonly bytes: number;
  readonly mtimeMs: number;
}

/**
 * Deletes closed files that `retain` does not keep; the number of them. Closed are rotated and compressed ones and those
 * of another date; `kept` are the files that are in use, `dateKey` the date that is current.
 */
export async function retire(
  template: PathTemplate,
  retain: FilesConfig["retain"],
  kept: (path: string) => boolean,
  dateKey: string,
  nowMs: number,
): Promise<number> {
  const closed: Closed[] = [];
  for await (const path of filesBelow(template.base)) {
    const known = template.recognise(path);
    if (known === undefined || kept(path)) continue;
    if (!known.rotated && !known.packed && (!template.dated || known.dateKey === dateKey)) continue;
    const stats = await fsp.lstat(path).catch(() => undefined); // deleted by somebody else meanwhile
    if (stats) closed.push({ path, log: known.log, bytes: stats.size, mtimeMs: stats.mtimeMs });
  }
  closed.sort((a, b) => b.mtimeMs - a.mtimeMs || (a.path < b.path ? 1 : -1));
  const counts = new Map<string, number>();
  let bytes = 0;
  let deleted = 0;
  for (const file of closed) {
    const count = (counts.get(file.log) ?? 0) + 1;
    const goes =
      count > (retain.files ?? Number.POSITIVE_INFINITY) ||
      nowMs - file.mtimeMs > (retain.age ?? Number.POSITIVE_INFINITY) ||
      bytes + file.bytes > (retain.bytes ?? Number.POSITIVE_INFINITY);
    if (!goes) {
      counts.set(file.log, count);
      bytes += file.bytes;
      continue;
    }
    await fsp.rm(file.path, { force: true });
    deleted++;
    await removeEmpty(dirname(file.path), template.base);
  }
  return deleted;
}

/** Plain files below a folder; links are not followed. */
async function* filesBelow(folder: string): AsyncGenerator<string> {
  const entries = await fsp.readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (entry.isFile()) yield path;
  }
}

/** Folders of past dates go with their last file. */
async function removeEmpty(folder: string, base: string): Promise<void> {
  for (let at = folder; at.length > base.length; at = dirname(at)) {
    try {
      await fsp.rmdir(at);
    } catch {
      return; // not empty
    }
  }
}
