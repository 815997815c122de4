import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compare } from "../../src/verify/compare.ts";
import { hashWith } from "../../src/verify/hash.ts";
import { type Hole, LineSource, type Piece } from "../../src/verify/line-source.ts";

/** Cuts lines into pieces of `size` lines; a number among them is a hole of so many messages. */
async function* piecesOf(lines: readonly (string | number)[], size: number): AsyncGenerator<Piece<number> | Hole> {
  const piece: string[] = [];
  let number = 0;
  const flush = () => ({ kind: "lines", bytes: Buffer.from(piece.splice(0).join("")), from: number++ }) as const;
  for (const line of lines) {
    if (typeof line === "string") {
      if (piece.push(`${line}\n`) === size) yield flush();
    } else {
      if (piece.length > 0) yield flush();
      yield { kind: "hole", messages: line, first: 1, last: 2, reason: "retention" };
    }
  }
  if (piece.length > 0) yield flush();
}

interface Compared {
  readonly window?: number;
  readonly anyOrder?: boolean;
  readonly untilEnd?: boolean;
  readonly pieces?: readonly [number, number];
}

/** The findings as words: "missing x", "doubled x", "moved x", "altered x to y", "foreign x", "untold 3 of 5". */
async function findings(
  expected: readonly (string | number)[],
  actual: readonly string[],
  { window = 1000, anyOrder = false, untilEnd = true, pieces = [7, 5] }: Compared = {},
): Promise<string[]> {
  const found: string[] = [];
  const sources = [expected, actual].map((lines, i) => new LineSource(piecesOf(lines, pieces[i]!)));
  await compare(sources[0]!, sources[1]!, { window, anyOrder, untilEnd, hash: hashWith(1) }, (finding) => {
    switch (finding.kind) {
      case "missing":
        return found.push(`missing ${finding.expected.text}`);
      case "altered":
        return found.push(`altered ${finding.expected.text} to ${finding.actual.text}`);
      case "untold":
        return found.push(`untold ${finding.lines} of ${finding.hole.messages}`);
      default:
        return found.push(`${finding.kind} ${finding.actual.text}`);
    }
  });
  return found;
}

const lines = (count: number, name = "line") => Array.from({ length: count }, (_, i) => `${name} ${i}`);

test("what agrees has no findings, however it is cut", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: fc.constantFrom("a", "b", "") }), { maxLength: 60 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 9 }),
      async (text, e, a) => assert.deepEqual(await findings(text, text, { pieces: [e, a] }), []),
    ),
  );
});

test("a missing line is found, at the start, in the middle and at the end", async () => {
  for (const at of [0, 1, 50, 98, 99]) {
    const all = lines(100);
    assert.deepEqual(await findings(all, all.toSpliced(at, 1)), [`missing line ${at}`]);
  }
});

test("a doubled line is found, next to the first and far from it", async () => {
  for (const [at, to] of [
    [50, 51],
    [50, 50],
    [20, 90],
    [90, 20],
    [0, 0],
    [99, 100],
  ]) {
    const all = lines(100);
    assert.deepEqual(await findings(all, all.toSpliced(to!, 0, all[at!]!)), [`doubled line ${at}`]);
  }
});

test("two swapped neighbours have moved", async () => {
  const all = lines(100);
  const swapped = all.toSpliced(40, 2, all[41]!, all[40]!);
  assert.deepEqual((await findings(all, swapped)).sort(), ["moved line 40", "moved line 41"]);
});

test("a block that moved is told line by line, the shorter way", async () => {
  const all = lines(300);
  const moved = [...all.slice(0, 50), ...all.slice(60, 200), ...all.slice(50, 60), ...all.slice(200)];
  assert.deepEqual(
    await findings(all, moved),
    lines(300)
      .slice(50, 60)
      .map((line) => `moved ${line}`),
  );
});

test("a changed byte is found with both versions", async () => {
  const all = lines(100);
  assert.deepEqual(await findings(all, all.with(30, "line thirty")), ["altered line 30 to line thirty"]);
});

test("a foreign line is found", async () => {
  const all = lines(100);
  assert.deepEqual(await findings(all, all.toSpliced(30, 0, "stranger")), ["foreign stranger"]);
});

