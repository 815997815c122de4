/** Opening files below a base folder, and nowhere else: names come from log lines, and links may lie in wait. */
import fs, { type BigIntStats } from "node:fs";
import fsp, { type FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

const { O_WRONLY, O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = fs.constants;

export interface Modes {
  readonly file: number;
  readonly folder: number;
}

export type Opening =
  | {
      readonly kind: "open";
      readonly handle: FileHandle;
      readonly id: string;
      readonly length: number;
      /** Folders in which a name is new: they need an fsync before the name is durable. */
      readonly fresh: readonly string[];
    }
  /** The path would leave the base folder, or is no plain file. */
  | { readonly kind: "refused"; readonly why: string };

/** A file's identity, whatever its name: device and inode. */
export function idOf(stats: BigIntStats): string {
  return `${stats.dev}:${stats.ino}`;
}

/** Whether two identities are one file. After a reboot a disk may have another device number. */
export function sameFile(a: string, b: string, sameBoot: boolean): boolean {
  return sameBoot ? a === b : a.slice(a.indexOf(":")) === b.slice(b.indexOf(":"));
}

/** Opens `path`, which is below `base`, for appending; makes it and its folders if need be. */
export async function openBelow(base: string, path: string, modes: Modes): Promise<Opening> {
  const fresh: string[] = [];
  const folder = dirname(path);
  const refused = await makeFolders(base, folder, modes.folder, fresh);
  if (refused !== undefined) return { kind: "refused", why: refused };
  const flags = O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK;
  let handle: FileHandle | undefined;
  try {
    for (let tries = 0; handle === undefined; tries++) {
      try {
        handle = await fsp.open(path, flags | O_CREAT | O_EXCL, modes.file);
        await handle.chmod(modes.file); // whatever the umask
        fresh.push(folder);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
        handle = await fsp.open(path, flags).catch((second: NodeJS.ErrnoException) => {
          if (second.code === "ENOENT" && tries < 10) return undefined; // renamed away between the two
          throw second;
        });
      }
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ELOOP") return { kind: "refused", why: `${path} is a symbolic link` };
    if (code === "EISDIR" || code === "ENXIO") return { kind: "refused", why: `${path} is not a plain file` };
    throw error;
  }
  try {
    const stats = await handle.stat({ bigint: true });
    // Past every race: where is the file that is open now?
    const real = await fsp.readlink(`/proc/self/fd/${handle.fd}`).catch(() => path);
    const root = await fsp.realpath(base);
    if (stats.isFile() && isBelow(root, real)) {
      return { kind: "open", handle, id: idOf(stats), length: Number(stats.size), fresh };
    }
    await handle.close();
    return { kind: "refused", why: stats.isFile() ? `${path} leads to ${real}` : `${path} is not a plain file` };
  } catch (error) {
    await handle.close().catch(() => {}); // the first error says more
    throw error;
  }
}

/** Makes the folders from `base` to `folder`; the reason if one of them leads out of `base`. */
export async function makeFolders(
  base: string,
  folder: string,
  mode: number,
  fresh: string[],
): Promise<string | undefined> {
  if (await fsp.mkdir(base, { recursive: true, mode })) fresh.push(dirname(base));
  if (folder === base) return undefined;
  const root = await fsp.realpath(base);
  let at = base;
  for (const name of folder.slice(base.length + 1).split("/")) {
    const parent = at;
    at = join(at, name);
    try {
      await fsp.mkdir(at, { mode });
      await fsp.chmod(at, mode);
      fresh.push(parent);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      const stats = await fsp.lstat(at);
      if (stats.isDirectory()) continue;
      if (!stats.isSymbolicLink()) return `${at} is not a folder`;
      const real = await fsp.realpath(at).catch(() => undefined);
      if (real === undefined || !isBelow(root, real)) return `${at} is a symbolic link out of ${base}`;
    }
  }
  return undefined;
}

function isBelow(root: string, path: string): boolean {
  return path === root || path.startsWith(root.endsWith("/") ? root : `${root}/`);
}

/** Where the file `id` is: at `path`, or under another name in the same folder (logrotate renamed it), or undefined. */
export function locate(
  path: string,
  id: string,
  sameBoot: boolean,
): { path: string; length: number; id: string } | undefined {
  const look = (at: string) => {
    const stats = fs.lstatSync(at, { bigint: true, throwIfNoEntry: false });
    if (!stats?.isFile() || !sameFile(idOf(stats), id, sameBoot)) return undefined;
    return { path: at, length: Number(stats.size), id: idOf(stats) };
  };
  const direct = look(path);
  if (direct) return direct;
  for (const name of namesIn(dirname(path))) {
    if (name === basename(path)) continue;
    const found = look(join(dirname(path), name));
    if (found) return found;
  }
  return undefined;
}

/** The names in a folder; none if it does not exist. */
export function namesIn(folder: string): string[] {
  try {
    return fs.readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** Cuts a file to `length` bytes, for good if `durable`. */
export function cut(path: string, length: number, durable: boolean): void {
  const fd = fs.openSync(path, O_WRONLY | O_NOFOLLOW);
  try {
    fs.ftruncateSync(fd, length);
    if (durable) fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}
