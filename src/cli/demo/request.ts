/** One request to the simulated site, and its line in Apache's combined format with %D at the end. */
export interface Request {
  /** When it began, ms since the epoch. */
  readonly atMs: number;
  /** How long it took, µs: it is logged when it ends. */
  readonly durationUs: number;
  readonly address: string;
  readonly user: string;
  readonly method: "GET" | "POST" | "HEAD";
  readonly target: string;
  readonly protocol: string;
  readonly status: number;
  /** Bytes of the body sent. */
  readonly bytes: number;
  readonly referrer: string;
  readonly agent: string;
}

/** When the request's line is written, ms since the epoch. */
export function endMs(request: Request): number {
  return request.atMs + request.durationUs / 1000;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** The log line, with its newline; `skewMs` is how far the server's clock is ahead. */
export function lineOf(r: Request, skewMs: number): string {
  const size = r.bytes === 0 ? "-" : r.bytes;
  const request = `${r.method} ${r.target} ${r.protocol}`;
  const duration = Math.round(r.durationUs);
  return `${r.address} - ${r.user} [${clfTime(r.atMs + skewMs)}] "${request}" ${r.status} ${size} "${r.referrer}" "${r.agent}" ${duration}\n`;
}

/** Apache's %t, in UTC: 24/Nov/2026:10:00:00 +0000. */
function clfTime(ms: number): string {
  const iso = new Date(ms).toISOString();
  return `${iso.slice(8, 10)}/${MONTHS[Number(iso.slice(5, 7)) - 1]}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`;
}
