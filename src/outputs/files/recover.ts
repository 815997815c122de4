import fs from "node:fs";
import type { Report } from "../../message/report.ts";
import { cut, idOf, locate, sameFile } from "./folder.ts";
import type { Checkpoint, Compression, FileMark, Intent, Journal } from "./journal.ts";
import type { Place } from "./parcel.ts";

/** What an output knows when it goes on: the files agree with it. */
export interface Recovered {
  /** There was no journal: the output has never run. */
  readonly fresh: boolean;
  readonly place: Place;
  readonly day: number;
  readonly paths: Set<string>;
  readonly files: Map<string, FileMark>;
  readonly compressions: readonly Compression[];
}

export const BEGINNING: Place = { position: 0, resume: 1, watermarkUs: -1 };

/**
 * Brings the files into agreement with the journal. After a crash of the process, the page cache is still there: all that
 * is marked done counts, and of the last chunk, if it has no mark, whatever files tell. After a crash of the machine only
 * the checkpoint counts, and the files are cut back to it.
 */
export function recover(journal: Journal, bootId: string, report: Report): Recovered {
  const records = journal.read();
  if (records === undefined) {
    return { fresh: true, place: BEGINNING, day: 0, paths: new Set(), files: new Map(), compressions: [] };
  }
  const [checkpoint, ...rest] = records;
  finishRenamings(checkpoint, checkpoint.boot === bootId);
  const trusted = checkpoint.boot === bootId && !rest.some((record) => record.kind === "distrust");
  if (!trusted) {
    report("warn", "the machine or its disk failed: files are cut back to the last checkpoint and written again", {
      journal: journal.path,
      position: checkpoint.place.position,
    });
    const intents = rest.filter((record) => record.kind === "intent");
    return cutToCheckpoint(checkpoint, intents, checkpoint.boot === bootId, report);
  }
  const state = stateOf(checkpoint);
  let open: Intent | undefined;
  for (const record of rest) {
    if (record.kind === "intent") open = record;
    else if (record.kind === "done" && open) {
      apply(state, open);
      open = undefined;
    }
  }
  if (open !== undefined) {
    if (isWritten(open)) apply(state, open);
    else undo(open, report);
  }
  return state;
}

type State = { -readonly [K in keyof Recovered]: Recovered[K] };

function stateOf(checkpoint: Checkpoint): State {
  return {
    fresh: false,
    place: checkpoint.place,
    day: checkpoint.day.day,
    paths: new Set(checkpoint.day.paths),
    files: new Map(checkpoint.files.map((file) => [file.path, file])),
    compressions: checkpoint.compressions,
  };
}

function apply(state: State, intent: Intent): void {
  state.place = intent.place;
  if (intent.day.day !== state.day) state.paths = new Set();
  state.day = intent.day.day;
  for (const path of intent.day.paths) state.paths.add(path);
  for (const { path, id, length, grow, dateUs } of intent.files) {
    state.files.set(path, { path, id, length: length + grow, dateUs });
  }
}

/** Whether every file has grown as the intent says; also one that was emptied between intent and write. */
function isWritten(intent: Intent): boolean {
  return intent.files.every((file) => {
    const found = locate(file.path, file.id, true);
    if (found === undefined) return false;
    return found.length === file.length + file.grow || (found.length < file.length && found.length === file.grow);
  });
}

function undo(intent: Intent, report: Report): void {
  for (const file of intent.files) {
    const found = locate(file.path, file.id, true);
    if (found === undefined) missing(file, report);
    else if (found.length > file.length) cut(found.path, file.length, false);
  }
}

function cutToCheckpoint(
  checkpoint: Checkpoint,
  intents: readonly Intent[],
  sameBoot: boolean,
  report: Report,
): Recovered {
  const state = stateOf(checkpoint);
  const cuts = new Map(checkpoint.files.map((file) => [file.id, file]));
  for (const intent of intents) {
    for (const file of intent.files) if (!cuts.has(file.id)) cuts.set(file.id, file);
  }
  for (const file of cuts.values()) {
    const found = locate(file.path, file.id, sameBoot);
    if (found === undefined) missing(file, report);
    else {
      if (found.length > file.length) cut(found.path, file.length, true);
      const known = state.files.get(file.path);
      if (known?.id === file.id) state.files.set(file.path, { ...known, id: found.id });
    }
  }
  return state;
}

function missing(file: FileMark, report: Report): void {
  report("warn", "a file is no longer in its folder and cannot be brought into agreement with the journal", {
    file: file.path,
  });
}

/** A rename that the checkpoint announces may or may not have happened. */
function finishRenamings(checkpoint: Checkpoint, sameBoot: boolean): void {
  for (const { path, id, target } of checkpoint.renamings) {
    const stats = fs.lstatSync(path, { bigint: true, throwIfNoEntry: false });
    if (!stats || !sameFile(idOf(stats), id, sameBoot)) continue;
    if (!fs.existsSync(target)) fs.renameSync(path, target);
  }
}
