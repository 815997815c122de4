import assert from "node:assert/strict";
import { test } from "node:test";
import { newState, press, type State } from "../../src/mon/state.ts";

const KNOWN = ["coolsite", "shop", "web-1"];

function after(keys: readonly string[], from: State = newState([], 300), nodes = 1) {
  let state = from;
  const effects: string[] = [];
  for (const key of keys) {
    const pressed = press(state, key, KNOWN, nodes);
    state = pressed.state;
    effects.push(pressed.effect);
  }
  return { state, effects };
}

test("leaving a group from all of them leaves the others, by their names", () => {
  const { state, effects } = after(["g", "down", " "]);
  assert.deepEqual(state.groups, ["shop", "web-1"]);
  assert.deepEqual(effects, ["ask-groups", "none", "follow"]);
});

test("a group is left and joined again", () => {
  assert.deepEqual(after(["g", "down", " ", " "]).state.groups, ["shop", "web-1", "coolsite"]);
});

test("the last group cannot be left, for no group at all would mean all", () => {
  const { state, effects } = after(["g", "down", " "], newState(["coolsite"], 300));
  assert.deepEqual(state.groups, ["coolsite"]);
  assert.equal(effects.at(-1), "none");
  assert.match(state.notice, /only one joined/);
});

test("a joins all groups, also from a pattern", () => {
  assert.deepEqual(after(["g", "a"], newState(["web-*"], 300)).state.groups, []);
});

test("+ and - go through the spans and stop at the ends", () => {
  assert.equal(after(["+"]).state.spanS, 900);
  assert.equal(after(["-"]).state.spanS, 60);
  assert.equal(after(["-", "-"]).effects.at(-1), "none");
  assert.equal(after(["+", "+", "+", "+", "+"]).state.spanS, 86_400);
  assert.equal(after(["+"], newState([], 120)).state.spanS, 300);
});

test("c disconnects and connects, n goes to the next node where there is one", () => {
  assert.equal(after(["c"]).state.connected, false);
  assert.deepEqual(after(["c", "c"]).effects, ["follow", "follow"]);
  assert.deepEqual(after(["n"], undefined, 2).effects, ["next-node"]);
  assert.match(after(["n"]).state.notice, /one node only/);
});

test("q closes the list of groups and quits elsewhere; ctrl-c quits everywhere", () => {
  assert.deepEqual(after(["g", "q"]).effects, ["ask-groups", "none"]);
  assert.deepEqual(after(["q"]).effects, ["quit"]);
  assert.deepEqual(after(["g", "ctrl-c"]).effects, ["ask-groups", "quit"]);
  assert.deepEqual(after(["?", "q"]).effects, ["none", "quit"]);
});

test("t and the digits choose the panel, which starts at its top", () => {
  assert.deepEqual(after(["down", "down"]).state.scroll, 2);
  const { state } = after(["down", "down", "t"]);
  assert.deepEqual([state.tab, state.scroll], ["pages", 0]);
  assert.equal(after(["5"]).state.tab, "anomalies");
  assert.equal(after(["backtab"]).state.tab, "anomalies");
});

test("l shows the pages first, then the next list", () => {
  assert.deepEqual([after(["l"]).state.tab, after(["l"]).state.list], ["pages", "pages"]);
  assert.equal(after(["l", "l"]).state.list, "pagesByBytes");
});
