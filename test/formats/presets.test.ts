/** Lines as the servers write them, by the examples of their manuals; units, and which end the time marks. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { NAMED_FORMATS, parserFor } from "../../src/formats/parser-for.ts";
import { type Plain, parsed, parsedBy } from "./parsed.ts";

/** Asserts that the record has these; what it has besides is not asked. */
function has(record: Plain, expected: Partial<Plain>): void {
  const got = Object.fromEntries(Object.keys(expected).map((key) => [key, record[key as keyof Plain]]));
  assert.deepEqual(got, expected);
}

for (const { name, example } of NAMED_FORMATS) {
  test(`${name} reads its own example whole, with what it promises`, () => {
    const record = parsed(name, example);
    has(record, { outcome: "ok", status: 200, address: "192.0.2.7", method: "GET", path: "/news" });
    assert.match(record.query!, /^page=2/);
    assert.match(record.at!, /^2026-11-24T13:55:36/);
    const { fields, marks } = parserFor(name);
    if (fields.includes("duration")) {
      assert.ok(record.durationUs! > 0);
      assert.ok(record.start! <= record.end!);
    }
    assert.equal(record.at, marks === "start" ? record.start : record.end);
  });
}

test("common: the line of Apache's manual", () => {
  const line = '127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326';
  assert.deepEqual(parsed("common", line), {
    outcome: "ok",
    address: "127.0.0.1",
    user: "frank",
    request: "GET /apache_pb.gif HTTP/1.0",
    method: "GET",
    target: "/apache_pb.gif",
    protocol: "HTTP/1.0",
    path: "/apache_pb.gif",
    time: "10/Oct/2000:13:55:36 -0700",
    at: "2000-10-10T20:55:36.000Z",
    start: "2000-10-10T20:55:36.000Z",
    end: "2000-10-10T20:55:36.000Z",
    status: 200,
    size: 2326,
  });
});

test("a minus, an empty field and 0 are three different things", () => {
  const line = (user: string, referrer: string, bytes: string) =>
    `::1 - ${user} [10/Oct/2000:13:55:36 +0000] "GET / HTTP/1.1" 304 ${bytes} "${referrer}" "curl"`;
  const none = parsed("combined", line("-", "-", "-"));
  assert.deepEqual([none.user, none.referrer, none.size], [undefined, undefined, 0]); // Apache's %b says - for 0
  const empty = parsed("combined", line('""', "", "0"));
  assert.deepEqual([empty.user, empty.referrer, empty.size], ['""', "", 0]);
  assert.equal(parsed("combined-debian", line("-", "-", "-")).size, undefined); // %O never does
  assert.equal(parsed("nginx-json", '{"status":200,"remote_user":"","http_referer":""}').user, undefined);
});

const REQUEST = '::1 - - [10/Oct/2026:13:55:36 +0000] "GET / HTTP/1.1" 200 5 "-" "curl"';

test("Apache: %D is µs, %T s, %{ms}T ms, %^FB µs; they lie behind the start", () => {
  const timed = parsed("combined-timed", `${REQUEST} 1500000`);
  has(timed, { durationUs: 1_500_000, start: "2026-10-10T13:55:36.000Z", end: "2026-10-10T13:55:37.500Z" });
  assert.equal(parsed("combined-timed-s", `${REQUEST} 2`).durationUs, 2_000_000);
  const own = '%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" %{ms}T %^FB';
  has(parsed(own, `${REQUEST} 1500 999`), { durationUs: 1_500_000, ttfbUs: 999 });
  assert.equal(parsed(own, `${REQUEST} 1500 -`).ttfbUs, undefined);
});

