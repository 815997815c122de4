import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileFormat } from "../../src/formats/line-format.ts";
import { PRESETS } from "../../src/formats/presets.ts";

function parse(format: string, line: string): Record<string, string> & { whole?: never } {
  return parsed(format, line).fields;
}

function parsed(format: string, line: string): { whole: boolean; fields: Record<string, string> } {
  const compiled = compileFormat(format);
  const bytes = Buffer.from(line, "latin1");
  const extents = compiled.extents();
  const whole = compiled.parse(bytes, 0, bytes.length, extents);
  const fields: Record<string, string> = {};
  for (const [i, field] of compiled.fields.entries()) {
    if (extents[2 * i]! >= 0) fields[field.name] = bytes.toString("latin1", extents[2 * i], extents[2 * i + 1]);
  }
  return { whole, fields };
}

const LINE =
  '192.0.2.7 - frank [10/Oct/2000:13:55:36 -0700] "GET /a?b=1 HTTP/1.0" 200 2326 "http://e.org/" "Mozilla/4.08 [en]"';

const FIELDS = {
  remote: "192.0.2.7",
  user: "frank",
  time: "10/Oct/2000:13:55:36 -0700",
  request: "GET /a?b=1 HTTP/1.0",
  method: "GET",
  path: "/a?b=1",
  protocol: "HTTP/1.0",
  status: "200",
  bytes: "2326",
  referer: "http://e.org/",
  agent: "Mozilla/4.08 [en]",
};

test("combined and nginx name the fields of a line", () => {
  assert.deepEqual(parsed("combined", LINE), { whole: true, fields: { ...FIELDS, ident: "-" } });
  assert.deepEqual(parsed("nginx", LINE), { whole: true, fields: FIELDS });
});

test("vhost_combined takes the port off the virtual host, also off an IPv6 address", () => {
  const rest = LINE.replace("2326", "2580");
  assert.equal(parse("vhost_combined", `www.example.org:443 ${rest}`).vhost, "www.example.org");
  const six = parse("vhost_combined", `[2001:db8::1]:8080 ${rest}`);
  assert.equal(six.vhost, "[2001:db8::1]");
  assert.equal(six.port, "8080");
  assert.equal(six.bytes_sent, "2580");
});

test("every preset compiles and has unique field names", () => {
  for (const name of Object.keys(PRESETS)) {
    const names = compileFormat(name).fields.map((field) => field.name);
    assert.equal(new Set(names).size, names.length, name);
  }
});

test("fields agree with a regular expression on random combined lines", () => {
  const slow =
    /^(\S+) (\S+) (.*?) \[([^\]]*)\] "((?:[^"\\]|\\.)*)" (\S+) (\S+) "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)"/s;
  const word = fc.string({ unit: fc.constantFrom(..."abz019.-:/"), minLength: 1, maxLength: 8 });
  const quoted = fc
    .array(fc.oneof(word, fc.constantFrom('\\"', "\\\\", " ", "[", "]", "\\x16\\x03")), { maxLength: 6 })
    .map((parts) => parts.join(""));
  fc.assert(
    fc.property(word, word, word, quoted, quoted, quoted, word, (host, user, time, line, referer, agent, status) => {
      const text = `${host} - ${user} [${time}] "${line}" ${status} 17 "${referer}" "${agent}"`;
      const expected = slow.exec(text)!;
      const { whole, fields } = parsed("combined", text);
      assert.equal(whole, true);
      const got = ["remote", "ident", "user", "time", "request", "status", "bytes", "referer", "agent"];
      assert.deepEqual(
        got.map((name) => fields[name]),
        expected.slice(1),
      );
    }),
    { numRuns: 2000 },
  );
});

test("a user name with blanks ends where the time begins", () => {
  assert.equal(parse("combined", LINE.replace("frank", "frank van de [x] meer")).user, "frank van de");
  assert.equal(parse("combined", LINE.replace("frank", "frank van de meer")).user, "frank van de meer");
});

