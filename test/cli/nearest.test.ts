import assert from "node:assert/strict";
import { test } from "node:test";
import { nearest } from "../../src/node/nearest.ts";

const NAMES = ["up", "publish", "tail", "groups", "check", "demo", "completion"];

for (const [typed, meant] of [
  ["tial", "tail"],
  ["publsh", "publish"],
  ["pub", "publish"],
  ["group", "groups"],
  ["ckeck", "check"],
  ["upp", "up"],
  ["frobnicate", undefined],
  ["x", undefined],
]) {
  test(`${typed} is near to ${meant ?? "nothing"}`, () => assert.equal(nearest(typed!, NAMES), meant));
}
