/** Formats that have a name and are JSON. */
import type { JsonMapping } from "./json-parser.ts";

export interface JsonPreset {
  readonly name: string;
  readonly of: string;
  readonly fields: JsonMapping;
  readonly marks: "start" | "end";
  readonly sizeKind: "body" | "wire";
  readonly example: string;
}

export const JSON_PRESETS: readonly JsonPreset[] = [
  {
    name: "caddy",
    of: "Caddy 2, its default",
    marks: "end",
    sizeKind: "body",
    fields: {
      time: "ts",
      address: ["request.client_ip", "request.remote_ip"],
      address_port: "request.remote_addr", // before Caddy 2.5
      peer: "request.remote_ip",
      user: "user_id",
      method: "request.method",
      target: "request.uri",
      vhost: "request.host",
      protocol: "request.proto",
      status: "status",
      size: "size",
      request_size: "bytes_read",
      duration_s: "duration",
      referrer: "request.headers.Referer[0]",
      agent: "request.headers.User-Agent[0]",
      forwarded: "request.headers.X-Forwarded-For[0]",
      cookies: "request.headers.Cookie[0]",
      country: "request.headers.Cf-Ipcountry[0]",
      tls: "request.tls.version",
      type: "resp_headers.Content-Type[0]",
    },
    example:
      '{"level":"info","ts":1795528536.1486,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"192.0.2.7","remote_port":"41342","client_ip":"192.0.2.7","proto":"HTTP/2.0","method":"GET","host":"www.example.org","uri":"/news?page=2","headers":{"User-Agent":["curl/8.5.0"],"Accept":["*/*"],"Referer":["https://example.org/"]},"tls":{"resumed":false,"version":772,"cipher_suite":4865,"proto":"h2","server_name":"www.example.org"}},"bytes_read":0,"user_id":"","duration":0.000929675,"size":10900,"status":200,"resp_headers":{"Server":["Caddy"],"Content-Type":["text/html"]}}',
  },
  {
    name: "traefik-json",
    of: "Traefik, accessLog.format: json",
    marks: "start",
    sizeKind: "body",
    fields: {
      start: ["StartUTC", "StartLocal"],
      end: "time",
      address: "ClientHost",
      address_port: "ClientAddr",
      user: "ClientUsername",
      method: "RequestMethod",
      target: "RequestPath",
      vhost: "RequestHost",
      protocol: "RequestProtocol",
      scheme: "RequestScheme",
      status: "DownstreamStatus",
      size: "DownstreamContentSize",
      request_size: "RequestContentSize",
      duration_ns: "Duration",
      upstream_ns: "OriginDuration",
      upstream_status: "OriginStatus",
      upstream: ["ServiceAddr", "ServiceURL"],
      route: ["RouterName", "ServiceName"],
      referrer: ["request_Referer", "request_referer"],
      agent: ["request_User-Agent", "request_user-agent"],
      forwarded: "request_X-Forwarded-For",
      cookies: "request_Cookie",
      tls: "TLSVersion",
      trace: "TraceId",
      type: ["downstream_Content-Type", "origin_Content-Type"],
    },
    example:
      '{"ClientAddr":"192.0.2.7:46086","ClientHost":"192.0.2.7","ClientPort":"46086","ClientUsername":"-","DownstreamContentSize":2326,"DownstreamStatus":200,"Duration":148365000,"OriginContentSize":2326,"OriginDuration":147001000,"OriginStatus":200,"Overhead":1364000,"RequestAddr":"www.example.org","RequestContentSize":0,"RequestCount":1542,"RequestHost":"www.example.org","RequestMethod":"GET","RequestPath":"/news?page=2\\u0026all=1","RequestPort":"-","RequestProtocol":"HTTP/1.1","RequestScheme":"https","RetryAttempts":0,"RouterName":"web@docker","ServiceAddr":"10.0.3.17:8080","ServiceName":"web@docker","StartLocal":"2026-11-24T13:55:36.148649115Z","StartUTC":"2026-11-24T13:55:36.148649115Z","TLSVersion":"1.3","entryPointName":"websecure","level":"info","msg":"","request_User-Agent":"curl/8.5.0","time":"2026-11-24T13:55:36Z"}',
  },
  {
    name: "nginx-json",
    of: "nginx, log_format with escape=json and keys named after its variables",
    marks: "end",
    sizeKind: "body",
    fields: {
      time: ["msec", "time_iso8601", "time_local", "@timestamp", "timestamp", "time", "ts"],
      address: ["remote_addr", "client_ip", "clientip", "remote_ip", "client"],
      peer: "realip_remote_addr",
      user: ["remote_user", "user"],
      request: "request",
      method: ["request_method", "method"],
      target: ["request_uri", "uri", "path"],
      query: ["args", "query_string"],
      protocol: ["server_protocol", "protocol"],
      scheme: "scheme",
      vhost: ["host", "http_host", "vhost", "server_name"],
      status: ["status", "status_code"],
      size: ["body_bytes_sent", "bytes_sent", "bytes"],
      request_size: "request_length",
      duration_s: "request_time",
      ttfb_s: "upstream_header_time",
      upstream_times: "upstream_response_time",
      upstream: "upstream_addr",
      upstream_status: "upstream_status",
      cache: "upstream_cache_status",
      referrer: ["http_referer", "http_referrer", "referer", "referrer"],
      agent: ["http_user_agent", "user_agent", "agent"],
      forwarded: ["http_x_forwarded_for", "x_forwarded_for"],
      cookies: "http_cookie",
      country: ["geoip_country_code", "geoip2_data_country_code"],
      request_id: "request_id",
      trace: ["traceparent", "trace_id"],
      server: "hostname",
      tls: "ssl_protocol",
      type: "sent_http_content_type",
    },
    example:
      '{"time_iso8601":"2026-11-24T13:55:36+00:00","remote_addr":"192.0.2.7","remote_user":"","request":"GET /news?page=2 HTTP/1.1","status":"200","body_bytes_sent":"2326","request_time":"0.148","upstream_response_time":"0.121","http_referer":"https://example.org/","http_user_agent":"curl/8.5.0","host":"www.example.org","http_x_forwarded_for":""}',
  },
];
