/** What a value in a line means to the record: the vocabulary that formats of all kinds are translated into. */
import * as record from "./record.ts";

// Kinds of values. Plain numbers, so that filling a record is a jump table.
export const TEXT = 0;
/** Path and query in one. */
export const TARGET_TEXT = 1;
/** Client and port: "192.0.2.7:3317", "2001:db8::1:3317", "[2001:db8::1]:3317". */
export const ADDRESS_PORT = 2;
/** A Cookie header, of which one cookie is wanted. */
export const COOKIES = 3;
/** The query with or without its question mark. */
export const QUERY_TEXT = 4;
/** Text that an empty string is the absence of. */
export const TEXT_OR_EMPTY = 5;
export const STATUS = 10;
export const SIZE = 11;
/** Bytes, for which `-` stands for 0. */
export const SIZE_CLF = 12;
export const REQUEST_SIZE = 13;
export const DURATION = 20;
/** Seconds that are no duration without a point: nginx always writes one, and `%D` never. */
export const DURATION_POINT = 21;
/** Whole units only: %D. */
export const DURATION_WHOLE = 27;
export const TTFB = 22;
export const UPSTREAM_DURATION = 23;
/** nginx's list of upstream times. */
export const UPSTREAM_LIST = 24;
/** TR/Tw/Tc/Tr/Ta. */
export const HAPROXY_TIMERS = 25;
/** The last of the three times that the ALB tells one after the other. */
export const ALB_TIMES = 26;
/** A time: of the end that the parser says it marks, or surely of the start or the end. */
export const EVENT_TIME = 30;
export const START_TIME = 31;
export const END_TIME = 32;

export interface Meaning {
  readonly kind: number;
  /** For text: the record's field. */
  readonly slot: number;
  /** For durations: µs in one unit. */
  readonly unitUs: number;
  /** What the record's user calls it. */
  readonly field: string;
}

function text(slot: number, kind = TEXT): Meaning {
  return { kind, slot, unitUs: 1, field: record.TEXT_FIELDS[slot]! };
}

function value(kind: number, field: string, unitUs = 1): Meaning {
  return { kind, slot: -1, unitUs, field };
}

const UNITS: readonly (readonly [string, number])[] = [
  ["s", 1_000_000],
  ["ms", 1000],
  ["us", 1],
  ["ns", 0.001],
];

/** What can be said of a value in a mapping, by name. */
export const MEANINGS: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  ...record.TEXT_FIELDS.filter((name) => name !== "time" && name !== "rest").map((name, slot): [string, Meaning] => [
    name,
    text(slot),
  ]),
  ["target", text(record.TARGET, TARGET_TEXT)],
  ["query", text(record.QUERY, QUERY_TEXT)],
  ["user", text(record.USER, TEXT_OR_EMPTY)],
  ["address_port", text(record.ADDRESS, ADDRESS_PORT)],
  ["url", text(record.TARGET, TARGET_TEXT)],
  ["cookies", text(record.COOKIE, COOKIES)],
  ["time", value(EVENT_TIME, "time")],
  ["start", value(START_TIME, "time")],
  ["end", value(END_TIME, "time")],
  ["status", value(STATUS, "status")],
  ["size", value(SIZE, "size")],
  ["request_size", value(REQUEST_SIZE, "request_size")],
  ["upstream_times", { ...text(record.UPSTREAM_TIMES, UPSTREAM_LIST), field: "upstream_time" }],
  ...UNITS.flatMap(([unit, us]): [string, Meaning][] => [
    [`duration_${unit}`, value(DURATION, "duration", us)],
    [`ttfb_${unit}`, value(TTFB, "ttfb", us)],
    [`upstream_${unit}`, value(UPSTREAM_DURATION, "upstream_time", us)],
  ]),
]);

function meaning(name: string): Meaning {
  return MEANINGS.get(name)!;
}

/**
 * What the fields of a text format mean, by their names in `directives.ts`. Where two mean the same, the one that stands
 * first here is taken if the line has it.
 */