test("nginx: times are s and lie before the end; lists of upstreams are added up", () => {
  const one = parsed("nginx-timed", `${REQUEST} 1.500 0.250`);
  has(one, { durationUs: 1_500_000, upstreamUs: 250_000, end: "2026-10-10T13:55:36.000Z" });
  assert.equal(one.start, "2026-10-10T13:55:34.500Z");
  const list = parsed("nginx-timed", `${REQUEST} 1.500 0.005, 0.120 : -`);
  has(list, { outcome: "ok", upstreamUs: 125_000, upstream_times: "0.005, 0.120 : -", rest: undefined });
  assert.equal(list.upstreamLastUs, undefined); // the last was not reached
  const quoted = `${REQUEST} rt=0.148 uct="0.001, 0.002" uht="0.020, 0.120" urt="0.021, 0.125"`;
  has(parsed("nginx-upstream", quoted), {
    durationUs: 148_000,
    upstreamUs: 146_000,
    upstreamLastUs: 125_000,
    upstream_times: "0.021, 0.125",
  });
  has(parsed("nginx-timed", `${REQUEST} 0.000 -`), { durationUs: 0, outcome: "ok" });
  assert.equal(parsed("nginx-timed", `${REQUEST} 0.000 -`).upstreamUs, undefined);
  has(parsed("nginx-timed", `${REQUEST} 0.123`), { durationUs: 123_000, outcome: "ok" });
});

test("nginx-ingress: lists in the middle of a line, of a retried request too", () => {
  const tail = "[shop-web-80] [] 10.0.3.17:8080 0 5.001 504";
  const line = `${REQUEST} 512 5.002 ${tail} c2f5ea1c`;
  has(parsed("nginx-ingress", line), {
    outcome: "ok",
    requestSize: 512,
    durationUs: 5_002_000,
    upstreamUs: 5_001_000,
    upstream: "10.0.3.17:8080",
    upstream_status: "504",
    route: "shop-web-80",
    request_id: "c2f5ea1c",
  });
  const retried = `${REQUEST} 512 5.002 [shop-web-80] [] 10.0.3.17:8080, 10.0.3.18:8080 0, 612 5.000, 0.002 504, 200 c2f5ea1c`;
  has(parsed("nginx-ingress", retried), {
    outcome: "ok",
    upstream: "10.0.3.17:8080, 10.0.3.18:8080",
    upstreamUs: 5_002_000,
    upstreamLastUs: 2000,
    upstream_status: "504, 200",
    request_id: "c2f5ea1c",
  });
});

test("HAProxy: the line of its manual, with captured headers, with and without a syslog header", () => {
  const line =
    '10.0.1.2:33317 [06/Feb/2009:12:14:14.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {1wt.eu} {} "GET /index.html HTTP/1.1"';
  const headers = [
    "",
    "Feb  6 12:14:14 localhost haproxy[14389]: ",
    "<134>Feb  6 12:14:14 localhost haproxy[14389]: ",
    "<134>1 2009-02-06T12:14:14.655Z localhost haproxy 14389 - - ",
    '<134>1 2009-02-06T12:14:14.655Z localhost haproxy 14389 - [id@1 a="b\\] c"][x@2] ',
    "2009-02-06T12:14:14.655123+01:00 localhost haproxy[14389]: ",
  ];
  for (const header of headers) {
    has(parsed("haproxy-http", header + line), {
      outcome: "ok",
      address: "10.0.1.2",
      at: "2009-02-06T12:14:14.655Z",
      end: "2009-02-06T12:14:14.764Z",
      durationUs: 109_000,
      ttfbUs: 109_000,
      upstreamUs: 99_000,
      status: 200,
      size: 2750,
      upstream: "static/srv1",
      route: "http-in",
      state: "----",
      path: "/index.html",
      server: header === "" ? undefined : "localhost",
    });
  }
});

