/**
 * What an access log line says, in one shape whatever format it came in: one record is filled anew for each line, so that
 * a line costs no object and no string. Numbers are numbers; text stays bytes, of which the record knows the places.
 */

/** Names of the text fields, in the order of their numbers below. */
export const TEXT_FIELDS = [
  "address",
  "peer",
  "user",
  "request",
  "method",
  "target",
  "protocol",
  "path",
  "query",
  "scheme",
  "vhost",
  "referrer",
  "agent",
  "cookie",
  "country",
  "cache",
  "request_id",
  "trace",
  "forwarded",
  "upstream",
  "upstream_status",
  "upstream_times",
  "server",
  "route",
  "tls",
  "type",
  "state",
  "time",
  "rest",
] as const;

export type TextField = (typeof TEXT_FIELDS)[number];

/** The client: the address (or host name) that the server takes the request to be from. */
export const ADDRESS = 0;
/** Who was connected, where that is another: the last proxy. */
export const PEER = 1;
export const USER = 2;
/** The whole request line, where the format has one: "GET /a?b HTTP/1.1", or whatever a client sent instead. */
export const REQUEST = 3;
// A request line is split into these three at once: they stay together.
export const METHOD = 4;
/** Path and query as logged. */
export const TARGET = 5;
export const PROTOCOL = 6;
/** The target up to its question mark. */
export const PATH = 7;
/** What follows the target's question mark. */
export const QUERY = 8;
export const SCHEME = 9;
/** The host that was asked for, without a port where the format tells the two apart. */
export const VHOST = 10;
export const REFERRER = 11;
export const AGENT = 12;
/** The cookie whose name was asked for (`ParserOptions.cookie`). */
export const COOKIE = 13;
/** Two letters, where the server looked it up. */
export const COUNTRY = 14;
/** HIT, MISS and the like, as the server calls it. */
export const CACHE = 15;
export const REQUEST_ID = 16;
export const TRACE = 17;
/** X-Forwarded-For: a list, and what a client likes to claim. */
export const FORWARDED = 18;
/** Which server behind it answered; in nginx a list. */
export const UPSTREAM = 19;
export const UPSTREAM_STATUS = 20;
/** The upstream's times as logged: a list of which `upstreamUs` is the sum. */
export const UPSTREAM_TIMES = 21;
/** The machine that wrote the line, if the line says so (a syslog header, the name of a load balancer). */
export const SERVER = 22;
/** Router, frontend or upstream's name. */
export const ROUTE = 23;
/** TLS version. */
export const TLS = 24;
/** Content-Type of the answer. */
export const TYPE = 25;
/** How the request ended: HAProxy's termination state, Apache's %X. */
export const STATE = 26;
/** The event's time as logged. */
export const TIME = 27;
/** What follows the format in the line. */
export const REST = 28;

/** A number that the line does not say, or says to have never happened (`-`, HAProxy's and ALB's -1). */
export const ABSENT = -1;

export class AccessRecord {
  /**
   * The bytes that the places below are in: the line's, or a copy where its format has escapes that had to be undone. The
   * copy holds until the next line is parsed.
   */
  bytes: Buffer = Buffer.alloc(0);
  /** Start and end (exclusive) of text field f at 2f and 2f + 1; both -1 if absent. An empty field is present. */
  readonly extents: Int32Array = new Int32Array(TEXT_FIELDS.length * 2).fill(-1);

  /** The event's time as printed, µs since the epoch. Which end of the request it marks, the parser says (`marks`). */
  timeUs: number = ABSENT;
  /** When the request began; the same as `timeUs` if only the end and no duration is known. */
  startUs: number = ABSENT;
  /** When it ended; the same as `timeUs` if only the start and no duration is known. */
  endUs: number = ABSENT;
  /** 0 to 999. */
  status: number = ABSENT;
  /** Bytes of the answer: of its body or on the wire, as the parser's `sizeKind` says. */
  size: number = ABSENT;
  /** Bytes of the request. */
  requestSize: number = ABSENT;
  durationUs: number = ABSENT;
  /** To the first byte of the answer. */
  ttfbUs: number = ABSENT;
  /** Spent on servers behind this one: the sum, if it tried several. */
  upstreamUs: number = ABSENT;
  /** The last of them only: the one that answered. */
  upstreamLastUs: number = ABSENT;
  /** The line was cut or departs from its format after the time: what is missing is absent. */
  truncated = false;

  /** Makes all absent. */
  reset(bytes: Buffer): void {
    this.bytes = bytes;
    this.extents.fill(-1);
    this.timeUs = ABSENT;
    this.startUs = ABSENT;
    this.endUs = ABSENT;
    this.status = ABSENT;
    this.size = ABSENT;
    this.requestSize = ABSENT;
    this.durationUs = ABSENT;
    this.ttfbUs = ABSENT;
    this.upstreamUs = ABSENT;
    this.upstreamLastUs = ABSENT;
    this.truncated = false;
  }

  /** Whether text field `field` (ADDRESS, ...) is in the line; it may be empty. */
  has(field: number): boolean {
    return this.extents[field * 2]! >= 0;
  }

  /** Text field `field` as a string, or undefined if absent. Makes a string: not for every line. */
  text(field: number): string | undefined {
    const from = this.extents[field * 2]!;
    return from < 0 ? undefined : this.bytes.toString("utf8", from, this.extents[field * 2 + 1]);
  }
}
