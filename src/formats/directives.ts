/**
 * The two languages that say what stands in an access log line, Apache's LogFormat and nginx's log_format, read into one
 * list of parts.
 */
import { LogspreadError } from "../message/error.ts";

/** What a line consists of: literal text and fields. `time` is the strftime pattern of a field that holds a time. */
export type LinePart =
  | { readonly kind: "literal"; readonly text: string }
  | {
      readonly kind: "field";
      readonly name: string;
      /** The directive as it stands in the format: `%>s`, `$status`. */
      readonly source: string;
      readonly time?: string;
    };

/** Reads a LogFormat (`%h %l`) or log_format (`$remote_addr`) string. Throws BAD_CONFIG that names what is not understood. */
export function readFormat(format: string): LinePart[] {
  const parts = isNginx(format) ? readNginx(format) : readApache(format);
  for (let i = 1; i < parts.length; i++) {
    const part = parts[i]!;
    if (part.kind === "field" && parts[i - 1]!.kind === "field") {
      throw badFormat(format, `nothing stands between ${sourceOf(parts[i - 1]!)} and ${part.source}`);
    }
  }
  if (!parts.some((part) => part.kind === "field")) throw badFormat(format, "it names no field");
  return parts;
}

function isNginx(format: string): boolean {
  return /\$[{A-Za-z_]/.test(format) && !/%[<>!{a-zA-Z]/.test(format.replace(/\$\{time:[^}]*\}/g, ""));
}

function sourceOf(part: LinePart): string {
  return part.kind === "field" ? part.source : part.text;
}

function badFormat(format: string, why: string): LogspreadError {
  return new LogspreadError("BAD_CONFIG", {
    what: `format ${JSON.stringify(format)}`,
    why,
    fix: "Use common, combined, vhost_combined, nginx, an Apache LogFormat or an nginx log_format string",
  });
}

/** Apache's plain directives. `%s` and `%>s` differ in whose status they give, not in shape. */
const APACHE: Readonly<Record<string, string>> = {
  h: "remote",
  a: "remote_ip",
  A: "local_ip",
  l: "ident",
  u: "user",
  r: "request",
  m: "method",
  U: "path",
  q: "query",
  H: "protocol",
  s: "status",
  b: "bytes",
  B: "bytes",
  O: "bytes_sent",
  I: "bytes_received",
  S: "bytes_transferred",
  D: "duration_us",
  T: "duration_s",
  "^FB": "first_byte_us",
  v: "vhost",
  V: "vhost",
  p: "port",
  k: "keepalives",
  X: "connection",
  P: "process",
  L: "log_id",
  R: "handler",
  f: "file",
};

/** Apache's directives with a parameter, `%{X}i`; the name is given `X` in lower case. */
const APACHE_NAMED: Readonly<Record<string, (parameter: string) => string>> = {
  i: headerName,
  o: (name) => `out:${name}`,
  C: (name) => `cookie:${name}`,
  e: (name) => `env:${name}`,
  n: (name) => `note:${name}`,
  x: (name) => `x:${name}`,
  "^ti": (name) => `trailer:${name}`,
  "^to": (name) => `out-trailer:${name}`,
  a: () => "peer_ip",
  p: (which) => (which === "remote" ? "remote_port" : which === "local" ? "local_port" : "port"),
  P: () => "process",
  T: (unit) => (unit === "us" ? "duration_us" : unit === "ms" ? "duration_ms" : "duration_s"),
  h: () => "remote",
};

function headerName(header: string): string {
  if (header === "referer") return "referer";
  if (header === "user-agent") return "agent";
  return header;
}

/** `%t` without a parameter, brackets included. */
const CLF_TIME = "%d/%b/%Y:%H:%M:%S %z";

const APACHE_TIMES: Readonly<Record<string, string>> = {
  sec: "%s",
  msec: "%.m",
  usec: "%.u",
  msec_frac: "%L",
  usec_frac: "%f",
};

//             %   !400,501        < >   {parameter}       letter
const APACHE_DIRECTIVE = /%(!?\d+(?:,\d+)*)?([<>])?(?:\{((?:[^}\\]|\\.)*)\})?(\^[A-Za-z]{2}|[A-Za-z%])/y;