test("HAProxy: -1 is a stage that was never reached, + is what was so far", () => {
  const line = (timers: string, status: string, bytes: string, state: string, request: string) =>
    `2001:db8::1:33317 [06/Feb/2009:12:14:14.655] http-in~ http-in/<NOSRV> ${timers} ${status} ${bytes} - - ${state} 1/1/1/1/0 0/0 "${request}"`;
  const refused = parsed("haproxy-http", line("-1/-1/-1/-1/8490", "-1", "0", "CR--", "<BADREQ>"));
  has(refused, { outcome: "ok", address: "2001:db8::1", durationUs: 8_490_000, size: 0, request: "<BADREQ>" });
  assert.deepEqual([refused.status, refused.ttfbUs, refused.upstreamUs, refused.method], Array(4).fill(undefined));
  const early = parsed("haproxy-http", line("9/0/7/14/+30", "200", "+243", "----", "GET https://e.org:8/a?b HTTP/2.0"));
  has(early, { durationUs: 30_000, size: 243, path: "/a", query: "b", vhost: "e.org", scheme: "https" });
});

test("HAProxy: its times name no zone, and are read in the one that is said", () => {
  const { example } = NAMED_FORMATS.find(({ name }) => name === "haproxy-http")!;
  assert.equal(parsed("haproxy-http", example, { zone: "+02:00" }).at, "2026-11-24T11:55:36.655Z");
});

test("AWS ALB: lines of its manual; -1 where nothing was sent on; start from its creation time", () => {
  const http =
    'http 2018-07-02T22:23:00.186641Z app/my-loadbalancer/50dc6c495c0c9188 192.168.131.39:2817 10.0.0.1:80 0.000 0.001 0.000 200 200 34 366 "GET http://www.example.com:80/ HTTP/1.1" "curl/7.46.0" - - arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/my-targets/73e2d6bc24d8a067 "Root=1-58337262-36d228ad5d99923122bbe354" "-" "-" 0 2018-07-02T22:22:48.364000Z "forward" "-" "-" "10.0.0.1:80" "200" "-" "-"';
  has(parsed("aws-alb", http), {
    outcome: "ok",
    address: "192.168.131.39",
    at: "2018-07-02T22:23:00.186Z",
    start: "2018-07-02T22:22:48.364Z",
    durationUs: 1000,
    ttfbUs: 1000,
    upstreamUs: 1000,
    size: 366,
    requestSize: 34,
    vhost: "www.example.com",
    path: "/",
    upstream: "10.0.0.1:80",
    trace: "Root=1-58337262-36d228ad5d99923122bbe354",
  });
  const failed = http.replace("10.0.0.1:80 0.000 0.001 0.000 200 200", "- -1 -1 -1 502 -");
  const record = parsed("aws-alb", failed);
  has(record, { outcome: "ok", status: 502, durationUs: 11_822_641 });
  assert.deepEqual(
    [record.upstream, record.upstreamUs, record.ttfbUs, record.upstream_status],
    Array(4).fill(undefined),
  );
  assert.equal(parsed("aws-alb", `${http} TID_1234 new-field`).outcome, "ok");
  assert.equal(parsed("aws-alb", http.slice(0, http.indexOf(' "Root='))).outcome, "ok");
});

test("Traefik: durations are ns, escapes undone; the time of writing is not that of the request", () => {
  const { example } = NAMED_FORMATS.find(({ name }) => name === "traefik-json")!;
  has(parsed("traefik-json", example), {
    at: "2026-11-24T13:55:36.148Z",
    durationUs: 148_365,
    upstreamUs: 147_001,
    target: "/news?page=2&all=1",
    route: "web@docker",
  });
  const short = '{"DownstreamStatus":404,"Duration":2000000,"time":"2026-11-24T13:55:36+01:00"}';
  has(parsed("traefik-json", short), { start: "2026-11-24T12:55:35.998Z", end: "2026-11-24T12:55:36.000Z" });
  const clf = '10.0.0.2 - - [24/Nov/2026:13:55:36 +0000] "GET / HTTP/1.1" 404 19 "-" "-" 1 "-" "-" 0ms';
  has(parsed("traefik-clf", clf), { outcome: "ok", status: 404, durationUs: 0, agent: undefined, route: undefined });
});

