import assert from "node:assert/strict";
import { test } from "node:test";
import { privacyConfig } from "../../src/metrics/config.ts";
import { viewOf } from "../../src/metrics/intern.ts";
import { Privacy, Scratch } from "../../src/metrics/privacy.ts";
import { OwnSlice } from "../../src/metrics/slice.ts";

type Written = Parameters<typeof privacyConfig.parse>[0];

/** A slice in the middle of a longer buffer, as in a line. */
function sliceOf(text: string): OwnSlice {
  const bytes = Buffer.from(`before ? ${text} ?behind=1&token=2`);
  const slice = new OwnSlice();
  slice.set(bytes, viewOf(bytes), 9, 9 + Buffer.byteLength(text));
  return slice;
}

function addressBy(config: Written, text: string): string {
  const slice = sliceOf(text);
  new Privacy(privacyConfig.parse(config), 1).address(slice);
  return slice.toString();
}

function queryBy(config: Written, text: string): string {
  const slice = sliceOf(text);
  new Privacy(privacyConfig.parse(config), 1).query(slice, new Scratch());
  return slice.toString();
}

test("by default all stays as it is", () => {
  assert.equal(addressBy({}, "192.0.2.17"), "192.0.2.17");
  assert.equal(queryBy({}, "/a?b=1"), "/a?b=1");
});

for (const [address, wanted] of [
  ["192.0.2.17", "192.0.2.0"],
  ["10.0.0.255", "10.0.0.0"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1::"],
  ["2001:db8::5", "2001:db8::"],
  ["2001:db8:1::5", "2001:db8:1::"],
  ["::1", "::"],
  ["::ffff:192.0.2.17", "::ffff:192.0.2.0"],
  ["host.example.org", "*.example.org"],
  ["localhost", "*"],
] as const) {
  test(`truncated, ${address} is ${wanted}`, () => assert.equal(addressBy({ address: "truncate" }, address), wanted));
}

test("a hashed address is another name that is always the same, and says nothing of the address", () => {
  const config = { address: "hash", secret: "a secret of ours" } as const;
  const hashed = addressBy(config, "192.0.2.17");
  assert.match(hashed, /^[0-9a-f]{16}$/);
  assert.equal(addressBy(config, "192.0.2.17"), hashed);
  assert.notEqual(addressBy(config, "192.0.2.18"), hashed);
});

test("without a secret each start hashes in its own way", () => {
  assert.notEqual(addressBy({ address: "hash" }, "192.0.2.17"), addressBy({ address: "hash" }, "192.0.2.17"));
});

test("more addresses than are known by heart are hashed the same when they come again", () => {
  const privacy = new Privacy(privacyConfig.parse({ address: "hash", secret: "a secret of ours" }), 1);
  const hashed = (text: string) => {
    const slice = sliceOf(text);
    privacy.address(slice);
    return slice.toString();
  };
  const first = hashed("192.0.2.17");
  for (let i = 0; i < 60_000; i++) hashed(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
  assert.equal(hashed("192.0.2.17"), first);
});

test("a dropped query goes with its question mark, and nothing else does", () => {
  assert.equal(queryBy({ query: "drop" }, "/a/b?token=1&x=2"), "/a/b");
  assert.equal(queryBy({ query: "drop" }, "/a/b"), "/a/b");
});

for (const [page, wanted] of [
  ["/a?token=1&page=2", "/a?page=2"],
  ["/a?page=2&token=1", "/a?page=2"],
  ["/a?token=1&session=2", "/a"],
  ["/a?token", "/a"],
  ["/a?tokens=1&x=token", "/a?tokens=1&x=token"],
  ["/a?x=1;token=2", "/a?x=1"],
  ["/a?", "/a"],
  ["/token=1", "/token=1"],
] as const) {
  test(`without token and session, ${page} is ${wanted}`, () =>
    assert.equal(queryBy({ query: ["token", "session"] }, page), wanted));
}
