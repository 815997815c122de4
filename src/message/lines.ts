/** Line splitting on bytes: hot paths, so native `indexOf` and no string. */

export const NEWLINE = 10;

/**
 * Counts the lines in `bytes`, every one of which ends in "\n".
 * `indexOf` is native: several times faster than a loop over `bytes[i]` at the usual 200 bytes a line.
 */
export function countLines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) count++;
  return count;
}

/** The offset just past the last "\n" of `bytes`, or 0 if it holds none. */
export function endOfLastLine(bytes: Buffer): number {
  return bytes.lastIndexOf(NEWLINE) + 1;
}
