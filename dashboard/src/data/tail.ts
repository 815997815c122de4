/** The live tail: lines as they come, in bounded memory, at whatever rate they come. */

import { textOfBase64, visible } from "../text/visible.ts";
import { addressOf, Refusal } from "./api.ts";
import { lines } from "./stream.ts";

export interface TailLine {
  /** Unique on this page. */
  readonly id: number;
  readonly kind: "line" | "note";
  readonly atS: number;
  readonly group: string;
  readonly sender: string;
  readonly text: string;
}

export type TailState = "connecting" | "live" | "lost";

/** Lines that are kept. */
export const MAX_LINES = 500;
/** Looked at in one go; then the page may breathe. */
const PORTION = 400;
const BREATH_MS = 200;
/** A page that is so far behind skips to the newest line, s. */
const MAX_BEHIND_S = 5;
const RETRY_MS = 1500;
const MAX_TEXT = 2000;

let lastId = 0;

/** Reads `groups` (all if empty) until `signal` aborts; `add` gets new lines, oldest first, at most MAX_LINES at a time. */
export async function tail(
  groups: readonly string[],
  add: (lines: TailLine[]) => void,
  tell: (state: TailState) => void,
  signal: AbortSignal,
): Promise<void> {
  const names = groups.length === 0 ? "*" : groups.map(encodeURIComponent).join(",");
  const address = addressOf(`v1/groups/${names}/messages`, { from: "new", follow: "true", format: "ndjson" });
  while (!signal.aborted) {
    tell("connecting");
    try {
      const skipped = await read(address, add, () => tell("live"), signal);
      if (signal.aborted) return;
      if (skipped) {
        add([note("skipped to the newest line: more came than a page can show")]);
        continue;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refusal && error.status >= 400 && error.status < 500) add([note(error.message)]);
    }
    tell("lost");
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

/** Resolves to true if it gave up because it was too far behind, to false when the node ended the stream. */
async function read(
  address: string,
  add: (lines: TailLine[]) => void,
  opened: () => void,
  signal: AbortSignal,
): Promise<boolean> {
  let pending: TailLine[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = () => {
    timer = undefined;
    const batch = pending;
    pending = [];
    if (!signal.aborted && batch.length > 0) add(batch);
  };
  // The answer's headers come before the first line, which may be long in coming.
  const openedSoon = setTimeout(opened, 300);
  try {
    for await (const raw of lines(address, "application/x-ndjson", signal)) {
      opened();
      for (let at = 0; at < raw.length; at += PORTION) {
        const some = raw.slice(at, at + PORTION).map(lineOf);
        pending = [...pending, ...some].slice(-MAX_LINES);
        timer ??= setTimeout(flush, BREATH_MS);
        if (raw.length <= PORTION) continue;
        const behindS = Date.now() / 1000 - some.at(-1)!.atS;
        if (behindS > MAX_BEHIND_S) return true;
        await new Promise((resolve) => setTimeout(resolve, BREATH_MS / 4));
        if (signal.aborted) return false;
      }
    }
    return false;
  } finally {
    clearTimeout(openedSoon);
    clearTimeout(timer);
    flush();
  }
}

function lineOf(json: string): TailLine {
  try {
    const { gap, busTime, group, sender, message, data } = JSON.parse(json) as Record<string, unknown>;
    if (gap !== undefined) return note("messages are missing here: they are no longer kept");
    const text = typeof message === "string" ? message : textOfBase64(String(data ?? "").slice(0, 4 * MAX_TEXT));
    return {
      id: ++lastId,
      kind: "line",
      atS: new Date(String(busTime)).getTime() / 1000,
      group: visible(String(group), 100),
      sender: visible(String(sender), 100),
      text: visible(text, MAX_TEXT),
    };
  } catch {
    return note("a line could not be read");
  }
}

function note(text: string): TailLine {
  return { id: ++lastId, kind: "note", atS: Date.now() / 1000, group: "", sender: "", text };
}
