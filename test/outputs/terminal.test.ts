import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Bus } from "../../src/bus/bus.ts";
import type { Delivery } from "../../src/message/delivery.ts";
import { coloured, paintFor, plain } from "../../src/outputs/paint.ts";
import { type TerminalConfig, terminal } from "../../src/outputs/terminal.ts";
import { openEmbedded } from "../bus/embedded/open.ts";
import { batchOf } from "../conformance/bus.ts";

const CONFIG: TerminalConfig = {
  groups: ["*"],
  from: "first",
  follow: false,
  limit: Number.POSITIVE_INFINITY,
  keep: undefined,
  form: "messages",
  prefix: false,
  safe: false,
  paint: undefined,
};

async function shownBy(bus: Bus, config: Partial<TerminalConfig>) {
  const writes: Buffer[] = [];
  const told: string[] = [];
  const write = async (bytes: Uint8Array | string) => void writes.push(Buffer.from(bytes as string));
  const output = terminal({ ...CONFIG, ...config }, { write, tell: (text) => told.push(text) });
  await output(bus, new AbortController().signal);
  return { writes, told, text: Buffer.concat(writes).toString("latin1") };
}

async function busWith(t: TestContext, ...batches: string[][]) {
  const { bus } = await openEmbedded(t);
  for (const messages of batches) await bus.publish(await batchOf(messages));
  return bus;
}

test("a batch that nothing looks into is written in one piece, byte for byte", async (t) => {
  const bus = await busWith(t, ["a\x1b[31m", "\xff\0"], ["c"]);
  const { writes } = await shownBy(bus, {});
  assert.deepEqual(writes.map(String), ["a\x1b[31m\n\xff\0\n", "c\n"]);
});

test("a limit ends in the middle of a batch", async (t) => {
  const bus = await busWith(t, ["a", "b"], ["c", "d"]);
  assert.equal((await shownBy(bus, { limit: 3, follow: true })).text, "a\nb\nc\n");
});

test("a limit of 0 shows nothing and ends", async (t) => {
  const bus = await busWith(t, ["a"]);
  assert.equal((await shownBy(bus, { limit: 0, follow: true })).text, "");
});

test("only messages that are kept count for the limit", async (t) => {
  const bus = await busWith(t, ["a1", "b1"], ["a2", "b2"], ["a3"]);
  const keep = (message: Buffer) => message[0] === 0x61;
  assert.equal((await shownBy(bus, { keep, limit: 2 })).text, "a1\na2\n");
});

test("a message with a newline in it is one line where lines are made safe, and bytes elsewhere", async (t) => {
  const bus = await busWith(t, ["one\ntwo"]);
  assert.equal((await shownBy(bus, { safe: true })).text, "one\\x0atwo\n");
  assert.equal((await shownBy(bus, {})).text, "one\ntwo\n");
});

test("a prefix tells the bus's time, the group and the sender, made harmless", async (t) => {
  const { bus } = await openEmbedded(t);
  await bus.publish(await batchOf(["line"], { group: "coolsite", sender: "www\x1b[2J@host" }));
  const { text } = await shownBy(bus, { prefix: true });
  assert.match(text, /^\d{4}-\d\d-\d\dT[\d:.]+Z coolsite www\\x1b\[2J@host line\n$/);
});

test("JSON tells a message's place, and bytes that are no UTF-8 as base64", async (t) => {
  const { bus } = await openEmbedded(t);
  const batch = await batchOf(["Grüße"], { group: "coolsite", sender: "a@b" });
  await bus.publish(batch);
  const { text } = await shownBy(bus, { form: "json" });
  const { busTime, ...rest } = JSON.parse(Buffer.from(text, "latin1").toString());
  assert.match(busTime, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  assert.deepEqual(rest, {
    position: 1,
    index: 0,
    group: "coolsite",
    sender: "a@b",
    producer: batch.producer.toString("hex"),
    sequence: 1,
    message: "Grüße",
  });
});

test("colours: the status in the colour of its class, and no byte of the line decides over them", async (t) => {
  const bus = await busWith(t, ['- "GET /\x1b[31m HTTP/1.1" 503 12', "no status"]);
  const { text } = await shownBy(bus, { paint: coloured, safe: true });
  assert.equal(text, '- "GET /\\x1b[31m HTTP/1.1" \x1b[1;31m503\x1b[0m 12\nno status\n');
});

test("colours are for terminals that can and may show them", () => {
  assert.equal(paintFor({ isTTY: true }, {}), coloured);
  assert.equal(paintFor({ isTTY: true }, { NO_COLOR: "1" }), plain);
  assert.equal(paintFor({ isTTY: true }, { TERM: "dumb" }), plain);
  assert.equal(paintFor({}, {}), plain);
});

test("a gap is told beside the messages, not among them", async () => {
  const gap: Delivery = { kind: "gap", first: 3, last: 9, messages: 1234, reason: "retention" };
  const bus = {
    async *subscribe() {
      yield gap;
    },
  } as unknown as Bus;
  const { text, told } = await shownBy(bus, {});
  assert.equal(text, "");
  assert.deepEqual(told, [
    "1234 messages are missing here (positions 3 to 9): retention deleted them before they were read",
  ]);
});
