/** One parsed line as the metrics see it: in numbers and slices, privacy already applied. */

/** Bytes of a longer buffer; empty when `from === to`. They hold until the next line: copy what you keep. */
export interface Slice {
  readonly bytes: Buffer;
  readonly from: number;
  readonly to: number;
}

/**
 * What the parts of the engine are told of a request. The engine has one object and fills it anew for every line, so that
 * a line costs none. Empty slices and -1 stand for what the line does not say.
 */
export interface Request {
  readonly group: string;
  readonly server: string;
  /** By the engine's clock (bus time when live, event time in a report), µs since the epoch. */
  readonly timeUs: number;
  /** What the line itself says, µs since the epoch; NaN if it says nothing (or was not asked, see `EngineConfig.clock`). */
  readonly eventUs: number;
  /** 64 bits of hash, as two integers, of what tells visitors apart: the user, or address and agent. */
  readonly visitorHigh: number;
  readonly visitorLow: number;
  readonly address: Slice;
  readonly user: Slice;
  readonly method: Slice;
  /** Path, with the query as far as privacy lets it. */
  readonly page: Slice;
  readonly protocol: Slice;
  readonly vhost: Slice;
  readonly referrer: Slice;
  readonly agent: Slice;
  /** The agent belongs to a known robot. */
  readonly robot: boolean;
  /** 100 to 599, or 0 if unknown. */
  readonly status: number;
  /** Of the response; -1 if unknown. */
  readonly bytes: number;
  /** -1 if unknown. */
  readonly durationUs: number;
}
