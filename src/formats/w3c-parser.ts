/**
 * Parsers of W3C extended logs (CloudFront, IIS): a `#Fields:` line says what stands where and may come again with other
 * fields in the middle of a file.
 */
import { Filler, type Taken } from "./fill.ts";
import { type LineParser, MAX_LINE_BYTES, type Outcome } from "./line-parser.ts";
import { DURATION, EVENT_TIME, MEANINGS, type Meaning, TTFB } from "./meanings.ts";
import { type AccessRecord, REST } from "./record.ts";
import { Scratch } from "./scratch.ts";
import { fieldsOf } from "./text-parser.ts";
import { AnyTime, timeReader } from "./time-reader.ts";
import { unescapeUrl } from "./unescape.ts";
import { UTC } from "./zone.ts";

const TAB = 9;
const SPACE = 32;
const HASH = 35;
const FIELDS = Buffer.from("#Fields:");
const MAX_FIELDS = 200;

export interface W3cPreset {
  readonly name: string;
  readonly of: string;
  /** The fields of lines before which no `#Fields:` line has come. */
  readonly fields: string;
  readonly separator: "tab" | "space";
  /** Units of `time-taken`: CloudFront writes s, IIS ms. */
  readonly timeTaken: "s" | "ms";
  /** A plus in an agent is a blank. */
  readonly plus: boolean;
  readonly sizeKind: "body" | "wire";
  readonly example: string;
}

export const W3C_PRESETS: readonly W3cPreset[] = [
  {
    name: "cloudfront",
    of: "AWS CloudFront, standard logs",
    separator: "tab",
    timeTaken: "s",
    plus: false,
    sizeKind: "wire",
    fields:
      "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end",
    example:
      "2026-11-24\t13:55:36\tFRA56-P4\t2587\t192.0.2.7\tGET\td111111abcdef8.cloudfront.net\t/news\t200\thttps://example.org/\tMozilla/5.0%20(X11;%20Linux%20x86_64)\tpage=2\t-\tHit\tSOX4xwn4XV6Q4rgb7XiVGOHms_BGlTAC4KyHmureZmBNrjGdRLiNIQ==\twww.example.org\thttps\t421\t0.148\t-\tTLSv1.3\tTLS_AES_128_GCM_SHA256\tHit\tHTTP/2.0\t-\t-\t11040\t0.121\tHit\ttext/html\t2326\t-\t-",
  },
  {
    name: "w3c",
    of: "IIS and others with a #Fields: line",
    separator: "space",
    timeTaken: "ms",
    plus: true,
    sizeKind: "wire",
    fields:
      "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken",
    example:
      "2026-11-24 13:55:36 10.0.0.1 GET /news page=2 443 - 192.0.2.7 Mozilla/5.0+(X11;+Linux+x86_64) https://example.org/ 200 0 0 148",
  },
];

function meaning(name: string): Meaning {
  return MEANINGS.get(name)!;
}

/** What the fields mean; of two that mean the same, the earlier in this list is taken. */
const MEANS: ReadonlyMap<string, Meaning> = new Map([
  ["c-ip", meaning("address")],
  ["cs-username", meaning("user")],
  ["cs-method", meaning("method")],
  ["cs-uri-stem", meaning("target")],
  ["cs-uri", meaning("target")],
  ["cs-uri-query", meaning("query")],
  ["cs-protocol-version", meaning("protocol")],
  ["cs-version", meaning("protocol")],
  ["cs-protocol", meaning("scheme")],
  ["x-host-header", meaning("vhost")],
  ["cs-host", meaning("vhost")],
  ["cs(host)", meaning("vhost")],
  ["cs(referer)", meaning("referrer")],
  ["cs(user-agent)", meaning("agent")],
  ["cs-user-agent", meaning("agent")],
  ["cs(cookie)", meaning("cookies")],
  ["c-country", meaning("country")],
  ["x-edge-result-type", meaning("cache")],
  ["x-edge-request-id", meaning("request_id")],
  ["x-forwarded-for", meaning("forwarded")],
  ["x-edge-location", meaning("server")],
  ["s-computername", meaning("server")],
  ["s-ip", meaning("server")],
  ["ssl-protocol", meaning("tls")],
  ["sc-content-type", meaning("type")],
  ["sc-status", meaning("status")],
  ["sc-bytes", meaning("size")],
  ["cs-bytes", meaning("request_size")],
]);

const NAMES = [...MEANS.keys()];

/** Where the fields that one `#Fields:` line names go. */
interface Layout {
  readonly count: number;
  readonly filler: Filler;
  /** Index of the field `time`, if `date` stands right before it; -1 if not. */
  readonly time: number;
  /** Index of the agent, whose escapes are undone; -1 if there is none. */
  readonly agent: number;
  readonly extents: Int32Array;
  readonly fields: readonly string[];
}

export class W3cParser implements LineParser {
  readonly name: string;
  readonly marks = "end";
  readonly sizeKind: "body" | "wire";
  readonly #preset: W3cPreset;
  readonly #cookie: string | undefined;
  readonly #scratch = new Scratch();
  #header = Buffer.alloc(0);
  #layout: Layout;

  constructor(preset: W3cPreset, { cookie }: { readonly cookie: string | undefined }) {
    this.name = preset.name;
    this.sizeKind = preset.sizeKind;
    this.#preset = preset;
    this.#cookie = cookie;
    this.#layout = layoutOf(preset.fields.split(" "), preset, cookie);
  }