test("Caddy: durations are s as floats, its time is the end; its other messages are no requests", () => {
  const line =
    '{"level":"info","ts":1646861401.5241024,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"127.0.0.1","remote_port":"41342","client_ip":"127.0.0.1","proto":"HTTP/2.0","method":"GET","host":"localhost","uri":"/","headers":{"User-Agent":["curl/7.82.0"],"Accept":["*/*"]},"tls":{"resumed":false,"version":772,"cipher_suite":4865,"proto":"h2","server_name":"example.com"}},"bytes_read": 0,"user_id":"","duration":0.000929675,"size":10900,"status":200,"resp_headers":{"Server":["Caddy"],"Content-Encoding":["gzip"],"Content-Type":["text/html; charset=utf-8"],"Vary":["Accept-Encoding"]}}';
  has(parsed("caddy", line), {
    outcome: "ok",
    at: "2022-03-09T21:30:01.524Z",
    durationUs: 930,
    size: 10900,
    requestSize: 0,
    agent: "curl/7.82.0",
    vhost: "localhost",
    tls: "772",
    type: "text/html; charset=utf-8",
    referrer: undefined,
    user: undefined,
  });
  assert.equal(parsed("caddy", line.replace("0.000929675", "9.29675e-04")).durationUs, 930);
  assert.equal(parsed("caddy", line.replace('"status":200', '"status":0')).status, 0);
  assert.equal(
    parsed("caddy", '{"level":"info","ts":1646861401.5,"msg":"serving initial configuration"}').outcome,
    "no-fields",
  );
});

test("CloudFront: the header says what stands where; agents are URL-encoded, some of them twice", () => {
  const parser = parserFor("cloudfront");
  assert.equal(parsedBy(parser, "#Version: 1.0").outcome, "header");
  assert.equal(
    parsedBy(parser, "#Fields: date time sc-status c-ip cs(User-Agent) new-field time-taken time-to-first-byte")
      .outcome,
    "header",
  );
  const line = "2019-12-04\t21:02:31\t200\t192.0.2.100\tMozilla/5.0%2520(Windows%20NT)\tx\t0.001\t-";
  has(parsedBy(parser, line), {
    outcome: "ok",
    at: "2019-12-04T21:02:31.000Z",
    status: 200,
    address: "192.0.2.100",
    agent: "Mozilla/5.0 (Windows NT)",
    durationUs: 1000,
    ttfbUs: undefined,
    time: "2019-12-04\t21:02:31",
  });
  has(parsedBy(parser, `${line}\tappended\tlater`), { outcome: "ok", rest: "appended\tlater" });
  assert.equal(parsedBy(parser, line.slice(0, line.indexOf("\tx"))).outcome, "truncated");
});

test("IIS: time-taken is ms, a plus in an agent is a blank", () => {
  const { example } = NAMED_FORMATS.find(({ name }) => name === "w3c")!;
  has(parsed("w3c", example), { durationUs: 148_000, agent: "Mozilla/5.0 (X11; Linux x86_64)", query: "page=2" });
});

test("Varnish: whole URLs are split into host and path; hits and first bytes", () => {
  const format = '%h %l %u %t "%r" %s %b "%{Referer}i" "%{User-agent}i" %{Varnish:hitmiss}x %{Varnish:time_firstbyte}x';
  has(parsed(format, `${REQUEST} hit 0.000123`), { cache: "hit", ttfbUs: 123 });
  const line = REQUEST.replace("GET / ", "GET http://www.example.org:8080/a?b=c ");
  has(parsed("varnish", line), { vhost: "www.example.org", path: "/a", query: "b=c", scheme: "http" });
  has(parsed("combined", line), { path: "http://www.example.org:8080/a", vhost: undefined }); // a probe for open proxies
});
