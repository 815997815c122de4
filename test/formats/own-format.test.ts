/** Formats that users write themselves. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { readFormatText } from "../../src/formats/config.ts";
import { parserFor } from "../../src/formats/parser-for.ts";
import { parsed } from "./parsed.ts";

test("an Apache LogFormat gives its fields, also %U%q glued, %v and %{Host}i, %a and %{c}a", () => {
  const format = '%a %{c}a "%m %U%q %H" %>s %B %v "%{Host}i" %X %{%Y-%m-%dT%H:%M:%S}t.%{msec_frac}t%{%z}t';
  const line =
    '192.0.2.7 10.0.0.1 "GET /a?b=c HTTP/1.1" 200 0 site "www.example.org:80" X 2026-11-24T13:55:36.250+0100';
  const record = parsed(format, line);
  assert.equal(record.outcome, "ok");
  assert.deepEqual(
    [record.address, record.peer, record.method, record.path, record.query, record.size, record.vhost, record.state],
    ["192.0.2.7", "10.0.0.1", "GET", "/a", "b=c", 0, "site", "X"],
  );
  assert.equal(record.at, "2026-11-24T12:55:36.250Z");
  assert.equal(parserFor(format).marks, "start");
});

test("begin: and end: say which end of the request Apache's time marks", () => {
  assert.equal(parserFor("%h %{begin:%s}t %>s").marks, "start");
  assert.equal(parserFor("%h %{end:%s}t %>s").marks, "end");
});

test("%b and $body_bytes_sent count the body, %O and $bytes_sent what went over the wire", () => {
  assert.equal(parserFor("%h %t %>s %b").sizeKind, "body");
  assert.equal(parserFor("%h %t %>s %O").sizeKind, "wire");
  assert.equal(parserFor("%h %t %>s %O %b").sizeKind, "body");
  assert.equal(parserFor("$remote_addr $status $body_bytes_sent").sizeKind, "body");
  assert.equal(parserFor("$remote_addr $status $bytes_sent").sizeKind, "wire");
});

test("nginx variables of time, cache, country, cookie and forwarding are understood", () => {
  const format =
    '$msec $remote_addr "$request_uri" $status $upstream_cache_status $geoip_country_code "$cookie_sid" "$http_x_forwarded_for" $request_id';
  const record = parsed(format, '1795528536.148 ::1 "/a" 200 HIT DE "abc" "unknown, 192.0.2.1" 77');
  assert.deepEqual(
    [record.at, record.path, record.cache, record.country, record.cookie, record.forwarded, record.request_id],
    ["2026-11-24T13:55:36.148Z", "/a", "HIT", "DE", "abc", "unknown, 192.0.2.1", "77"],
  );
});

test("the cookie that is asked for is taken, from its own field or from the header", () => {
  const header = '%h %>s "%{Cookie}i"';
  const line = '::1 200 "xsid=no; sid=yes; a=b"';
  assert.equal(parsed(header, line, { cookie: "sid" }).cookie, "yes");
  assert.equal(parsed(header, line, { cookie: "b" }).cookie, undefined);
  assert.equal(parsed(header, line).cookie, undefined);
  const two = "%h %>s %{a}C %{sid}C";
  assert.equal(parsed(two, "::1 200 first second").cookie, "first");
  assert.equal(parsed(two, "::1 200 first second", { cookie: "sid" }).cookie, "second");
});

test("an nginx log_format that writes JSON is read as JSON", () => {
  const format =
    '{"t":"$time_iso8601","client":{"ip":"$remote_addr"},"req":"$request","st":$status,"sz":$body_bytes_sent,"rt":"$request_time","up":"$upstream_response_time","ua":"$http_user_agent","env":"prod"}';
  const line =
    '{"ua":"a\\"b","t":"2026-11-24T13:55:36+00:00","client":{"ip":"::1"},"req":"GET /x HTTP/1.1","st":200,"sz":5,"rt":"0.250","up":"0.1, 0.1","env":"prod"}';
  assert.deepEqual(parsed(format, line), {
    outcome: "ok",
    address: "::1",
    request: "GET /x HTTP/1.1",
    method: "GET",
    target: "/x",
    protocol: "HTTP/1.1",
    path: "/x",
    agent: 'a"b',
    time: "2026-11-24T13:55:36+00:00",
    at: "2026-11-24T13:55:36.000Z",
    start: "2026-11-24T13:55:35.750Z",
    end: "2026-11-24T13:55:36.000Z",
    status: 200,
    size: 5,
    durationUs: 250_000,
    upstreamUs: 200_000,
    upstreamLastUs: 100_000,
    upstream_times: "0.1, 0.1",
  });
});

test("a JSON mapping names its fields with their units", () => {
  const json = {
    time: "t",
    url: "u",
    status: ["code", "status"],
    duration_ms: "ms",
    ttfb_ns: "first",
    upstream_us: "up",
  };
  const line = '{"t":1795528536,"u":"https://e.org/a?b","status":"404","ms":1.5,"first":2000,"up":3}';
  const record = parsed({ json, marks: "start", size: "wire" }, line);
  assert.deepEqual(
    [record.status, record.durationUs, record.ttfbUs, record.upstreamUs, record.path, record.vhost, record.start],
    [404, 1500, 2, 3, "/a", "e.org", "2026-11-24T13:55:36.000Z"],
  );
});

test("a mapping on the command line is JSON, alone or with marks and size", () => {
  assert.deepEqual(readFormatText('{"status":"s"}'), { json: { status: "s" }, marks: "end", size: "body" });
  assert.deepEqual(readFormatText('{"json":{"status":["s","t"]},"marks":"start"}'), {
    json: { status: ["s", "t"] },
    marks: "start",
    size: "body",
  });
  assert.equal(readFormatText("combined"), "combined");
  assert.throws(() => readFormatText('{"status":'), /JSON mapping .*Unexpected end/);
  assert.throws(() => readFormatText('{"status":1}'), /JSON mapping/);
});

test("a time without a zone is read in the one that is said", () => {
  const format = "%h %{%Y-%m-%d %H:%M:%S}t %>s";
  assert.equal(parsed(format, "::1 2026-07-24 13:55:36 200").at, "2026-07-24T13:55:36.000Z");
  assert.equal(parsed(format, "::1 2026-07-24 13:55:36 200", { zone: "Europe/Berlin" }).at, "2026-07-24T11:55:36.000Z");
});

test("times and durations give start and end, whichever end the time marks", () => {
  const apache = parsed("%h %t %>s %D", "::1 [24/Nov/2026:13:55:36 +0000] 200 1500000");
  assert.deepEqual([apache.start, apache.end], ["2026-11-24T13:55:36.000Z", "2026-11-24T13:55:37.500Z"]);
  const nginx = parsed(
    "$remote_addr [$time_local] $status $request_time",
    "::1 [24/Nov/2026:13:55:36 +0000] 200 1.500",
  );
  assert.deepEqual([nginx.start, nginx.end], ["2026-11-24T13:55:34.500Z", "2026-11-24T13:55:36.000Z"]);
});

test("a format without a time is read too", () => {
  const record = parsed("%h %>s", "::1 200");
  assert.deepEqual([record.outcome, record.status, record.at], ["ok", 200, undefined]);
});

test("unknown names and broken strings are refused with what there is", () => {
  assert.throws(() => parserFor("combinde"), /no format has this name.*combined/);
  assert.throws(() => parserFor("%h %Q"), /%Q is not known/);
  assert.throws(() => parserFor(""), /no format has this name/);
});