  get fields(): readonly string[] {
    return this.#layout.fields;
  }

  parse(bytes: Buffer, from: number, to: number, into: AccessRecord): Outcome {
    into.reset(bytes);
    if (to > from && bytes[to - 1] === 13) to--;
    if (to <= from) return "empty";
    if (to - from > MAX_LINE_BYTES) return "too-long";
    if (bytes[from] === HASH) {
      this.#readHeader(bytes, from, to);
      return "header";
    }
    return this.#line(bytes, from, to, into);
  }

  #readHeader(bytes: Buffer, from: number, to: number): void {
    if (bytes.compare(FIELDS, 0, FIELDS.length, from, Math.min(from + FIELDS.length, to)) !== 0) return;
    // The same header again, as every rotated file has it, changes nothing.
    if (bytes.compare(this.#header, 0, this.#header.length, from, to) === 0) return;
    const names = bytes
      .toString("latin1", from + FIELDS.length, to)
      .trim()
      .split(/\s+/)
      .slice(0, MAX_FIELDS);
    this.#header = Buffer.from(bytes.subarray(from, to));
    this.#layout = layoutOf(names, this.#preset, this.#cookie);
  }

  #line(bytes: Buffer, from: number, to: number, into: AccessRecord): Outcome {
    const { count, extents, time, agent, filler } = this.#layout;
    const separator = this.#preset.separator === "tab" ? TAB : SPACE;
    extents.fill(-1);
    let at = from;
    let found = 0;
    while (found < count) {
      let end = at;
      while (end < to && bytes[end] !== separator) end++;
      extents[found * 2] = at;
      extents[found * 2 + 1] = end;
      found++;
      at = end + 1;
      if (end >= to) break;
    }
    if (found === 1 && count > 1) return "mismatch";
    const whole = found === count;
    if (time >= 0) {
      if (extents[time * 2]! < 0 || (!whole && time === found - 1)) return "too-short";
      extents[time * 2] = extents[time * 2 - 2]!; // the date belongs to the time
    }
    if (agent >= 0 && extents[agent * 2]! >= 0) this.#decode(bytes, from, to, extents, agent, into);
    const outcome = filler.fill(extents, whole ? -1 : found - 1, into);
    if (outcome !== "ok") return outcome;
    if (whole && at < to) {
      const moved = into.bytes === bytes ? 0 : from;
      into.extents[REST * 2] = at - moved;
      into.extents[REST * 2 + 1] = to - moved;
    }
    if (whole) return "ok";
    if (time < 0 && found < 2) return "too-short";
    into.truncated = true;
    return "truncated";
  }

  /** The agent is URL-encoded; CloudFront encodes some a second time. */
  #decode(bytes: Buffer, from: number, to: number, extents: Int32Array, agent: number, into: AccessRecord): void {
    const { plus } = this.#preset;
    let odd = false;
    for (let p = extents[agent * 2]!; p < extents[agent * 2 + 1]!; p++) {
      if (bytes[p] === 37 || (plus && bytes[p] === 43)) {
        odd = true;
        break;
      }
    }
    if (!odd) return;
    const scratch = this.#scratch;
    scratch.take(bytes, from, to, extents);
    const out = scratch.bytes;
    const start = scratch.end;
    let end = unescapeUrl(out, extents[agent * 2]!, extents[agent * 2 + 1]!, out, start, plus);
    if (!plus) end = unescapeUrl(out, start, end, out, start, false);
    scratch.put(agent, end, extents);
    into.bytes = out;
  }
}

function layoutOf(names: readonly string[], preset: W3cPreset, cookie: string | undefined): Layout {
  const lower = names.map((name) => name.toLowerCase());
  const taken: Taken[] = [];
  for (const name of NAMES) {
    const index = lower.indexOf(name);
    if (index >= 0) taken.push({ index, meaning: MEANS.get(name)! });
  }
  const unitUs = preset.timeTaken === "s" ? 1_000_000 : 1000;
  const duration = lower.indexOf("time-taken");
  if (duration >= 0) taken.push({ index: duration, meaning: { kind: DURATION, slot: -1, unitUs, field: "duration" } });
  const ttfb = lower.indexOf("time-to-first-byte");
  if (ttfb >= 0) taken.push({ index: ttfb, meaning: { kind: TTFB, slot: -1, unitUs: 1_000_000, field: "ttfb" } });
  const timeAt = lower.indexOf("time");
  const time = timeAt > 0 && lower[timeAt - 1] === "date" ? timeAt : -1;
  const stamp = time >= 0 ? time : lower.indexOf("timestamp");
  if (stamp >= 0) {
    const dated = preset.separator === "tab" ? "%Y-%m-%d\t%H:%M:%S%.f" : "%Y-%m-%d %H:%M:%S%.f";
    const reader = time >= 0 ? timeReader(dated, UTC) : new AnyTime(UTC);
    taken.push({ index: stamp, meaning: { kind: EVENT_TIME, slot: -1, unitUs: 1, field: "time" }, time: reader });
  }
  return {
    count: names.length,
    filler: new Filler(taken, { marks: "end", urls: false, cookie, requestSplit: true }),
    time,
    agent: lower.findIndex((name) => name === "cs(user-agent)" || name === "cs-user-agent"),
    extents: new Int32Array(names.length * 2),
    fields: fieldsOf(taken.map((each) => each.meaning)),
  };
}
