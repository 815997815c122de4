import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { limitLines } from "../../src/inputs/line-limit.ts";

/** What the limit means, line by line: each is cut to `max` bytes, its newline stays. */
function cutSlowly(text: string, max: number): string {
  return text
    .split("\n")
    .map((line) => line.slice(0, max))
    .join("\n");
}

test("however the bytes are divided, each line is cut to the limit and nothing else is touched", () => {
  const text = fc
    .array(fc.constantFrom("a", "bb", "\n", "ccccc", "\n\n"), { maxLength: 60 })
    .map((parts) => parts.join(""));
  const steps = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(text, steps, fc.integer({ min: 1, max: 6 }), (input, sizes, max) => {
      const memory = Buffer.alloc(1024);
      let end = 0;
      let lineStart = 0;
      let discarding = false;
      let cut = 0;
      for (let at = 0, i = 0; at < input.length; i++) {
        const size = Math.min(sizes[i % sizes.length]!, input.length - at);
        memory.write(input.slice(at, at + size), end);
        at += size;
        const limited = limitLines(memory, lineStart, end, end + size, max, discarding);
        ({ end, discarding } = limited);
        cut += limited.cut;
        lineStart = memory.subarray(0, end).lastIndexOf(10) + 1;
      }
      const open = discarding ? "" : input.slice(input.lastIndexOf("\n") + 1).slice(0, max);
      const whole = input.slice(0, input.lastIndexOf("\n") + 1);
      const cutOpen = discarding ? `${input.slice(input.lastIndexOf("\n") + 1).slice(0, max)}\n` : "";
      assert.equal(memory.toString("latin1", 0, end), cutSlowly(whole, max) + cutOpen + open);
      assert.equal(cut, input.split("\n").filter((line) => line.length > max).length);
    }),
  );
});
