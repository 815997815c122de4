/** Fills a record from the places where a format's fields were found. The one such code for formats of all kinds. */
import type { Outcome } from "./line-parser.ts";
import * as is from "./meanings.ts";
import {
  ABSENT,
  type AccessRecord,
  METHOD,
  PATH,
  QUERY,
  REQUEST,
  SCHEME,
  TARGET,
  TIME,
  UPSTREAM_TIMES,
  VHOST,
} from "./record.ts";
import { splitRequest } from "./request-line.ts";
import type { TimeReader } from "./time-reader.ts";
import { durationAt, UpstreamTimes, wholeAt } from "./values.ts";

const MINUS = 45;
const QUESTION = 63;
const COLON = 58;
const SLASH = 47;

/** One value to take: from which place in the table of extents, and what it means. */
export interface Taken {
  readonly index: number;
  readonly meaning: is.Meaning;
  /** How to read it, if it is a time. */
  readonly time?: TimeReader;
}

export interface FillerSettings {
  readonly marks: "start" | "end";
  /** Targets are whole URLs: the path is the URL's, and the host too if nothing else says it. */
  readonly urls: boolean;
  /** Which cookie of a Cookie header is wanted. */
  readonly cookie: string | undefined;
  /** Whether the request line has been split by whoever found it. */
  readonly requestSplit: boolean;
}

export class Filler {
  /** Plain text that nothing else in the format is an alternative of: place in `extents`, place in the record, and so on. */
  readonly #plain: Int32Array;
  // The rest, in order of preference.
  readonly #kinds: Int32Array;
  readonly #indices: Int32Array;
  readonly #slots: Int32Array;
  readonly #units: Float64Array;
  readonly #times: readonly (TimeReader | undefined)[];
  readonly #marksEnd: boolean;
  readonly #urls: boolean;
  readonly #split: boolean;
  readonly #cookie: Uint8Array | undefined;
  readonly #upstream = new UpstreamTimes();

  /** `taken` in order of preference: of two values that mean the same, the first that the line has is kept. */
  constructor(taken: readonly Taken[], { marks, urls, cookie, requestSplit }: FillerSettings) {
    const isPlain = ({ meaning }: Taken): boolean =>
      (meaning.kind === is.TEXT || meaning.kind === is.TARGET_TEXT) &&
      taken.filter((other) => other.meaning.slot === meaning.slot).length === 1;
    this.#plain = Int32Array.from(taken.filter(isPlain).flatMap(({ index, meaning }) => [index * 2, meaning.slot * 2]));
    const others = taken.filter((each) => !isPlain(each));
    this.#kinds = Int32Array.from(others, ({ meaning }) => meaning.kind);
    this.#indices = Int32Array.from(others, ({ index }) => index * 2);
    this.#slots = Int32Array.from(others, ({ meaning }) => meaning.slot * 2);
    this.#units = Float64Array.from(others, ({ meaning }) => meaning.unitUs);
    this.#times = others.map(({ time }) => time);
    this.#marksEnd = marks === "end";
    this.#urls = urls;
    this.#split = requestSplit;
    this.#cookie = cookie === undefined ? undefined : Buffer.from(`${cookie}=`);
  }

