import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { clipLine, type Line, span, UNICODE } from "../../src/mon/line.ts";
import { ENTER, LEAVE, Screen } from "../../src/mon/screen.ts";
import { Emulator } from "./emulator.ts";

const textOf = (line: Line) =>
  line
    .map(({ text }) => text)
    .join("")
    .trimEnd();

test("after any frames the terminal shows the last one, whatever was drawn before", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", " ", "█", "漢", "é", "✓", "🙂"), maxLength: 12 });
  const style = fc.constantFrom("plain", "bold", "bad", "bar", "dim");
  const line = fc.array(fc.tuple(text, style), { maxLength: 5 });
  const frame = fc.array(line, { minLength: 4, maxLength: 4 });
  fc.assert(
    fc.property(fc.array(frame, { minLength: 1, maxLength: 5 }), fc.boolean(), (frames, colour) => {
      const screen = new Screen(colour);
      const emulator = new Emulator(24, 4);
      emulator.write(ENTER);
      for (const drawn of frames) {
        const lines = drawn.map((spans) =>
          clipLine(
            spans.map(([t, s]) => span(t, s as "plain")),
            24,
            UNICODE,
          ),
        );
        emulator.write(screen.draw(lines, 24));
        assert.deepEqual(emulator.lines, lines.map(textOf));
      }
    }),
    { numRuns: 300 },
  );
});

test("a frame that is as the last one writes nothing, one that differs in a line that line only", () => {
  const screen = new Screen(true);
  const lines = [[span("one")], [span("two", "bold")], [span("three "), span("3", "good")]];
  screen.draw(lines, 40);
  assert.equal(screen.draw(structuredClone(lines), 40), "");
  const bytes = screen.draw([lines[0]!, lines[1]!, [span("three "), span("4", "good")]], 40);
  assert.equal(bytes, "\x1b[?2026h\x1b[3;7H\x1b[32m4\x1b[0m\x1b[K\x1b[?2026l");
});

test("a frame of another size, and one after something else wrote on the screen, is drawn whole", () => {
  const screen = new Screen(true);
  const lines = [[span("one")], [span("two")]];
  screen.draw(lines, 40);
  assert.match(screen.draw(lines, 50), /\x1b\[2J.*one.*two/);
  screen.forget();
  assert.match(screen.draw(lines, 50), /\x1b\[2J.*one.*two/);
});

test("a character in the last column is not erased by what ends the line", () => {
  const screen = new Screen(false);
  const bytes = screen.draw([[span("x".repeat(20))]], 20);
  assert.doesNotMatch(bytes, /\x1b\[K/);
});

test("without colours only what is no colour is left", () => {
  const all = (["plain", "bold", "dim", "good", "warn", "bad", "accent", "bar"] as const).map((style) =>
    span("x", style),
  );
  const codes = [...new Screen(false).draw([all], 40).matchAll(/\x1b\[([\d;]*)m/g)].map(([, code]) => code);
  assert.deepEqual([...new Set(codes)].toSorted(), ["0", "1", "2", "7"]);
});

test("after the text of a line whose width terminals may see otherwise, the next stands in its place", () => {
  const bytes = new Screen(false).draw([[span("漢字 "), span("next")]], 40);
  assert.match(bytes, /漢字 \x1b\[6Gnext/);
});

test("leaving shows the cursor, wraps again and goes back to the shell's screen", () => {
  assert.match(LEAVE, /\x1b\[0m\x1b\[\?7h\x1b\[\?25h\x1b\[\?1049l$/);
});
