import assert from "node:assert/strict";
import test from "node:test";
import { commandLine } from "../../scripts/start.js";

for (const [flags, expected] of [
  [[], ["up", "--data", "./data"]],
  [
    ["--listen", "127.0.0.1:0"],
    ["up", "--data", "./data", "--listen", "127.0.0.1:0"],
  ],
  [
    ["--data", "/srv/x"],
    ["up", "--data", "/srv/x"],
  ],
  [["--data=/srv/x"], ["up", "--data=/srv/x"]],
  [
    ["--config", "my.yaml"],
    ["up", "--config", "my.yaml"],
  ],
  [
    ["-c", "my.yaml"],
    ["up", "-c", "my.yaml"],
  ],
  [
    ["-d", "/srv/x"],
    ["up", "-d", "/srv/x"],
  ],
  [["--demo"], ["demo", "--data", "./data"]],
  [
    ["--rate", "5", "--demo"],
    ["demo", "--data", "./data", "--rate", "5"],
  ],
  [["--help"], ["up", "--help"]],
] as const) {
  test(`npm start -- ${flags.join(" ")} runs logspread ${expected.join(" ")}`, () => {
    assert.deepEqual(commandLine([...flags], false), expected);
  });
}

test("a configuration that is found without being named says where the data is", () => {
  assert.deepEqual(commandLine(["--listen", "127.0.0.1:0"], true), ["up", "--listen", "127.0.0.1:0"]);
});