test("a file that was cut lacks all the rest", async () => {
  const all = lines(100);
  assert.deepEqual(
    await findings(all, all.slice(0, 90)),
    all.slice(90).map((line) => `missing ${line}`),
  );
});

test("an empty file lacks everything, and where nothing was published every line is foreign", async () => {
  assert.deepEqual(await findings(lines(3), []), ["missing line 0", "missing line 1", "missing line 2"]);
  assert.deepEqual(await findings([], lines(2)), ["foreign line 0", "foreign line 1"]);
  assert.deepEqual(await findings([], []), []);
});

test("lines that are alike by right are counted, not called doubled", async () => {
  const all = ["a", "b", "b", "b", "c", "b", "d", "e"];
  assert.deepEqual(await findings(all, all), []);
  assert.deepEqual(await findings(all, all.toSpliced(2, 1)), ["missing b"]);
  assert.deepEqual(await findings(all, all.toSpliced(2, 0, "b")), ["doubled b"]);
});

test("what stands behind the last expected line counts only if it shall", async () => {
  assert.deepEqual(await findings(lines(50), lines(60), { untilEnd: false }), []);
  assert.equal((await findings(lines(50), lines(60))).length, 10);
});

test("several faults in one file are told apart", async () => {
  const all = lines(400);
  const faulty = all.with(300, "changed").toSpliced(200, 0, all[199]!).toSpliced(100, 1);
  assert.deepEqual(await findings(all, faulty, { window: 20 }), [
    "missing line 100",
    "doubled line 199",
    "altered line 300 to changed",
  ]);
});

test("a file that has nothing in common is told as such, without looking for ever", async () => {
  const found = await findings(lines(3000), lines(2000, "other"), { window: 100 });
  assert.equal(found.filter((text) => /^(missing|altered) line/.test(text)).length, 3000);
  assert.equal(found.filter((text) => /(foreign|to) other/.test(text)).length, 2000);
});

test("in any order, moved lines are no finding and missing and doubled ones are", async () => {
  const all = lines(500);
  const shuffled = all.toSorted((a, b) => Number(a.at(-1)) - Number(b.at(-1)));
  assert.deepEqual(await findings(all, shuffled, { anyOrder: true }), []);
  const faulty = shuffled.filter((line) => line !== "line 7").concat("line 9");
  assert.deepEqual((await findings(all, faulty, { anyOrder: true })).sort(), ["doubled line 9", "missing line 7"]);
});

test("where the bus has a hole, the file's lines are untold, and the rest is compared", async () => {
  const all = lines(100);
  assert.deepEqual(await findings([10, ...all.slice(10)], all), ["untold 10 of 10"]);
  assert.deepEqual(await findings([50, ...all.slice(10)], all), ["untold 10 of 50"]);
  assert.deepEqual(await findings([...all.slice(0, 40), 5, ...all.slice(45)], all.toSpliced(80, 1)), [
    "untold 5 of 5",
    "missing line 80",
  ]);
});

test("any few faults planted at random are found, each in kind and number", async () => {
  type Fault = readonly ["missing" | "doubled" | "altered" | "foreign", number];
  const fault = fc.tuple(fc.constantFrom("missing", "doubled", "altered", "foreign" as const), fc.nat(9));
  await fc.assert(
    fc.asyncProperty(fc.array(fault as fc.Arbitrary<Fault>, { maxLength: 6 }), fc.nat(40), async (faults, start) => {
      const all = lines(400);
      let faulty = [...all];
      // From the end on, each in a stretch of its own.
      for (const [i, [kind, within]] of [...faults.entries()].reverse()) {
        const at = start + i * 50 + within;
        if (kind === "missing") faulty = faulty.toSpliced(at, 1);
        if (kind === "doubled") faulty = faulty.toSpliced(at, 0, all[at]!);
        if (kind === "altered") faulty = faulty.with(at, `altered ${at}`);
        if (kind === "foreign") faulty = faulty.toSpliced(at, 0, `foreign ${at}`);
      }
      const kinds = (await findings(all, faulty, { window: 100 })).map((text) => text.split(" ")[0]);
      assert.deepEqual(kinds.sort(), faults.map(([kind]) => kind).sort());
    }),
  );
});
