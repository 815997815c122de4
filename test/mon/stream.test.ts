import assert from "node:assert/strict";
import { test } from "node:test";
import { EventParser, type SentEvent } from "../../src/mon/stream.ts";

const STREAM = Buffer.from(
  '\ufeff: hello\n\nevent: overview\nid: 7\ndata: {"a":"é✓"}\n\nretry: 5\ndata:one\r\ndata: two\r\n\r\nevent: empty\n\ndata\rdata: \r\r: bye\n',
);
const EVENTS: SentEvent[] = [
  { name: "overview", data: '{"a":"é✓"}' },
  { name: "message", data: "one\ntwo" },
  { name: "message", data: "\n" },
];

test("events come out whole, however the stream is cut", () => {
  for (let first = 0; first <= STREAM.length; first++) {
    const parser = new EventParser();
    const events = [...parser.push(STREAM.subarray(0, first)), ...parser.push(STREAM.subarray(first))];
    assert.deepEqual(events, EVENTS, `cut at ${first}`);
  }
  const parser = new EventParser();
  assert.deepEqual(
    [...STREAM].flatMap((byte) => parser.push(Buffer.from([byte]))),
    EVENTS,
  );
});

test("an event that is not finished is not told", () => {
  assert.deepEqual(new EventParser().push(Buffer.from("data: half\n")), []);
});

test("an event without an end is refused before it takes the memory", () => {
  const parser = new EventParser();
  const endless = Buffer.alloc(8 * 1024 * 1024, "x");
  parser.push(Buffer.from("data: "));
  assert.throws(() => {
    for (let i = 0; i < 10; i++) parser.push(endless);
  }, /has no end/);
});
