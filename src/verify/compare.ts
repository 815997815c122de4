/**
 * Compares the lines that should be there with the lines that are, both streams read once, in order, with bounded memory.
 *
 * While the two agree, they are compared as bytes, a chunk at a time. Where they differ, lines are looked at one by one: the
 * shortest way to where they agree again tells which lines stand only on one side, a gap. A line of one side that turns up
 * on the other within `window` lines has moved; one that is there once more is doubled; the rest is missing, or foreign, or,
 * one against one, altered.
 */
import type { Hash } from "./hash.ts";
import type { Hole, Line, LineSource } from "./line-source.ts";

export interface CompareOptions {
  /** How far, in lines, a line is looked for. Memory grows with it. */
  readonly window: number;
  /** Lines may stand in another order, within the window: moved ones are no finding. */
  readonly anyOrder: boolean;
  /** What stands in the file behind the last expected line counts as well. */
  readonly untilEnd: boolean;
  readonly hash: Hash;
}

/** Where a line stands: its piece and which of its lines it is. */
export interface Spot<From> {
  readonly from: From;
  readonly index: number;
}

/** A line in its place; `text` is its beginning. */
export interface Place<From> extends Spot<From> {
  readonly text: Buffer;
}

export type Finding<E, A> =
  | { readonly kind: "missing"; readonly expected: Place<E> }
  | { readonly kind: "doubled"; readonly expected: Spot<E>; readonly actual: Place<A> }
  | { readonly kind: "moved"; readonly expected: Place<E>; readonly actual: Place<A> }
  | { readonly kind: "altered"; readonly expected: Place<E>; readonly actual: Place<A> }
  | { readonly kind: "foreign"; readonly actual: Place<A> }
  | { readonly kind: "untold"; readonly hole: Hole; readonly lines: number };

/** After a difference, so many lines in a row must agree again. */
const AGREE = 3;

/** How much of a line is kept to show it. */
const TEXT_BYTES = 300;

/** Waits for its like on the other side until its gap is closed. */
interface Loose<From> extends Place<From> {
  readonly hash: number;
  found: boolean;
}

/** Lines that stand only on one side, between two that stand on both. */
interface Gap<E, A> {
  readonly expected: Loose<E>[];
  readonly actual: Loose<A>[];
  /** Lines passed on both sides when it was found. */
  readonly at: number;
}

/** Resolves when both are read to the end; tells each finding when it is certain. */
export async function compare<E, A>(
  expected: LineSource<E>,
  actual: LineSource<A>,
  options: CompareOptions,
  found: (finding: Finding<E, A>) => void,
): Promise<void> {
  const loose = new LooseEnds<E, A>(options, found);
  for (;;) {
    const e = await expected.head();
    if (e !== undefined && "kind" in e) {
      loose.closeAll();
      const lines = await passUntold(expected, actual, e);
      found({ kind: "untold", hole: e, lines });
      continue;
    }
    const a = await actual.head();
    if (a !== undefined && "kind" in a) throw new Error("a file has no holes");
    if (e === undefined || a === undefined) {
      if (e === undefined && (a === undefined || !options.untilEnd)) break;
      if (!loose.hasOpen) loose.remember(expected.behind());
      await passAsGap(
        expected,
        actual,
        e === undefined ? 0 : options.window,
        e === undefined ? options.window : 0,
        loose,
      );
      continue;
    }
    if (options.anyOrder) {
      await passAsGap(expected, actual, 1024, 1024, loose);
      continue;
    }
    if (!loose.hasOpen) {
      const same = agreeing(e, a);
      if (same > 0) {
        expected.pass(same);
        actual.pass(same);
        continue;
      }
      loose.remember(expected.behind());
    }
    await passOneByOne(expected, actual, options, loose);
  }
  loose.closeAll();
}

/** How many bytes of whole lines both begin with. */
function agreeing(e: Buffer, a: Buffer): number {
  let low = 0;
  let high = Math.min(e.length, a.length);
  if (e.compare(a, 0, high, 0, high) === 0) return high;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (e.compare(a, low, middle, low, middle) === 0) low = middle;
    else high = middle;
  }
  return low === 0 ? 0 : e.lastIndexOf(10, low - 1) + 1;
}

