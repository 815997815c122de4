/** What a file output has done since its process started; the node reads it for /metrics. All are plain numbers. */
export interface FilesCounters {
  /** Last position that is written to the files, and the last that is also fsynced. */
  position: number;
  durablePosition: number;
  linesWritten: number;
  bytesWritten: number;
  /** Kept out by match or exclude. */
  linesExcluded: number;
  /** Without a timestamp where one was needed, or not in the format as far as the path needs it; written all the same. */
  linesUnparsed: number;
  /** order: event-time: came after later lines had been written. */
  linesLate: number;
  /** Written to the file `other`, because of maxPathsPerDay or because their path leads out of the base folder. */
  linesOverflowed: number;
  /** Lines and bytes that wait for earlier ones. */
  linesBuffered: number;
  bytesBuffered: number;
  /** Gone from the bus before they were read. */
  messagesGone: number;
  /** Batches that could not be opened and were skipped. */
  batchesDamaged: number;
  /** Failed tries to write; each is followed by another. */
  errors: number;
  filesOpen: number;
  filesTracked: number;
  filesRotated: number;
  filesCompressed: number;
  /** Closed files that wait for compression or are in it. */
  filesToCompress: number;
  filesDeleted: number;
  /** Files that were found shorter than they had been, as after copytruncate. */
  truncations: number;
  reopens: number;
  checkpoints: number;
}

const NAMES = [
  "position",
  "durablePosition",
  "linesWritten",
  "bytesWritten",
  "linesExcluded",
  "linesUnparsed",
  "linesLate",
  "linesOverflowed",
  "linesBuffered",
  "bytesBuffered",
  "messagesGone",
  "batchesDamaged",
  "errors",
  "filesOpen",
  "filesTracked",
  "filesRotated",
  "filesCompressed",
  "filesToCompress",
  "filesDeleted",
  "truncations",
  "reopens",
  "checkpoints",
] as const satisfies readonly (keyof FilesCounters)[];

/** Counters at 0, or those in `shared`: memory that threads have in common. */
export function newFilesCounters(shared = new SharedArrayBuffer(NAMES.length * 8)): FilesCounters {
  const values = new Float64Array(shared);
  const counters = {} as FilesCounters;
  for (const [i, name] of NAMES.entries()) {
    Object.defineProperty(counters, name, {
      enumerable: true,
      get: () => values[i],
      set: (value: number) => {
        values[i] = value;
      },
    });
  }
  MEMORY.set(counters, shared);
  return counters;
}

const MEMORY = new WeakMap<FilesCounters, SharedArrayBuffer>();

/** The memory of counters that `newFilesCounters` made: another thread makes the same counters of it. */
export function sharedMemoryOf(counters: FilesCounters): SharedArrayBuffer {
  return MEMORY.get(counters)!;
}
