/** What a full spool does: drops the oldest or the newest batches and counts them, or makes the input wait. */
export const ON_FULL = ["drop-oldest", "drop-newest", "block"] as const;
export type OnFull = (typeof ON_FULL)[number];