const TEXT_FORMAT: readonly (readonly [name: string, meaning: Meaning])[] = [
  ["remote_ip", meaning("address")],
  ["remote", meaning("address")],
  ["address_port", meaning("address_port")],
  ["peer_ip", meaning("peer")],
  ["user", meaning("user")],
  ["request", meaning("request")],
  ["method", meaning("method")],
  ["path", meaning("target")],
  ["uri", meaning("target")],
  ["query", meaning("query")],
  ["args", meaning("query")],
  ["query_string", meaning("query")],
  ["protocol", meaning("protocol")],
  ["scheme", meaning("scheme")],
  ["vhost", meaning("vhost")],
  ["host", meaning("vhost")],
  ["domain_name", meaning("vhost")],
  ["server_name", meaning("vhost")],
  ["referer", meaning("referrer")],
  ["agent", meaning("agent")],
  ["cookie", meaning("cookies")],
  ["upstream_cache_status", meaning("cache")],
  ["x:varnish:handling", meaning("cache")],
  ["x:varnish:hitmiss", meaning("cache")],
  ["geoip_country_code", meaning("country")],
  ["geoip2_data_country_code", meaning("country")],
  ["geoip2_data_country_iso_code", meaning("country")],
  ["env:geoip_country_code", meaning("country")],
  ["env:mm_country_code", meaning("country")],
  ["cf-ipcountry", meaning("country")],
  ["request_id", meaning("request_id")],
  ["req_id", meaning("request_id")],
  ["env:unique_id", meaning("request_id")],
  ["x:varnish:vxid", meaning("request_id")],
  ["x-request-id", meaning("request_id")],
  ["trace_id", meaning("trace")],
  ["traceparent", meaning("trace")],
  ["x-forwarded-for", meaning("forwarded")],
  ["upstream_addr", meaning("upstream")],
  ["backend_server", meaning("upstream")],
  ["target_port", meaning("upstream")],
  ["server_url", meaning("upstream")],
  ["upstream_status", meaning("upstream_status")],
  ["target_status", meaning("upstream_status")],
  ["syslog_host", meaning("server")],
  ["hostname", meaning("server")],
  ["elb", meaning("server")],
  ["proxy_upstream_name", meaning("route")],
  ["router_name", meaning("route")],
  ["frontend_name", meaning("route")],
  ["ssl_protocol", meaning("tls")],
  ["x:ssl_protocol", meaning("tls")],
  ["out:content-type", meaning("type")],
  ["termination_state", meaning("state")],
  ["status", meaning("status")],
  ["bytes", value(SIZE_CLF, "size")],
  ["bytes_sent", meaning("size")],
  ["alb_sent_bytes", meaning("size")],
  ["haproxy_bytes", meaning("size")],
  ["bytes_received", meaning("request_size")],
  ["duration_us", value(DURATION_WHOLE, "duration")],
  ["duration_ms", meaning("duration_ms")],
  ["duration_s", meaning("duration_s")],
  ["haproxy_timers", value(HAPROXY_TIMERS, "duration")],
  ["response_processing_time", value(ALB_TIMES, "duration")],
  ["first_byte_us", meaning("ttfb_us")],
  ["upstream_header_time", meaning("ttfb_s")],
  ["x:varnish:time_firstbyte", meaning("ttfb_s")],
  ["upstream_response_time", meaning("upstream_times")],
  ["request_creation_time", meaning("start")],
];

/** A value's meaning, and its rank among those that mean the same: the lower comes first. */
export interface Ranked {
  readonly meaning: Meaning;
  readonly rank: number;
}

/** What field `name` of a text format, written as `source`, means to the record; undefined: nothing. */
export function meaningOfField(name: string, source: string): Ranked | undefined {
  if (name === "connection" && source.endsWith("X")) return { meaning: meaning("state"), rank: 0 };
  if (name.startsWith("cookie:")) return { meaning: meaning("cookie"), rank: 0 };
  if (source === "$request_time") return { meaning: value(DURATION_POINT, "duration", 1_000_000), rank: 0 };
  const rank = TEXT_FORMAT.findIndex(([known]) => known === name);
  return rank < 0 ? undefined : { meaning: TEXT_FORMAT[rank]![1], rank };
}

/** Names whose bytes are all that went over the wire, headers included. */
export const WIRE_SIZES: ReadonlySet<string> = new Set(["bytes_sent", "alb_sent_bytes", "haproxy_bytes"]);