test("a line that was cut gives the fields that are there", () => {
  for (let length = 0; length <= LINE.length; length++) {
    const { whole, fields } = parsed("combined", LINE.slice(0, length));
    assert.equal(whole, length === LINE.length, `cut at ${length}`);
    for (const [name, value] of Object.entries(fields)) {
      const full = { ...FIELDS, ident: "-" }[name as keyof typeof FIELDS]!;
      // The cut may be within this field or within the literal that ends it.
      assert.ok(full.startsWith(value) || value.startsWith(full), `${name} of ${length}: ${value}`);
    }
  }
  const cut = parsed("combined", LINE.slice(0, -1));
  assert.equal(cut.whole, false);
  assert.equal(cut.fields.agent, "Mozilla/4.08 [en]");
});

test("garbage in place of a request has no method, and does no harm", () => {
  for (const request of ["-", "", "\\x16\\x03\\x01\\x02", "MGLNDD_192.0.2.1_443", "\\\\", "\\x05 x"]) {
    const { fields } = parsed("combined", LINE.replace("GET /a?b=1 HTTP/1.0", request));
    assert.equal(fields.method, undefined, request);
  }
  assert.equal(parse("combined", LINE.replace("GET /a?b=1 HTTP/1.0", "GET /old")).path, "/old");
  assert.equal(parse("combined", LINE.replace("/a?b=1", "/a b c")).path, "/a b c");
});

test("fields that follow the format are no fault", () => {
  const { whole, fields } = parsed("common", LINE);
  assert.equal(whole, true);
  assert.equal(fields.bytes, "2326");
});

test("a carriage return belongs to the line's end", () => {
  assert.equal(parse("combined", `${LINE}\r`).agent, "Mozilla/4.08 [en]");
  assert.equal(parse("common", '192.0.2.7 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 5\r').bytes, "5");
});

test("no bytes make a format throw or look past the end it was given", () => {
  const formats = Object.keys(PRESETS).map(compileFormat);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(80), (bytes, to) => {
      const end = Math.min(to, bytes.length);
      for (const format of formats) {
        const extents = format.extents();
        format.parse(bytes, 0, end, extents);
        for (let i = 0; i < extents.length; i += 2) {
          assert.ok(
            extents[i]! === -1 ? extents[i + 1] === -1 : extents[i]! <= extents[i + 1]! && extents[i + 1]! <= end,
          );
        }
      }
    }),
    { numRuns: 1000 },
  );
});

test("LogFormat's modifiers, parameters and backslashes are understood as in httpd.conf", () => {
  const format = '%{c}a %<s %400,501{User-Agent}i \\"%{X-Forwarded-For}i\\" %{session}C %{ms}T %^FB %%';
  const names = compileFormat(format).fields.map((field) => field.name);
  assert.deepEqual(names, [
    "peer_ip",
    "status",
    "agent",
    "x-forwarded-for",
    "cookie:session",
    "duration_ms",
    "first_byte_us",
  ]);
  assert.equal(parse(format, '::1 200 curl "1.2.3.4, unknown" abc 17 33 %')["x-forwarded-for"], "1.2.3.4, unknown");
});

test("times glued together are one time", () => {
  const format = compileFormat('%h [%{%d/%b/%Y %T}t.%{msec_frac}t %{%z}t] "%r"');
  assert.deepEqual(
    format.fields.map((field) => field.name),
    ["remote", "time", "request", "method", "path", "protocol"],
  );
  const line = Buffer.from('h [10/Oct/2000 13:55:36.250 -0700] "GET / HTTP/1.1"');
  const extents = format.extents();
  assert.ok(format.parse(line, 0, line.length, extents));
  assert.ok(format.timestamp!.find(line, extents[2]!, extents[3]!));
  assert.equal(format.timestamp!.us, Date.UTC(2000, 9, 10, 20, 55, 36, 250) * 1000);
});

test("the second field of a name goes by its directive", () => {
  const fields = compileFormat("%b %B").fields.map((field) => field.name);
  assert.deepEqual(fields, ["bytes", "%b"]);
});

test("a format that cannot be read is refused with the place", () => {
  assert.throws(() => compileFormat("%h %Q"), /%Q is not known/);
  assert.throws(() => compileFormat("%h%u"), /nothing stands between %h and %u/);
  assert.throws(() => compileFormat("combind"), /names no field/);
});
