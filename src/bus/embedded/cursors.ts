import { mkdir, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { LogspreadError, systemCodeOf } from "../../message/error.ts";
import { syncFolder } from "../../segments/folder.ts";
import type { Cursor } from "../bus.ts";

const NAME = /^[A-Za-z0-9_@-][A-Za-z0-9._@-]{0,99}$/;

/** Cursors as small files, `cursors/NAME.json`: `{"position": 17}`. Each commit is durable. */
export class Cursors {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The cursor of that name; throws BAD_ARGUMENT for a name that could not be a file's. */
  get(name: string): Cursor {
    if (!NAME.test(name)) {
      throw new LogspreadError("BAD_ARGUMENT", {
        what: `${JSON.stringify(name)} cannot be a cursor's name`,
        why: "a name is 1 to 100 letters, digits and . _ - @, and does not begin with a dot",
        fix: "Choose another name",
      });
    }
    const path = join(this.#folder, `${name}.json`);
    let writing: Promise<void> = Promise.resolve();
    return {
      read: () => readPosition(path),
      commit: (position) => (writing = writing.catch(() => undefined).then(() => this.#write(path, position))),
    };
  }

  async #write(path: string, position: number): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o750 });
    const file = await open(`${path}.tmp`, "w", 0o640);
    try {
      await file.writeFile(`${JSON.stringify({ position })}\n`);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(`${path}.tmp`, path);
    await syncFolder(this.#folder);
  }
}

async function readPosition(path: string): Promise<number | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (thrown) {
    if (systemCodeOf(thrown) === "ENOENT") return undefined;
    throw thrown;
  }
  return JSON.parse(text).position;
}
