/** A bus time as people and JSON read it, exact to the microsecond: "2026-07-25T13:55:36.000123Z". */
export function isoOfUs(us: number): string {
  const ms = Math.floor(us / 1000);
  return `${new Date(ms).toISOString().slice(0, -1)}${String(us - ms * 1000).padStart(3, "0")}Z`;
}