function readApache(format: string): LinePart[] {
  const parts: LinePart[] = [];
  for (let at = 0; at < format.length; ) {
    const char = format[at]!;
    if (char === "\\" && at + 1 < format.length) {
      // As httpd.conf has it: \" in a quoted argument; \n and \t stand for themselves.
      const next = format[at + 1]!;
      pushLiteral(parts, next === "n" ? "\n" : next === "t" ? "\t" : next);
      at += 2;
      continue;
    }
    if (char !== "%") {
      pushLiteral(parts, char);
      at++;
      continue;
    }
    APACHE_DIRECTIVE.lastIndex = at;
    const found = APACHE_DIRECTIVE.exec(format);
    if (!found) throw badFormat(format, `no directive starts at ${JSON.stringify(format.slice(at, at + 8))}`);
    at += found[0].length;
    const [source, , , parameter, letter] = found as unknown as [string, string, string, string | undefined, string];
    if (letter === "%") pushLiteral(parts, "%");
    else if (letter === "t" && parameter === undefined) {
      pushLiteral(parts, "[");
      pushTime(parts, source, CLF_TIME);
      pushLiteral(parts, "]");
    } else if (letter === "t") {
      const pattern = parameter!.replace(/^(begin|end):?/, "");
      if (pattern === "") {
        pushLiteral(parts, "[");
        pushTime(parts, source, CLF_TIME);
        pushLiteral(parts, "]");
      } else pushTime(parts, source, APACHE_TIMES[pattern] ?? pattern);
    } else {
      const name = parameter === undefined ? APACHE[letter] : APACHE_NAMED[letter]?.(parameter.toLowerCase());
      if (name === undefined) throw badFormat(format, `${source} is not known`);
      const before = parts.at(-1);
      if (letter === "q" && before?.kind === "field" && before.name === "path") {
        // %U%q is the whole target: the query brings its question mark along.
        parts[parts.length - 1] = { kind: "field", name: "path", source: before.source + source };
      } else parts.push({ kind: "field", name, source });
    }
  }
  return parts;
}

function pushLiteral(parts: LinePart[], text: string): void {
  const last = parts.at(-1);
  if (last?.kind === "literal") parts[parts.length - 1] = { kind: "literal", text: last.text + text };
  else parts.push({ kind: "literal", text });
}

/**
 * Times that are glued together, as in `%{%d/%b/%Y %T}t.%{msec_frac}t %{%z}t`, are one time: with nothing but blanks and
 * punctuation between them they become one field.
 */
function pushTime(parts: LinePart[], source: string, time: string): void {
  const between = parts.at(-1);
  const earlier = between?.kind === "literal" ? parts.at(-2) : between;
  const glue = between?.kind === "literal" ? between.text : "";
  if (earlier?.kind === "field" && earlier.time !== undefined && /^[ .,:T]?$/.test(glue)) {
    parts.splice(between === earlier ? -1 : -2);
    const joined = earlier.time + glue + time;
    parts.push({ kind: "field", name: "time", source: earlier.source + glue + source, time: joined });
  } else parts.push({ kind: "field", name: "time", source, time });
}

/** nginx variables that have a name of ours; any other keeps its own. */
const NGINX: Readonly<Record<string, string>> = {
  remote_addr: "remote",
  remote_user: "user",
  request_method: "method",
  request_uri: "path",
  server_protocol: "protocol",
  body_bytes_sent: "bytes",
  bytes_sent: "bytes_sent",
  request_length: "bytes_received",
  request_time: "duration_s",
  http_referer: "referer",
  http_user_agent: "agent",
  host: "vhost",
  server_port: "port",
  realip_remote_addr: "peer_ip",
};

const NGINX_TIMES: Readonly<Record<string, string>> = {
  time_local: CLF_TIME,
  time_iso8601: "%Y-%m-%dT%H:%M:%S%:z",
  msec: "%s%.f",
};

// ${time:PATTERN} is ours: a time by strftime, for servers that write others than nginx.
const NGINX_VARIABLE = /\$(?:\{time:([^}]+)\}|\{([A-Za-z0-9_]+)\}|([A-Za-z0-9_]+))/y;

function readNginx(format: string): LinePart[] {
  const parts: LinePart[] = [];
  for (let at = 0; at < format.length; ) {
    if (format[at] !== "$") {
      pushLiteral(parts, format[at++]!);
      continue;
    }
    NGINX_VARIABLE.lastIndex = at;
    const found = NGINX_VARIABLE.exec(format);
    if (!found) throw badFormat(format, `no variable starts at ${JSON.stringify(format.slice(at, at + 8))}`);
    at += found[0].length;
    const variable = found[2] ?? found[3] ?? "time";
    const time = found[1] ?? NGINX_TIMES[variable];
    if (time !== undefined) parts.push({ kind: "field", name: "time", source: found[0], time });
    else parts.push({ kind: "field", name: NGINX[variable] ?? nginxName(variable), source: found[0] });
  }
  return parts;
}

function nginxName(variable: string): string {
  if (variable.startsWith("sent_http_")) return `out:${variable.slice(10).replaceAll("_", "-")}`;
  if (variable.startsWith("http_")) return variable.slice(5).replaceAll("_", "-");
  if (variable.startsWith("cookie_")) return `cookie:${variable.slice(7)}`;
  return variable;
}
