/** Compares files with the bus, and with each other. */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import type { Bus } from "../bus/bus.ts";
import type { From } from "../message/delivery.ts";
import { LogspreadError } from "../message/error.ts";
import type { FilesConfig } from "../outputs/files/config.ts";
import { newFilesCounters } from "../outputs/files/counters.ts";
import { Sorter } from "../outputs/files/sorter.ts";
import { type BusPlace, linesOfBus } from "./bus-lines.ts";
import { compare } from "./compare.ts";
import { type Cut, type FileAtStart, type FilePlace, linesOfFiles } from "./file-lines.ts";
import { Findings } from "./findings.ts";
import { type Hash, hashWith } from "./hash.ts";
import { LineSource } from "./line-source.ts";

export interface VerifyOptions {
  /** In the order in which they were written. */
  readonly files: readonly string[];
  /** Configuration of the output that wrote them. */
  readonly output: FilesConfig;
  /** The path as which one of the files was written; undefined if they are still there. */
  readonly writtenAs: string | undefined;
  /** Only lines of this sender. */
  readonly sender: string | undefined;
  readonly from: From;
  /** The last position that counts; undefined for all that is there now. */
  readonly to: number | undefined;
  /** Up to which position the writer has written; lines behind it may come later. */
  readonly writtenTo: number;
  readonly window: number;
  readonly anyOrder: boolean;
  /** Findings kept of each kind. */
  readonly limit: number;
}

export interface VerifyDeps {
  /** 0 to less than 1. */
  readonly random: () => number;
  /** Told now and then how far it is. */
  progress(lines: number, position: number, last: number): void;
}

/** What came of a comparison with the bus. */
export interface Compared {
  readonly findings: Findings<BusPlace, FilePlace>;
  readonly cuts: readonly Cut[];
  /** Lines read of the bus and of the files. */
  readonly expected: number;
  readonly actual: number;
  /** First and last position and time looked at; undefined if there was nothing. */
  readonly range: Range | undefined;
  /** Producers whose lines were expected, in hexadecimal. */
  readonly producers: ReadonlySet<string>;
}

export interface Range {
  readonly first: number;
  last: number;
  readonly firstUs: number;
  lastUs: number;
}

/** Rejects if the bus or a file cannot be read, and with BAD_ARGUMENT if it is not clear which lines the files should hold. */
export async function verifyFiles(bus: Bus, options: VerifyOptions, deps: VerifyDeps): Promise<Compared> {
  const { output, sender } = options;
  const sorter = new Sorter(output, newFilesCounters());
  const meant = meantFor(sorter, options);
  // First the files, then the bus: so that whatever the files hold is on the bus.
  const files = atStart(options.files);
  const { lastPosition } = await bus.status();
  const to = Math.min(options.to ?? lastPosition, lastPosition);
  const producers = new Set<string>();
  let range: Range | undefined;
  const lines = linesOfBus(bus, {
    groups: output.groups,
    from: options.from,
    to,
    sort: (placed, raw) => sorter.sort(placed, raw),
    wanted: (portion, { batch }) => {
      if (!meant(portion.path) || (sender !== undefined && batch.sender !== sender)) return false;
      producers.add(batch.producer.toString("hex"));
      return true;
    },
    seen({ position, busTimeUs }) {
      range ??= { first: position, last: position, firstUs: busTimeUs, lastUs: busTimeUs };
      range.last = position;
      range.lastUs = busTimeUs;
      deps.progress(expected.passed, position, to);
    },
  });
  const findings = new Findings<BusPlace, FilePlace>(
    options.limit,
    ({ position }) => position > options.writtenTo,
    (place) => place.sender,
  );
  const cuts: Cut[] = [];
  const expected = new LineSource(lines);
  const actual = new LineSource(linesOfFiles(files, (cut) => cuts.push(cut)));
  const anyOrder = options.anyOrder || output.order === "event-time";
  const untilEnd = options.to === undefined;
  const { window } = options;
  await compare(expected, actual, { window, anyOrder, untilEnd, hash: hashOf(deps) }, (f) => findings.add(f));
  return { findings, cuts, expected: expected.passed, actual: actual.passed, range, producers };
}

/** Compares the files of another writer with these. */
export async function verifyReplica(
  files: readonly string[],
  replica: readonly string[],
  options: VerifyOptions,
  deps: VerifyDeps,
) {
  const findings = new Findings<FilePlace, FilePlace>(
    options.limit,
    () => false,
    ({ file }) => file,
  );
  const cuts: Cut[] = [];
  const expected = new LineSource(linesOfFiles(atStart(files), () => {})); // told by the comparison with the bus
  const actual = new LineSource(linesOfFiles(atStart(replica), (cut) => cuts.push(cut)));
  const { window, anyOrder } = options;
  await compare(expected, actual, { window, anyOrder, untilEnd: true, hash: hashOf(deps) }, (f) => findings.add(f));
  return { findings, cuts, expected: expected.passed, actual: actual.passed };
}

function hashOf({ random }: VerifyDeps): Hash {
  return hashWith(Math.floor(random() * Number.MAX_SAFE_INTEGER));
}

function atStart(files: readonly string[]): FileAtStart[] {
  return files.map((file) => ({ file, bytes: statSync(file).size }));
}

/** Tells which of the output's paths are those of the files. */
function meantFor({ template }: Sorter, { files, writtenAs, output }: VerifyOptions): (path: string) => boolean {
  if (template.fields.length === 0 && !template.dated) return () => true;
  const logs = new Set<string>();
  const dates = new Set<string>();
  for (const file of writtenAs === undefined ? files : [writtenAs]) {
    const found = template.recognise(resolve(file));
    if (found === undefined) {
      throw badArgument(
        `${file} is not a path of the output`,
        `the output writes to ${output.path}`,
        "If the file was moved, say --as and the path that it had; or name --group instead of --output",
      );
    }
    logs.add(found.log);
    dates.add(found.dateKey);
  }
  if (logs.size > 1) {
    throw badArgument("the files are of several logs", "each log has an order of its own", "Verify them one by one");
  }
  if (dates.size > 1 && output.time === "event") {
    throw badArgument(
      "the files are of several dates",
      "with `time: event` lines of several dates alternate on the bus",
      "Verify them one by one",
    );
  }
  const cache = new Map<string, boolean>();
  return (path) => {
    let meant = cache.get(path);
    if (meant === undefined) {
      const found = template.recognise(path);
      meant = found !== undefined && logs.has(found.log) && dates.has(found.dateKey);
      if (cache.size > 10_000) cache.clear();
      cache.set(path, meant);
    }
    return meant;
  };
}

function badArgument(what: string, why: string, fix: string): LogspreadError {
  return new LogspreadError("BAD_ARGUMENT", { what, why, fix });
}
