/** What the metrics' thread has done; the node reads it for /metrics. All are plain numbers. */
export interface MetricsCounters {
  /** The last position that is counted. */
  position: number;
  /** Bus time to which everything is counted, µs. */
  nowUs: number;
  batchesRead: number;
  /** Batches that could not be opened and were skipped. */
  batchesDamaged: number;
  /** Gone from the bus before they were read. */
  messagesGone: number;
  minutesStored: number;
  notificationsSent: number;
  notificationsFailed: number;
  notificationsDropped: number;
  /** Failed tries to write history; each is followed by another. */
  errors: number;
  /** Bytes that the tables hold. */
  tableBytes: number;
}

const NAMES = [
  "position",
  "nowUs",
  "batchesRead",
  "batchesDamaged",
  "messagesGone",
  "minutesStored",
  "notificationsSent",
  "notificationsFailed",
  "notificationsDropped",
  "errors",
  "tableBytes",
] as const satisfies readonly (keyof MetricsCounters)[];

/** Memory of counters at 0, for both threads. */
export function newCounterMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(NAMES.length * 8);
}

/** The counters in `shared`. */
export function countersIn(shared: SharedArrayBuffer): MetricsCounters {
  const values = new Float64Array(shared);
  const counters = {} as MetricsCounters;
  for (const [i, name] of NAMES.entries()) {
    Object.defineProperty(counters, name, {
      enumerable: true,
      get: () => values[i],
      set: (value: number) => {
        values[i] = value;
      },
    });
  }
  return counters;
}
