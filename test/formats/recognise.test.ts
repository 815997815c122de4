import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { NAMED_FORMATS } from "../../src/formats/parser-for.ts";
import { recognise } from "../../src/formats/recognise.ts";

/** What looks the same as another is taken for that. */
const ALIKE: Record<string, string> = {
  "combined-debian": "combined",
  nginx: "combined",
  varnish: "combined",
  "combined-timed-s": "combined-timed",
};

test("every format is recognised by its example, or taken for the one that looks the same", () => {
  for (const { name, example } of NAMED_FORMATS) {
    const found = recognise([example, example, example]);
    assert.deepEqual([found?.name, found?.matched, found?.of], [ALIKE[name] ?? name, 3, 3], name);
  }
});

test("the sample is recognised from its first 100 lines", () => {
  const found = recognise(readFileSync(new URL("../data/access-combined.log", import.meta.url)));
  assert.deepEqual([found?.name, found?.matched, found?.of], ["combined", 100, 100]);
});

test("lines that are no requests among the first do not hide the format", () => {
  const example = NAMED_FORMATS.find(({ name }) => name === "nginx-timed")!.example;
  const lines = ["some banner", example, "", example.slice(0, 50), example, example];
  const found = recognise(lines);
  assert.deepEqual([found?.name, found?.matched, found?.of], ["nginx-timed", 3, 5]);
});

test("a proxy probe in an Apache log does not make it Varnish's", () => {
  const { example } = NAMED_FORMATS.find(({ name }) => name === "combined")!;
  assert.equal(recognise([example, example.replace("GET /", "GET http://evil.example/")])?.name, "combined");
});

test("CloudFront is recognised through its header lines", () => {
  const { example } = NAMED_FORMATS.find(({ name }) => name === "cloudfront")!;
  assert.equal(recognise(["#Version: 1.0", "#Fields: date time x-edge-location", example])?.name, "cloudfront");
});

test("what no format reads is not recognised", () => {
  assert.equal(recognise([]), undefined);
  assert.equal(recognise(Buffer.alloc(0)), undefined);
  assert.equal(recognise(["[Fri Sep 09 10:42:29 2011] [error] no access log", "nor this"]), undefined);
});

test("an unfinished last line does not count, unless it is all there is", () => {
  const { example } = NAMED_FORMATS.find(({ name }) => name === "common")!;
  assert.equal(recognise(Buffer.from(`${example}\n${example.slice(0, 30)}`))?.of, 1);
  assert.equal(recognise(Buffer.from(example))?.name, "common");
});
