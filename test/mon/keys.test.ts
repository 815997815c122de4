import assert from "node:assert/strict";
import { test } from "node:test";
import { Keys } from "../../src/mon/keys.ts";

test("letters are themselves, the other keys have names", () => {
  assert.deepEqual(new Keys().push("q+\t\r\x03\x0c\x1a"), ["q", "+", "tab", "enter", "ctrl-c", "ctrl-l", "ctrl-z"]);
  assert.deepEqual(new Keys().push("\x1b[A\x1bOB\x1b[5~\x1b[Z"), ["up", "down", "pageup", "backtab"]);
});

test("a sequence that comes in pieces is one key", () => {
  const keys = new Keys();
  assert.deepEqual(
    [keys.push("\x1b"), keys.push("["), keys.push("6"), keys.push("~q")],
    [[], [], [], ["pagedown", "q"]],
  );
});

test("an escape with nothing after it is the key escape", () => {
  const keys = new Keys();
  assert.deepEqual(keys.push("\x1b"), []);
  assert.equal(keys.waiting, true);
  assert.deepEqual(keys.flush(), ["escape"]);
  assert.equal(keys.waiting, false);
  assert.deepEqual(keys.flush(), []);
});

test("sequences that mean nothing, such as a mouse's, press no key", () => {
  assert.deepEqual(new Keys().push("\x1b[<0;12;4M\x1b[200~\x1bOP\x00\x7fq"), ["q"]);
});

test("what begins as a sequence and never ends does not hold up the keys", () => {
  const keys = new Keys();
  const pressed = keys.push(`\x1b[${"1;".repeat(30)}`);
  assert.equal(keys.waiting, false);
  assert.equal(pressed[0], "escape");
});
