import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { LogspreadError, systemCodeOf } from "../message/error.ts";

/** A held lock; `release` may be called once. */
export interface FolderLock {
  release(): void;
}

/**
 * Takes the folder for this process alone, or throws FOLDER_LOCKED that names the holder. The lock is the kernel's and
 * dies with the process, so there is never a stale one to remove. Node itself offers no file locks; SQLite, which comes
 * with Node, takes a POSIX lock on an (empty) database file.
 */
export function lockFolder(folder: string): FolderLock {
  const file = join(folder, "lock");
  const owner = join(folder, "lock.owner");
  makeFile(file);
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (cause) {
    database.close();
    throw new LogspreadError(
      "FOLDER_LOCKED",
      {
        what: `cannot use ${folder}`,
        why: `another process has it open${describeOwner(owner)}`,
        fix: "Stop that process, or use another folder",
      },
      { cause },
    );
  }
  try {
    writeFileSync(owner, `${process.pid}\n`, { mode: 0o640 });
  } catch {
    // A full disk: the name of the holder is a courtesy, the lock holds without it.
  }
  return { release: () => database.close() };
}

/** Makes the file with the mode that SQLite would not give it. One that is there is left alone: closing it would drop our lock. */
function makeFile(file: string): void {
  try {
    closeSync(openSync(file, "wx", 0o640));
  } catch (thrown) {
    if (systemCodeOf(thrown) !== "EEXIST") throw thrown;
  }
}

function describeOwner(file: string): string {
  try {
    return ` (process ${readFileSync(file, "utf8").trim()})`;
  } catch {
    return "";
  }
}
