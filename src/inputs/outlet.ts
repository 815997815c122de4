import type { Batch, Loss } from "../message/batch.ts";

/** Where an input's batches go: the spool. */
export interface Outlet {
  /** Resolves when the batch is kept, or counted as lost. Batches stay in the order of the calls. */
  publish(batch: Batch): Promise<void>;
  /** Nothing waits to be sent: a batch given now goes out at once. */
  readonly idle: boolean;
  /** Calls `listener` whenever it becomes idle. */
  onIdle(listener: () => void): void;
  /** What this publisher has lost so far, for the frames that it makes. */
  losses(): readonly Loss[];
}
