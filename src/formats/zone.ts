import { LogspreadError } from "../message/error.ts";

/** A time zone: what is to be added to UTC at a moment. */
export interface Zone {
  readonly name: string;
  /** Minutes east of UTC at `us` (µs since the epoch). */
  offsetMinutesAt(us: number): number;
}

export const UTC: Zone = { name: "UTC", offsetMinutesAt: () => 0 };

/** "UTC", a fixed offset ("+02:00", "-0330") or an IANA name ("Europe/Berlin"). Throws BAD_CONFIG for anything else. */
export function zoneOf(name: string): Zone {
  if (name === "UTC" || name === "Z") return UTC;
  const fixed = /^([+-])(\d\d):?(\d\d)$/.exec(name);
  if (fixed && Number(fixed[2]) < 24 && Number(fixed[3]) < 60) {
    const minutes = (Number(fixed[2]) * 60 + Number(fixed[3])) * (fixed[1] === "-" ? -1 : 1);
    return { name, offsetMinutesAt: () => minutes };
  }
  return namedZone(name);
}

// No zone changes its offset but at a quarter of an hour, so one look at Intl serves that long.
const QUARTER_US = 15 * 60 * 1_000_000;

function namedZone(name: string): Zone {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat("en-US", { timeZone: name, timeZoneName: "longOffset" });
  } catch (cause) {
    throw new LogspreadError(
      "BAD_CONFIG",
      {
        what: `time zone ${JSON.stringify(name)}`,
        why: "it is not known",
        fix: "Use UTC, an offset such as +02:00, or a name such as Europe/Berlin",
      },
      { cause },
    );
  }
  let quarter = Number.NaN;
  let minutes = 0;
  return {
    name,
    offsetMinutesAt(us) {
      const now = Math.floor(us / QUARTER_US);
      if (now === quarter) return minutes;
      quarter = now;
      // "GMT", "GMT+02:00", or with seconds for moments before 1900.
      const text = format.formatToParts(us / 1000).find((part) => part.type === "timeZoneName")!.value;
      const found = /^GMT([+-])(\d\d):(\d\d)/.exec(text);
      minutes = found ? (Number(found[2]) * 60 + Number(found[3])) * (found[1] === "-" ? -1 : 1) : 0;
      return minutes;
    },
  };
}
