import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { JsonFields } from "../../src/formats/json-fields.ts";
import { parserFor } from "../../src/formats/parser-for.ts";
import { unescapeJson } from "../../src/formats/unescape.ts";
import { parsed } from "./parsed.ts";

const PATHS = [
  "status",
  "request.uri",
  "request.headers.User-Agent[0]",
  "request.headers.User-Agent[2]",
  "a\\.b",
  "list[1].x",
  "é",
];

/** The plain twin: parse all, walk, and take what is text or a number. */
function twin(json: string, path: string): string | undefined {
  let value: unknown = JSON.parse(json);
  for (const step of path.match(/\[\d+\]|(?:[^.[\\]|\\.)+/g)!) {
    const key = step.startsWith("[") ? Number(step.slice(1, -1)) : step.replace(/\\(.)/g, "$1");
    if (typeof key === "number" ? !Array.isArray(value) : Array.isArray(value)) return undefined;
    if (typeof value !== "object" || value === null) return undefined;
    if (!Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string | number, unknown>)[key];
  }
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
}

function found(json: string, fields: JsonFields): (string | undefined)[] {
  const bytes = Buffer.from(`{"status":1}${json}{"status":2}`);
  assert.equal(fields.scan(bytes, 12, bytes.length - 12), "whole", json);
  return Array.from({ length: fields.escaped.length }, (_, i) => {
    const from = fields.extents[2 * i]!;
    if (from < 0) return undefined;
    const out = Buffer.alloc(bytes.length);
    const end = unescapeJson(bytes, from, fields.extents[2 * i + 1]!, out, 0);
    const raw = bytes.toString("utf8", from, fields.extents[2 * i + 1]);
    assert.equal(fields.escaped[i] === 1, raw.includes("\\"));
    return out.toString("utf8", 0, end);
  });
}

const key = fc.oneof(
  fc.constantFrom("status", "request", "uri", "headers", "User-Agent", "a.b", "list", "x", "é", "statu", "status2"),
  fc.string({ maxLength: 4, unit: "binary" }),
);
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string({ maxLength: 6, unit: "binary" }),
    fc.string({ unit: fc.constantFrom('"', "\\", "/", "\n", "{", "}", "[", "]", "é", "😀", "\ud800"), maxLength: 5 }),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(null, true, false),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(key, tie("value"), { maxKeys: 5 }),
  ),
}));
const wanted = fc.record(
  {
    status: value,
    request: fc.oneof(
      value,
      fc.record(
        { uri: value, headers: fc.oneof(value, fc.record({ "User-Agent": value }, { requiredKeys: [] })) },
        { requiredKeys: [] },
      ),
    ),
    "a.b": value,
    list: fc.oneof(value, fc.array(fc.oneof(value, fc.record({ x: value })), { maxLength: 3 })),
    é: value,
  },
  { requiredKeys: [] },
);
const object = fc
  .tuple(fc.dictionary(key, value, { maxKeys: 5 }), wanted, fc.boolean())
  .map(([noise, real, last]) => (last ? { ...noise, ...real } : { ...real, ...noise }));

function escapedUnits(text: string): string {
  if (text.startsWith("\\")) return text;
  return text.replace(/./gs, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

test("finds in random objects what JSON.parse finds, in any order, nesting, spacing and escaping", () => {
  const fields = new JsonFields(PATHS);
  fc.assert(
    fc.property(object, fc.constantFrom(0, 1, "\t"), fc.boolean(), (random, indent, escaping) => {
      let json = JSON.stringify(random, null, indent);
      if (escaping) {
        json = json.replace(/"(?:[^"\\]|\\.)*"/g, (text) => text.replace(/\\.|[^\x20-\x7e]|[s&]/g, escapedUnits));
      }
      const expected = PATHS.map((path) => {
        const text = twin(json, path);
        return text === undefined ? undefined : Buffer.from(text).toString("utf8"); // lone surrogates become U+FFFD
      });
      const got = found(json, fields).map((text, i) =>
        text !== undefined && expected[i] !== undefined && Number(text) === Number(expected[i]) ? expected[i] : text,
      );
      assert.deepEqual(got, expected, json);
    }),
    { numRuns: 3000 },
  );
});

test("a JSON line that is cut anywhere never throws, and gives what came before", () => {
  const line = '{"ts":1795528536.5,"request":{"uri":"/a\\u0026b","method":"GET"},"status":200,"size":12345}';
  const parser = {
    json: { time: "ts", target: "request.uri", method: "request.method", status: "status", size: "size" },
  };
  for (let length = 1; length < line.length; length++) {
    const cut = parsed(parser, line.slice(0, length));
    assert.equal(cut.outcome, length > line.indexOf(",") ? "truncated" : "bad-json", String(length));
    assert.ok(cut.status === undefined || cut.status === 200);
    assert.ok(cut.size === undefined || cut.size === 12345);
  }
  assert.equal(parsed(parser, line).target, "/a&b");
});

test("what is no JSON object is refused", () => {
  for (const text of [
    "x",
    "[]",
    "1",
    "null",
    '"a"',
    "{]",
    '{"status" 1}',
    '{"status":}',
    "{status:200}",
    '{"status":200,}',
  ]) {
    assert.equal(parsed("caddy", text).outcome, "bad-json", text);
  }
  assert.equal(parsed("caddy", "{}").outcome, "no-fields");
});

test("nginx's \\x escapes in what should be JSON are undone", () => {
  const line = '{"status":"200","request":"GET /\\xC3\\xA9?q=\\x22 HTTP/1.1"}';
  assert.equal(parsed("nginx-json", line).path, "/é");
  assert.equal(parsed("nginx-json", line).query, 'q="');
});

test("times in JSON may be RFC 3339, CLF, or s, ms, µs or ns since the epoch", () => {
  const at = (time: string) => parsed({ json: { time: "t", status: "s" } }, `{"s":200,"t":${time}}`).at;
  for (const time of [
    '"2026-11-24T13:55:36.5Z"',
    '"2026-11-24T15:55:36.500000000+02:00"',
    '"2026-11-24 13:55:36.5"',
    "1795528536.5",
    "1795528536500",
    "1795528536500000",
    "1795528536500000000",
    '"1795528536.500"',
    "1.7955285365e9",
  ]) {
    assert.equal(at(time), "2026-11-24T13:55:36.500Z", time);
  }
  assert.equal(at('"24/Nov/2026:13:55:36 +0000"'), "2026-11-24T13:55:36.000Z");
});

test("a path that is none, and a name that is none, are refused with what is wrong", () => {
  for (const path of ["", ".", "a..b", "[0]", "a[x]", "a."]) {
    assert.throws(() => parserFor({ json: { status: path } }), /path ".*: it does not say keys and list items/, path);
  }
  assert.throws(() => parserFor({ json: { stauts: "a" } }), /"stauts": there is no such field/);
  assert.throws(() => parserFor({ json: {} }), /it names no field/);
});
