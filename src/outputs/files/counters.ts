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

export function newFilesCounters(): FilesCounters {
  return {
    position: 0,
    durablePosition: 0,
    linesWritten: 0,
    bytesWritten: 0,
    linesExcluded: 0,
    linesUnparsed: 0,
    linesLate: 0,
    linesOverflowed: 0,
    linesBuffered: 0,
    bytesBuffered: 0,
    messagesGone: 0,
    batchesDamaged: 0,
    errors: 0,
    filesOpen: 0,
    filesTracked: 0,
    filesRotated: 0,
    filesCompressed: 0,
    filesToCompress: 0,
    filesDeleted: 0,
    truncations: 0,
    reopens: 0,
    checkpoints: 0,
  };
}