/** Passes lines that agree until the loose ends are closed or the lines differ; then finds the next agreement. */
async function passOneByOne<E, A>(
  expected: LineSource<E>,
  actual: LineSource<A>,
  options: CompareOptions,
  loose: LooseEnds<E, A>,
): Promise<void> {
  for (;;) {
    const e = await expected.line(0);
    const a = await actual.line(0);
    if (e === undefined || a === undefined) return;
    if (!e.bytes.equals(a.bytes)) break;
    loose.rememberOne(e);
    expected.passLines(1);
    actual.passLines(1);
    loose.closeOld(expected.passed + actual.passed);
    if (!loose.hasOpen) return;
  }
  for (let reach = Math.min(64, options.window); ; reach = Math.min(reach * 8, options.window)) {
    const way = await shortestWay(expected, actual, reach, options.hash);
    if (way !== undefined) return passAsGap(expected, actual, way.expected, way.actual, loose);
    if (reach === options.window) return passAsGap(expected, actual, reach, reach, loose);
  }
}

/** The fewest lines to leave out on each side, `reach` at most, so that the sides agree again; undefined if there is no way. */
async function shortestWay<E, A>(expected: LineSource<E>, actual: LineSource<A>, reach: number, hash: Hash) {
  const places = new Map<number, number[]>();
  let actualEnd = 0;
  for (let line: Line<A> | undefined; actualEnd < reach && (line = await actual.line(actualEnd)); actualEnd++) {
    const key = hash(line.bytes);
    const at = places.get(key);
    if (at === undefined) places.set(key, [actualEnd]);
    else if (at.length < 8) at.push(actualEnd);
  }
  let best: { expected: number; actual: number } | undefined;
  let cost = Number.POSITIVE_INFINITY;
  for (let i = 0; i < Math.min(reach, cost); i++) {
    const line = await expected.line(i);
    if (line === undefined) break;
    for (const j of places.get(hash(line.bytes)) ?? []) {
      if (i + j >= cost || !(await agreesFrom(expected, actual, i, j))) continue;
      best = { expected: i, actual: j };
      cost = i + j;
    }
  }
  return best;
}

async function agreesFrom<E, A>(
  expected: LineSource<E>,
  actual: LineSource<A>,
  i: number,
  j: number,
): Promise<boolean> {
  for (let k = 0; k < AGREE; k++) {
    const e = await expected.line(i + k);
    const a = await actual.line(j + k);
    if (e === undefined || a === undefined) return k > 0;
    if (!e.bytes.equals(a.bytes)) return false;
  }
  return true;
}

async function passAsGap<E, A>(
  expected: LineSource<E>,
  actual: LineSource<A>,
  expectedLines: number,
  actualLines: number,
  loose: LooseEnds<E, A>,
): Promise<void> {
  const e = await take(expected, expectedLines);
  const a = await take(actual, actualLines);
  loose.open(e, a, expected.passed + actual.passed);
  loose.closeOld(expected.passed + actual.passed);
}

/** Passes up to `count` lines. */
async function take<From>(source: LineSource<From>, count: number): Promise<Line<From>[]> {
  const lines: Line<From>[] = [];
  for (let line: Line<From> | undefined; lines.length < count && (line = await source.line(0)); ) {
    lines.push(line);
    source.passLines(1);
  }
  return lines;
}

/**
 * Passes a hole, and of the file the lines that may have stood there: as many as the hole held, or fewer where the next
 * lines after the hole begin. Returns how many lines of the file nothing can be told of.
 */
async function passUntold<E, A>(expected: LineSource<E>, actual: LineSource<A>, hole: Hole): Promise<number> {
  expected.passHole();
  for (let lines = 0; ; lines++) {
    if (lines >= hole.messages || (await agreesFrom(expected, actual, 0, 0))) return lines;
    if ((await actual.line(0)) === undefined) return lines;
    actual.passLines(1);
  }
}

/** What stands on one side only, until its like is found or it is too old to be looked for. */
class LooseEnds<E, A> {
  readonly #options: CompareOptions;
  readonly #found: (finding: Finding<E, A>) => void;
  readonly #gaps: Gap<E, A>[] = [];
  readonly #expected = new Map<number, Loose<E>[]>();
  readonly #actual = new Map<number, Loose<A>[]>();
  /** Lines that stood where they should, by hash, in two generations; to tell what is there once more. */
  #recent = new Map<number, Spot<E>>();
  #older = new Map<number, Spot<E>>();

