import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { LineGatherer, type Part, readPart } from "../../src/report/input.ts";
import { Progress } from "../../src/report/progress.ts";
import { tempFolder } from "../temp.ts";

test("however a file is cut into ranges, each line is in exactly one", async (t) => {
  const path = join(tempFolder(t), "lines");
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.string({ maxLength: 12 }).filter((text) => !text.includes("\n")),
        { maxLength: 30 },
      ),
      fc.boolean(),
      fc.array(fc.nat(200), { maxLength: 5 }),
      async (lines, ended, cuts) => {
        const content = lines.join("\n") + (ended && lines.length > 0 ? "\n" : "");
        writeFileSync(path, content);
        const size = Buffer.byteLength(content);
        const edges = [...new Set([0, ...cuts.filter((cut) => cut < size)])].sort((a, b) => a - b);
        let read = "";
        for (const [i, from] of edges.entries()) {
          const part: Part = {
            path,
            compression: "none",
            from,
            to: edges[i + 1] ?? Number.POSITIVE_INFINITY,
            bytes: 0,
          };
          await readPart(
            part,
            (bytes, to) => void (read += bytes.toString("utf8", 0, to)),
            () => {},
          );
        }
        assert.equal(read, content);
      },
    ),
    { numRuns: 60 },
  );
});

test("pieces handed on end in a newline, whatever the chunks, and only the last may lack it", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: fc.constantFrom("a", "b", "\n"), maxLength: 20 }), { maxLength: 20 }),
      (chunks) => {
        const pieces: string[] = [];
        const gatherer = new LineGatherer((bytes, to) => void pieces.push(bytes.toString("utf8", 0, to)));
        for (const chunk of chunks) gatherer.push(Buffer.from(chunk));
        gatherer.end();
        assert.equal(pieces.join(""), chunks.join(""));
        for (const piece of pieces.slice(0, -1)) assert.ok(piece.endsWith("\n"));
      },
    ),
  );
});

test("progress says nothing of what is quickly done, then share, rate and time left, and takes its line away", () => {
  let now = 0;
  const written: string[] = [];
  const progress = new Progress(
    (text) => void written.push(text),
    () => now,
  );
  progress.show(10, 100);
  now = 400;
  progress.show(20, 100);
  assert.deepEqual(written, []);
  now = 1000;
  progress.show(25_000_000, 100_000_000);
  assert.match(written.at(-1)!, /\[######\.+\] 25 %, 25 MB\/s, 3 s left$/);
  now = 2000;
  progress.show(50_000_000, undefined);
  assert.match(written.at(-1)!, /50 MB, 25 MB\/s$/);
  progress.clear();
  assert.equal(written.at(-1), "\r\x1b[K");
});
