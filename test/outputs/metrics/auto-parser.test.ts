import assert from "node:assert/strict";
import { test } from "node:test";
import { isRequest } from "../../../src/formats/line-parser.ts";
import { AccessRecord } from "../../../src/formats/record.ts";
import { AutoParser } from "../../../src/outputs/metrics/auto-parser.ts";

const COMMON = '192.0.2.1 - - [25/Jul/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 5\n';
const COMBINED = `${COMMON.trimEnd()} "-" "curl/8"\n`;
const CADDY =
  '{"level":"info","ts":1784980800.5,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"192.0.2.1","method":"GET","host":"x","uri":"/","proto":"HTTP/1.1","headers":{}},"duration":0.01,"size":5,"status":200}\n';

/** A parser, and what it has said; `read` gives it lines as one batch and counts the requests. */
function parser() {
  const found: string[] = [];
  const auto = new AutoParser({}, (name) => found.push(name));
  const record = new AccessRecord();
  const read = (text: string): number => {
    const bytes = Buffer.from(text);
    let requests = 0;
    for (let at = 0; at < bytes.length; ) {
      const end = bytes.indexOf(10, at);
      if (isRequest(auto.parse(bytes, at, end, record))) requests++;
      at = end + 1;
    }
    return requests;
  };
  return { auto, found, read };
}

test("the format is told from the first lines, none of which is lost", () => {
  const { read, auto, found } = parser();
  assert.equal(read(COMBINED.repeat(30)), 30);
  assert.deepEqual([auto.name, found], ["combined", ["combined"]]);
});

test("what a single line seemed to be is mended when more lines come", () => {
  const { read, auto } = parser();
  read(COMMON);
  assert.equal(read(COMBINED.repeat(30)), 30);
  assert.equal(auto.name, "combined");
});

test("a server that changes its format is followed", () => {
  const { read, found } = parser();
  read(COMBINED.repeat(50));
  const batches = Array.from({ length: 10 }, () => read(CADDY.repeat(20)));
  assert.deepEqual(found.length, 2);
  assert.equal(batches.at(-1), 20);
});

test("lines in no format are counted as such and looked at ever more rarely", () => {
  const { read, found } = parser();
  for (let i = 0; i < 50; i++) assert.equal(read("what is this\n".repeat(100)), 0);
  assert.deepEqual(found, []);
});