  constructor(options: CompareOptions, found: (finding: Finding<E, A>) => void) {
    this.#options = options;
    this.#found = found;
  }

  get hasOpen(): boolean {
    return this.#gaps.length > 0;
  }

  remember(lines: Iterable<Line<E>>): void {
    for (const line of lines) this.rememberOne(line);
  }

  rememberOne(line: Line<E>): void {
    this.#rememberSpot(this.#options.hash(line.bytes), line);
  }

  open(expected: readonly Line<E>[], actual: readonly Line<A>[], at: number): void {
    const gap: Gap<E, A> = { expected: [], actual: [], at };
    // A line that is on both sides of this gap or of an earlier one has only moved.
    for (const line of expected) {
      const end = this.#looseOf(line);
      const like = this.#takeLike(this.#actual, end.hash);
      if (like !== undefined) this.#pair(end, like);
      else hold(this.#expected, gap.expected, end);
    }
    for (const line of actual) {
      const end = this.#looseOf(line);
      const like = this.#takeLike(this.#expected, end.hash);
      if (like !== undefined) this.#pair(like, end);
      else hold(this.#actual, gap.actual, end);
    }
    this.#gaps.push(gap);
  }

  /** Closes the gaps that are further back than the window. */
  closeOld(at: number): void {
    while (this.#gaps.length > 0 && at - this.#gaps[0]!.at > 2 * this.#options.window) this.#close(this.#gaps.shift()!);
  }

  closeAll(): void {
    for (const gap of this.#gaps.splice(0)) this.#close(gap);
  }

  #close(gap: Gap<E, A>): void {
    const missing = gap.expected.filter((end) => !end.found);
    for (const end of missing) forget(this.#expected, end);
    const unknown: Loose<A>[] = [];
    for (const end of gap.actual.filter((end) => !end.found)) {
      forget(this.#actual, end);
      const expected = this.#recent.get(end.hash) ?? this.#older.get(end.hash);
      if (expected === undefined) unknown.push(end);
      else this.#found({ kind: "doubled", expected, actual: end });
    }
    const paired = missing.length === unknown.length;
    for (const [i, expected] of missing.entries()) {
      this.#found(paired ? { kind: "altered", expected, actual: unknown[i]! } : { kind: "missing", expected });
    }
    if (!paired) for (const actual of unknown) this.#found({ kind: "foreign", actual });
  }

  #pair(expected: Loose<E>, actual: Loose<A>): void {
    expected.found = true;
    actual.found = true;
    this.#rememberSpot(expected.hash, expected);
    if (!this.#options.anyOrder) this.#found({ kind: "moved", expected, actual });
  }

  #takeLike<From>(pool: Map<number, Loose<From>[]>, hash: number): Loose<From> | undefined {
    const first = pool.get(hash)?.[0];
    if (first !== undefined) forget(pool, first);
    return first;
  }

  #looseOf<From>(line: Line<From>): Loose<From> {
    return { ...placeOf(line), hash: this.#options.hash(line.bytes), found: false };
  }

  #rememberSpot(hash: number, { from, index }: Spot<E>): void {
    this.#recent.set(hash, { from, index });
    // A gap is closed a window after it was found, and its lines may be like ones a window before it.
    if (this.#recent.size <= 2 * this.#options.window) return;
    this.#older = this.#recent;
    this.#recent = new Map();
  }
}

function hold<From>(pool: Map<number, Loose<From>[]>, list: Loose<From>[], end: Loose<From>): void {
  list.push(end);
  const ends = pool.get(end.hash);
  if (ends === undefined) pool.set(end.hash, [end]);
  else ends.push(end);
}

function forget<From>(pool: Map<number, Loose<From>[]>, end: Loose<From>): void {
  const ends = pool.get(end.hash);
  if (ends === undefined) return;
  const at = ends.indexOf(end);
  if (at !== -1) ends.splice(at, 1);
  if (ends.length === 0) pool.delete(end.hash);
}

/** A copy of the line's beginning, so that it does not hold its whole piece in memory. */
function placeOf<From>({ from, index, bytes }: Line<From>): Place<From> {
  return { from, index, text: Buffer.from(bytes.subarray(0, TEXT_BYTES)) };
}
