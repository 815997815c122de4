/** Formats that have a name and are text, as the servers' own manuals and packages spell them. */

export interface TextPreset {
  readonly name: string;
  /** Who writes it, for people. */
  readonly of: string;
  /** An Apache LogFormat or an nginx log_format string; the latter also for other servers, with names of ours. */
  readonly format: string;
  readonly marks: "start" | "end";
  /** A line may also end before this field: servers of different age or settings write less. */
  readonly mayEndBefore?: string;
  /** A syslog header may stand before the line. */
  readonly syslog?: boolean;
  /** Targets are whole URLs, of which the path is the path. */
  readonly urls?: boolean;
  readonly example: string;
}

const APACHE = '%h %l %u %t "%r" %>s %b';
const HEADERS = '"%{Referer}i" "%{User-Agent}i"';
const NGINX =
  '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"';

const LINE = '192.0.2.7 - frank [24/Nov/2026:13:55:36 +0000] "GET /news?page=2 HTTP/1.1" 200 2326';
const BROWSER = '"https://example.org/" "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"';

export const TEXT_PRESETS: readonly TextPreset[] = [
  { name: "common", of: "Apache httpd, and many others", format: APACHE, marks: "start", example: LINE },
  {
    name: "vcommon",
    of: "Apache httpd, with the virtual host first",
    format: `%v ${APACHE}`,
    marks: "start",
    example: `www.example.org ${LINE}`,
  },
  {
    name: "combined",
    of: "Apache httpd, and many others",
    format: `${APACHE} ${HEADERS}`,
    marks: "start",
    example: `${LINE} ${BROWSER}`,
  },
  {
    name: "combined-debian",
    of: "Apache httpd as Debian and Ubuntu ship it: bytes with headers",
    format: `%h %l %u %t "%r" %>s %O ${HEADERS}`,
    marks: "start",
    example: `${LINE} ${BROWSER}`,
  },
  {
    // As Debian's apache2.conf has it: with the port, and bytes with headers (%O).
    name: "vhost_combined",
    of: "Apache httpd as Debian and Ubuntu ship it, with the virtual host and its port first",
    format: `%v:%p %h %l %u %t "%r" %>s %O ${HEADERS}`,
    marks: "start",
    example: `www.example.org:443 ${LINE} ${BROWSER}`,
  },
  {
    name: "combinedio",
    of: "Apache httpd with mod_logio",
    format: `${APACHE} ${HEADERS} %I %O`,
    marks: "start",
    example: `${LINE} ${BROWSER} 421 2587`,
  },
  {
    name: "combined-timed",
    of: "Apache httpd, combined with %D at the end",
    format: `${APACHE} ${HEADERS} %D`,
    marks: "start",
    example: `${LINE} ${BROWSER} 18365`,
  },
  { name: "nginx", of: "nginx, its predefined combined", format: NGINX, marks: "end", example: `${LINE} ${BROWSER}` },
  {
    name: "nginx-main",
    of: "nginx as nginx.org packages it",
    format: `${NGINX} "$http_x_forwarded_for"`,
    marks: "end",
    example: `${LINE} ${BROWSER} "203.0.113.9"`,
  },
  {
    name: "nginx-timed",
    of: "nginx, combined with $request_time, or that and $upstream_response_time, at the end",
    format: `${NGINX} $request_time $upstream_response_time`,
    marks: "end",
    mayEndBefore: "upstream_response_time",
    example: `${LINE} ${BROWSER} 0.148 0.121`,
  },
  {
    name: "combined-timed-s",
    of: "Apache httpd, combined with %T at the end",
    format: `${APACHE} ${HEADERS} %T`,
    marks: "start",
    example: `${LINE} ${BROWSER} 1`,
  },
  {
    name: "nginx-upstream",
    of: "nginx, combined with rt= uct= uht= urt= at the end",
    format: `${NGINX} rt=$request_time uct="$upstream_connect_time" uht="$upstream_header_time" urt="$upstream_response_time"`,
    marks: "end",
    example: `${LINE} ${BROWSER} rt=0.148 uct="0.001" uht="0.120" urt="0.121"`,
  },
  {
    name: "nginx-ingress",
    of: "the nginx ingress controller of Kubernetes",
    format: `${NGINX} $request_length $request_time [$proxy_upstream_name] [$proxy_alternative_upstream_name] $upstream_addr $upstream_response_length $upstream_response_time $upstream_status $req_id`,
    marks: "end",
    mayEndBefore: "req_id",
    example: `${LINE} ${BROWSER} 512 0.148 [shop-web-80] [] 10.0.3.17:8080 2326 0.147 200 c2f5ea1c0e4b1d3c9a5f6e7d8c9b0a1f`,
  },
  {
    name: "haproxy-http",
    of: "HAProxy, option httplog, with or without a syslog header",
    format: `$address_port [\${time:%d/%b/%Y:%H:%M:%S.%L}] $frontend_name $backend_server $haproxy_timers $status $haproxy_bytes $request_cookie $response_cookie $termination_state $connections $queues_and_captures "$request"`,
    marks: "start",
    syslog: true,
    urls: true,
    example:
      'Nov 24 13:55:36 lb1 haproxy[14389]: 192.0.2.7:33317 [24/Nov/2026:13:55:36.655] web~ static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 "GET /news?page=2 HTTP/1.1"',
  },
  {
    name: "aws-alb",
    of: "AWS Application Load Balancer",
    format: `$alb_type \${time:%Y-%m-%dT%H:%M:%S%.f%:z} $elb $address_port $target_port $request_processing_time $target_processing_time $response_processing_time $status $target_status $bytes_received $alb_sent_bytes "$request" "$http_user_agent" $ssl_cipher $ssl_protocol $target_group_arn "$trace_id" "$domain_name" "$chosen_cert_arn" $matched_rule_priority $request_creation_time`,
    marks: "end",
    mayEndBefore: "trace_id",
    urls: true,
    example:
      'https 2026-11-24T13:55:36.186641Z app/my-loadbalancer/50dc6c495c0c9188 192.0.2.7:2817 10.0.0.1:80 0.001 0.048 0.000 200 200 421 2587 "GET https://www.example.org:443/news?page=2 HTTP/1.1" "curl/8.5.0" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/my-targets/73e2d6bc24d8a067 "Root=1-58337262-36d228ad5d99923122bbe354" "www.example.org" "session-reused" 0 2026-11-24T13:55:36.137000Z "forward" "-" "-" "10.0.0.1:80" "200" "-" "-" TID_1234abcd5678ef90',
  },
  {
    name: "traefik-clf",
    of: "Traefik, its default",
    format: `${NGINX} $request_count "$router_name" "$server_url" \${duration_ms}ms`,
    marks: "start",
    example: `${LINE} ${BROWSER} 1542 "web@docker" "http://10.0.3.17:8080" 148ms`,
  },
  {
    name: "varnish",
    of: "varnishncsa, its default",
    format: `%h %l %u %t "%r" %s %b ${HEADERS}`,
    marks: "start",
    example: `192.0.2.7 - frank [24/Nov/2026:13:55:36 +0000] "GET http://www.example.org/news?page=2 HTTP/1.1" 200 2326 ${BROWSER}`,
    urls: true,
  },
];

/** Format strings by their names. */
export const PRESETS: Readonly<Record<string, string>> = Object.fromEntries(
  TEXT_PRESETS.map(({ name, format }) => [name, format]),
);
