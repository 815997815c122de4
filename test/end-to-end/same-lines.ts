import assert from "node:assert/strict";

/** Fails unless both hold the same lines equally often, in whatever order; names some that are not. */
export function assertSameLines(actual: readonly string[], expected: readonly string[]): void {
  const balance = new Map<string, number>();
  for (const line of expected) balance.set(line, (balance.get(line) ?? 0) - 1);
  for (const line of actual) balance.set(line, (balance.get(line) ?? 0) + 1);
  const missing: string[] = [];
  const surplus: string[] = [];
  for (const [line, count] of balance) {
    for (let i = count; i < 0; i++) missing.push(line);
    for (let i = count; i > 0; i--) surplus.push(line);
  }
  if (missing.length + surplus.length === 0) return;
  const some = (lines: string[]) => [`${lines.length}`, ...lines.slice(0, 5)].join("\n    ");
  assert.fail(`of ${expected.length} lines, missing: ${some(missing)}\n  doubled or never written: ${some(surplus)}`);
}

/** Fails unless `actual` is `expected`, line by line; says where they part rather than printing both. */
export function assertSameSequence(actual: readonly string[], expected: readonly string[], whose = ""): void {
  assertSameLines(actual, expected);
  const at = actual.findIndex((line, i) => line !== expected[i]);
  if (at === -1) return;
  assert.fail(
    `${whose} line ${at + 1} of ${expected.length} is out of order:\n    ${actual[at]}\n  in the place of\n    ${expected[at]}`,
  );
}
