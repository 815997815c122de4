/** Figures that fit into a cell; what is not known is a dash, never a zero. */
import { bytes, grouped, seconds, share } from "../report/figures.ts";
import type { Look } from "./line.ts";

export interface Figures {
  /** "1,234,567", "12.3M". */
  count(value: number | null): string;
  /** The same of a rate, with one decimal where it is small. */
  rate(value: number | null): string;
  bytes(value: number | null): string;
  seconds(value: number | null): string;
  share(value: number | null): string;
  /** "2.1×". */
  times(value: number | null): string;
  /** "+120 ms"; less than a millisecond is none. */
  skew(value: number | null): string;
}

/** For `look`: without it nothing but ASCII. */
export function figuresFor(look: Look): Figures {
  const known = (format: (value: number) => string) => (value: number | null) =>
    value === null || !Number.isFinite(value) ? look.none : format(value);
  const time = (value: number) => (look.ascii ? seconds(value).replace("µ", "u") : seconds(value));
  return {
    count: known(count),
    rate: known((value) => (value > 0 && value < 99.95 ? value.toFixed(1) : count(value))),
    bytes: known((value) => (value < 1e18 ? bytes(value) : `${value.toExponential(1)} B`)),
    seconds: known((value) => (value < 1e9 ? time(value) : `${value.toExponential(1)} s`)),
    share: known(share),
    times: known((value) => (value < 99.95 ? value.toFixed(1) : count(value)) + look.times),
    skew: known(skew),
  };
}

function skew(s: number): string {
  const ms = Math.round(Math.abs(s) * 1000);
  const text = ms < 1000 ? `${ms} ms` : ms < 1e6 ? seconds(ms / 1000) : span(ms / 1000);
  return ms === 0 ? text : `${s < 0 ? "-" : "+"}${text}`;
}

/** Seven digits in full, as far as a counter is read digit by digit; more with a unit. */
function count(value: number): string {
  if (Math.abs(value) < 9_999_999.5) return grouped(value);
  const units = ["M", "G", "T", "P", "E"];
  let scaled = value / 1e6;
  let unit = 0;
  for (; Math.abs(scaled) >= 999.5 && unit < units.length - 1; unit++) scaled /= 1000;
  return Math.abs(scaled) < 1e6 ? `${Number(scaled.toPrecision(3))}${units[unit]}` : value.toExponential(1);
}

/** "45 s", "12 min", "3.5 h", "2 d": how long something takes or is ago. */
export function span(s: number): string {
  const whole = Math.max(0, s);
  if (whole < 10) return `${whole.toFixed(1)} s`;
  if (whole < 120) return `${Math.floor(whole)} s`;
  if (whole < 7200) return `${Math.floor(whole / 60)} min`;
  if (whole < 172_800) return `${Number((whole / 3600).toFixed(1))} h`;
  return whole < 1e9 ? `${Math.floor(whole / 86_400)} d` : "ages";
}

/** "13:55:36" here. */
export function clock(us: number): string {
  const date = new Date(us / 1000);
  if (Number.isNaN(date.getTime())) return "--:--:--";
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((n) => String(n).padStart(2, "0")).join(":");
}
