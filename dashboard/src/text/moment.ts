/** Times of day in the reader's own zone, always with 24 hours. */

const MINUTE_S = 60;
const DAY_S = 86_400;

/** "14:03:09". */
export function clock(s: number): string {
  const at = new Date(s * 1000);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** "14:03". */
export function clockMinutes(s: number): string {
  return clock(s).slice(0, 5);
}

/** "24 Nov". */
export function day(s: number): string {
  const at = new Date(s * 1000);
  return `${at.getDate()} ${MONTHS[at.getMonth()]}`;
}

/** "24 Nov 14:03:09", without the day if it is today. */
export function moment(s: number, nowS = Date.now() / 1000): string {
  return day(s) === day(nowS) ? clock(s) : `${day(s)} ${clock(s)}`;
}

/** A mark on a time axis, as fine as the distance between two marks asks for. */
export function mark(s: number, distanceS: number): string {
  if (distanceS >= DAY_S / 2) return day(s);
  if (distanceS < MINUTE_S) return clock(s);
  const minutes = clockMinutes(s);
  return minutes === "00:00" ? day(s) : minutes;
}

/** For `<input type="datetime-local">`. */
export function localInput(s: number): string {
  const at = new Date(s * 1000);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${clock(s)}`;
}

/** Undefined if it is no time. */
export function fromLocalInput(text: string): number | undefined {
  const s = new Date(text).getTime() / 1000;
  return Number.isFinite(s) ? Math.floor(s) : undefined;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function two(n: number): string {
  return String(n).padStart(2, "0");
}