  /**
   * Fills `into`, which has been reset, with what `extents` point to in its bytes. `cut` is the index of the field at
   * which the line ended, -1 if none did: of a number that was cut, nothing is known.
   */
  fill(extents: Int32Array, cut: number, into: AccessRecord): Outcome {
    const bytes = into.bytes;
    const places = into.extents;
    const plain = this.#plain;
    for (let i = 0; i < plain.length; i += 2) {
      const at = plain[i]!;
      const from = extents[at]!;
      if (from < 0) continue;
      const to = extents[at + 1]!;
      if (to - from === 1 && bytes[from] === MINUS) continue;
      const slot = plain[i + 1]!;
      places[slot] = from;
      places[slot + 1] = to;
    }
    const kinds = this.#kinds;
    const cutAt = cut * 2;
    let badTime = false;
    for (let i = 0; i < kinds.length; i++) {
      const at = this.#indices[i]!;
      const from = extents[at]!;
      if (from < 0) continue;
      const to = extents[at + 1]!;
      const kind = kinds[i]!;
      if (kind < is.STATUS) {
        if (to - from === 1 && bytes[from] === MINUS) continue;
        const slot = this.#slots[i]!;
        if (places[slot]! >= 0) continue;
        if (kind === is.TEXT || kind === is.TARGET_TEXT) {
          places[slot] = from;
          places[slot + 1] = to;
        } else this.#oddText(kind, bytes, from, to, places, slot);
        continue;
      }
      if (at === cutAt) continue;
      switch (kind) {
        case is.EVENT_TIME:
        case is.START_TIME:
        case is.END_TIME: {
          if (
            kind === is.EVENT_TIME ? into.timeUs >= 0 : kind === is.START_TIME ? into.startUs >= 0 : into.endUs >= 0
          ) {
            continue;
          }
          if (to - from <= 1 && (to === from || bytes[from] === MINUS)) continue;
          const reader = this.#times[i]!;
          if (!reader.read(bytes, from, to)) {
            if (kind === is.EVENT_TIME) return "bad-time";
            badTime = true; // there may be another
            continue;
          }
          if (kind === is.EVENT_TIME) into.timeUs = reader.us;
          else if (kind === is.START_TIME) into.startUs = reader.us;
          else into.endUs = reader.us;
          if (kind === is.EVENT_TIME || places[TIME * 2]! < 0) {
            places[TIME * 2] = from;
            places[TIME * 2 + 1] = to;
          }
          break;
        }
        case is.STATUS: {
          if (into.status >= 0) continue;
          const status = wholeAt(bytes, from, to);
          if (status >= 0 && status <= 999) into.status = status;
          else if (to > from && bytes[from] !== MINUS) return "bad-status";
          break;
        }
        case is.SIZE:
          if (into.size < 0) into.size = wholeAt(bytes, from, to);
          break;
        case is.SIZE_CLF:
          if (into.size < 0) into.size = to - from === 1 && bytes[from] === MINUS ? 0 : wholeAt(bytes, from, to);
          break;
        case is.REQUEST_SIZE:
          if (into.requestSize < 0) into.requestSize = wholeAt(bytes, from, to);
          break;
        case is.DURATION:
          if (into.durationUs < 0) into.durationUs = durationAt(bytes, from, to, this.#units[i]!);
          break;
        case is.DURATION_WHOLE:
          if (into.durationUs < 0) into.durationUs = wholeAt(bytes, from, to);
          break;
        case is.DURATION_POINT:
          if (into.durationUs < 0 && hasPoint(bytes, from, to)) {
            into.durationUs = durationAt(bytes, from, to, this.#units[i]!);
          }
          break;
        case is.TTFB:
          if (into.ttfbUs < 0) into.ttfbUs = durationAt(bytes, from, to, this.#units[i]!);
          break;
        case is.UPSTREAM_DURATION:
          if (into.upstreamUs < 0) {
            into.upstreamUs = durationAt(bytes, from, to, this.#units[i]!);
            into.upstreamLastUs = into.upstreamUs;
          }
          break;
        case is.UPSTREAM_LIST:
          this.#upstream.addUp(bytes, from, to);
          into.upstreamUs = this.#upstream.sumUs;
          into.upstreamLastUs = this.#upstream.lastUs;
          if (to - from !== 1 || bytes[from] !== MINUS) {
            places[UPSTREAM_TIMES * 2] = from;
            places[UPSTREAM_TIMES * 2 + 1] = to;
          }
          break;
        case is.HAPROXY_TIMERS:
          haproxyTimers(bytes, from, to, into);
          break;
        case is.ALB_TIMES:
          albTimes(bytes, extents, at, into);
          break;
      }
    }
    if (!this.#split && places[REQUEST * 2]! >= 0 && places[METHOD * 2]! < 0) {
      splitRequest(bytes, places[REQUEST * 2]!, places[REQUEST * 2 + 1]!, places, METHOD * 2);
    }
    if (places[TARGET * 2]! >= 0) this.#splitTarget(bytes, places);
    this.#settleTimes(into);
    return badTime && into.timeUs < 0 ? "bad-time" : "ok";
  }

  #oddText(kind: number, bytes: Buffer, from: number, to: number, places: Int32Array, slot: number): void {
    let first = from;
    let last = to;
    if (kind === is.TEXT_OR_EMPTY) {
      if (to === from) return;
    } else if (kind === is.QUERY_TEXT) {
      // Apache's %q is empty where there is no query.
      if (to === from) return;
      if (bytes[from] === QUESTION) first++;
    } else if (kind === is.ADDRESS_PORT) {
      last = lastOf(bytes, from, to, COLON);
      if (last < 0) last = to;
      if (bytes[first] === 91 && bytes[last - 1] === 93) {
        first++;
        last--;
      }
    } else if (this.#cookie !== undefined) {
      first = cookieAt(bytes, from, to, this.#cookie);
      if (first < 0) return;
      last = first;
      while (last < to && bytes[last] !== 59) last++;
    } else return;
    places[slot] = first;
    places[slot + 1] = last;
  }

  /** Path and query, from the target. */
  #splitTarget(bytes: Buffer, places: Int32Array): void {
    let from = places[TARGET * 2]!;
    const to = places[TARGET * 2 + 1]!;
    if (this.#urls && bytes[from] !== SLASH) from = this.#takeOrigin(bytes, from, to, places);
    let mark = from;
    while (mark < to && bytes[mark] !== QUESTION) mark++;
    if (places[PATH * 2]! < 0) {
      places[PATH * 2] = from;
      places[PATH * 2 + 1] = mark;
    }
    if (mark < to && places[QUERY * 2]! < 0) {
      places[QUERY * 2] = mark + 1;
      places[QUERY * 2 + 1] = to;
    }
  }

  /** Of "https://www.example.org:443/news" scheme and host; where its path starts. */
  #takeOrigin(bytes: Buffer, from: number, to: number, places: Int32Array): number {
    let colon = from;
    while (colon < to && colon - from < 8 && bytes[colon] !== COLON) colon++;
    if (colon + 3 > to || bytes[colon] !== COLON || bytes[colon + 1] !== SLASH || bytes[colon + 2] !== SLASH)
      return from;
    if (places[SCHEME * 2]! < 0) {
      places[SCHEME * 2] = from;
      places[SCHEME * 2 + 1] = colon;
    }
    const host = colon + 3;
    let path = host;
    while (path < to && bytes[path] !== SLASH && bytes[path] !== QUESTION) path++;
    if (places[VHOST * 2]! < 0) {
      let end = path;
      for (let p = path - 1; p > host && bytes[p]! >= 48 && bytes[p]! <= 58; p--) {
        if (bytes[p] === COLON) {
          end = p;
          break;
        }
      }
      places[VHOST * 2] = host;
      places[VHOST * 2 + 1] = end;
    }
    return path;
  }

  /** Start and end, from whichever of event time, start, end and duration the line has. */
  #settleTimes(into: AccessRecord): void {
    const duration = Math.max(into.durationUs, 0);
    const printed = into.timeUs;
    if (this.#marksEnd) {
      if (printed >= 0) into.endUs = printed;
      else if (into.endUs < 0) {
        if (into.startUs < 0) return;
        into.endUs = into.startUs + duration;
      }
      into.timeUs = into.endUs;
      if (into.startUs < 0) into.startUs = into.endUs - duration;
      else if (into.durationUs < 0 && into.endUs >= into.startUs) into.durationUs = into.endUs - into.startUs;
      return;
    }
    if (printed >= 0) into.startUs = printed;
    else if (into.startUs < 0) {
      if (into.endUs < 0) return;
      into.startUs = into.endUs - duration;
    }
    into.timeUs = into.startUs;
    // An end that was logged beside the start is the time of writing, to the second: start and duration know better.
    into.endUs = into.startUs + duration;
  }
}

function hasPoint(bytes: Uint8Array, from: number, to: number): boolean {
  for (let p = to - 1; p >= from; p--) if (bytes[p] === 46) return true;
  return false;
}

function lastOf(bytes: Uint8Array, from: number, to: number, byte: number): number {
  for (let p = to - 1; p >= from; p--) if (bytes[p] === byte) return p;
  return -1;
}

/** Where the value of the cookie starts that begins with `wanted` ("name="), or -1. */
function cookieAt(bytes: Uint8Array, from: number, to: number, wanted: Uint8Array): number {
  let at = from;
  while (at < to) {
    while (at < to && bytes[at] === 32) at++;
    let same = 0;
    while (same < wanted.length && at + same < to && bytes[at + same] === wanted[same]) same++;
    if (same === wanted.length) return at + same;
    while (at < to && bytes[at] !== 59) at++;
    at++;
  }
  return -1;
}

/**
 * TR/Tw/Tc/Tr/Ta in ms: received, queued, connected, answered, all. -1 is a stage that was never reached. The first byte
 * comes when the first four are over; the server was asked for the third and the fourth.
 */
function haproxyTimers(bytes: Uint8Array, from: number, to: number, into: AccessRecord): void {
  let at = from;
  let before = 0;
  let upstream = 0;
  for (let timer = 0; timer < 5 && at <= to; timer++) {
    let end = at;
    while (end < to && bytes[end] !== SLASH) end++;
    const us = durationAt(bytes, at, end, 1000);
    if (timer === 4) into.durationUs = us;
    else {
      before = us < 0 || before < 0 ? ABSENT : before + us;
      if (timer >= 2) upstream = us < 0 || upstream < 0 ? ABSENT : upstream + us;
      if (timer === 3) {
        into.ttfbUs = before;
        into.upstreamUs = upstream;
        into.upstreamLastUs = upstream;
      }
    }
    at = end + 1;
  }
}

/** request, target and response processing time in s, one after the other; -1 if the request was not sent on. */
function albTimes(bytes: Uint8Array, extents: Int32Array, last: number, into: AccessRecord): void {
  const request = durationAt(bytes, extents[last - 4]!, extents[last - 3]!, 1_000_000);
  const target = durationAt(bytes, extents[last - 2]!, extents[last - 1]!, 1_000_000);
  const response = durationAt(bytes, extents[last]!, extents[last + 1]!, 1_000_000);
  into.upstreamUs = target;
  into.upstreamLastUs = target;
  if (request < 0 || target < 0) return;
  into.ttfbUs = request + target;
  if (response >= 0) into.durationUs = request + target + response;
}
