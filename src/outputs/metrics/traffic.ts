/**
 * The traffic for Prometheus: counters that only grow, of what came since the thread started. Sits before the sessions,
 * where the engine tells of each request. Labels are bounded: what comes beyond counts as "other".
 */
import type { SessionsPart } from "../../metrics/parts.ts";
import type { Request, Slice } from "../../metrics/request.ts";
import type { Scope, SessionRow, Sessions, TopRow } from "../../metrics/snapshot.ts";

/** Boundaries of http.server.request.duration in OpenTelemetry's conventions, s. */
export const BOUNDARIES_S = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] as const;
const BOUNDARIES_US = BOUNDARIES_S.map((s) => s * 1e6);

const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
const METHOD_BYTES = METHODS.map((method) => Buffer.from(method));
const OTHER_METHOD = METHODS.length;
/** By class of status: index 0 is unknown. */
const CLASSES = 6;
const CELLS = (METHODS.length + 1) * CLASSES;

const MAX_SERVERS = 1000;
const OTHER = "other";

/** Of one server (and virtual host). */
interface Counted {
  readonly server: string;
  readonly vhost: string;
  /** By method, then class. */
  readonly requests: Float64Array;
  bytes: number;
  /** By boundary; the last is for what is longer. */
  readonly times: Float64Array;
  timed: number;
  timeSumUs: number;
}

export class Traffic implements SessionsPart {
  readonly #sessions: SessionsPart;
  readonly #vhosts: number;
  readonly #counted = new Map<string, Counted>();
  readonly #servers = new Map<string, Counted>();
  readonly #knownVhosts = new Set<string>();
  #latest: Counted | undefined;
  /** Whether what comes is to be counted: not what was there before this start. */
  counting = false;

  /** `vhosts`: virtual hosts that are told apart. */
  constructor(sessions: SessionsPart, vhosts: number) {
    this.#sessions = sessions;
    this.#vhosts = vhosts;
  }

  note(request: Request): void {
    if (this.counting) this.#count(request);
    this.#sessions.note(request);
  }

  tick(nowUs: number): void {
    this.#sessions.tick(nowUs);
  }

  snapshot(scope: Scope, rows: number): Sessions {
    return this.#sessions.snapshot(scope, rows);
  }

  top(list: "entryPages" | "exitPages", scope: Scope, limit: number): readonly TopRow[] {
    return this.#sessions.top(list, scope, limit);
  }

  session(id: string): SessionRow | undefined {
    return this.#sessions.session(id);
  }

  #count(request: Request): void {
    let counted = this.#latest;
    if (counted === undefined || this.#vhosts > 0 || counted.server !== request.server) {
      counted = this.#countedOf(request);
      this.#latest = counted;
    }
    const status = request.status;
    counted.requests[methodOf(request.method) * CLASSES + (status - (status % 100)) / 100]!++;
    if (request.bytes > 0) counted.bytes += request.bytes;
    const { durationUs } = request;
    if (durationUs < 0) return;
    counted.timed++;
    counted.timeSumUs += durationUs;
    let bucket = 0;
    while (bucket < BOUNDARIES_US.length && durationUs > BOUNDARIES_US[bucket]!) bucket++;
    counted.times[bucket]!++;
  }

  #countedOf(request: Request): Counted {
    if (this.#vhosts > 0) {
      const server = this.#servers.has(request.server) || this.#servers.size < MAX_SERVERS ? request.server : OTHER;
      const vhost = this.#vhostOf(request.vhost);
      const found = this.#counted.get(`${server}\0${vhost}`);
      if (found !== undefined) return found;
      const made = newCounted(server, vhost);
      this.#servers.set(server, made);
      this.#counted.set(`${server}\0${vhost}`, made);
      return made;
    }
    const found = this.#counted.get(request.server);
    if (found !== undefined) return found;
    if (this.#counted.size >= MAX_SERVERS && request.server !== OTHER) {
      return this.#countedOf({ ...request, server: OTHER });
    }
    const made = newCounted(request.server, "");
    this.#counted.set(request.server, made);
    return made;
  }

  #vhostOf({ bytes, from, to }: Slice): string {
    const vhost = bytes.toString("latin1", from, Math.min(to, from + 253)).toLowerCase();
    if (this.#knownVhosts.has(vhost)) return vhost;
    // Names come from clients: only what can be a host's name becomes a label.
    if (!/^[a-z0-9._:[\]-]*$/.test(vhost) || this.#knownVhosts.size >= this.#vhosts) return OTHER;
    this.#knownVhosts.add(vhost);
    return vhost;
  }

  /** In Prometheus' text format. */
  text(): string {
    const all = [...this.#counted.values()];
    const labels = ({ server, vhost }: Counted): string =>
      `server=${quoted(server)}${this.#vhosts > 0 ? `,vhost=${quoted(vhost)}` : ""}`;
    const lines: string[] = [];
    const family = (name: string, type: string, help: string) =>
      lines.push(`# HELP logspread_${name} ${help}`, `# TYPE logspread_${name} ${type}`);
    family("http_requests_total", "counter", "Requests in the log lines since the start");
    for (const counted of all) {
      for (let cell = 0; cell < CELLS; cell++) {
        if (counted.requests[cell] === 0) continue;
        const method = METHODS[Math.floor(cell / CLASSES)] ?? "_OTHER";
        const status = cell % CLASSES === 0 ? "unknown" : `${cell % CLASSES}xx`;
        lines.push(
          `logspread_http_requests_total{${labels(counted)},method="${method}",status_class="${status}"} ${counted.requests[cell]}`,
        );
      }
    }
    family("http_response_bytes_total", "counter", "Bytes of answers in the log lines since the start");
    for (const each of all) lines.push(`logspread_http_response_bytes_total{${labels(each)}} ${each.bytes}`);
    family("http_request_duration_seconds", "histogram", "Durations of requests in the log lines since the start");
    for (const each of all) {
      if (each.timed === 0) continue;
      const name = "logspread_http_request_duration_seconds";
      let sum = 0;
      for (const [i, boundary] of BOUNDARIES_S.entries()) {
        sum += each.times[i]!;
        lines.push(`${name}_bucket{${labels(each)},le="${boundary}"} ${sum}`);
      }
      lines.push(`${name}_bucket{${labels(each)},le="+Inf"} ${each.timed}`);
      lines.push(`${name}_sum{${labels(each)}} ${each.timeSumUs / 1e6}`);
      lines.push(`${name}_count{${labels(each)}} ${each.timed}`);
    }
    return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
  }
}

function newCounted(server: string, vhost: string): Counted {
  return {
    server,
    vhost,
    requests: new Float64Array(CELLS),
    bytes: 0,
    times: new Float64Array(BOUNDARIES_US.length + 1),
    timed: 0,
    timeSumUs: 0,
  };
}

function methodOf({ bytes, from, to }: Slice): number {
  for (let i = 0; i < OTHER_METHOD; i++) {
    const method = METHOD_BYTES[i]!;
    if (method.length === to - from && method[0] === bytes[from] && method.compare(bytes, from, to) === 0) return i;
  }
  return OTHER_METHOD;
}

/** A label's value as the text format wants it. */
export function quoted(value: string): string {
  return `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}
