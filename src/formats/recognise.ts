/** Which of the formats that have a name a log is in, told from its first lines. */
import { isRequest, type LineParser, type ParserOptions } from "./line-parser.ts";
import { NAMED_FORMATS, parserFor } from "./parser-for.ts";
import { AccessRecord, ADDRESS, REST, TARGET } from "./record.ts";

export interface Recognised {
  readonly parser: LineParser;
  readonly name: string;
  /** How many of the lines that were looked at it reads. */
  readonly matched: number;
  readonly of: number;
}

/** As many lines are looked at. */
const LOOK_AT = 100;

interface Score {
  matched: number;
  /** Lines of which nothing is left over. */
  exact: number;
  /** Numbers, addresses and targets that the lines gave, less those that the format promised and the lines did not give. */
  filled: number;
}

/**
 * The format that reads most of the first lines whole; of several, the one that leaves least over, gives most numbers,
 * and can say most; then the one that stands first in the list. Undefined if none reads half of them. What cannot be told
 * apart by looking (combined of Apache and of nginx) is taken for the first: say the format where that matters.
 */
export function recognise(sample: Buffer | readonly string[], options: ParserOptions = {}): Recognised | undefined {
  const bytes = Buffer.isBuffer(sample) ? sample : Buffer.from(`${sample.join("\n")}\n`);
  const lines = firstLines(bytes);
  const record = new AccessRecord();
  let best: (Recognised & Score) | undefined;
  for (const { name } of NAMED_FORMATS) {
    const parser = parserFor(name, options);
    const score = scoreOf(parser, bytes, lines, record);
    if (score.matched * 2 < lines.length || score.matched === 0) continue;
    const found = { parser, name, of: lines.length, ...score };
    if (best === undefined || isBetter(found, best)) best = found;
  }
  return best && { parser: best.parser, name: best.name, matched: best.matched, of: best.of };
}

/** Places of the first lines that are not empty. A last line without its newline counts only if it is the only one. */
function firstLines(bytes: Buffer): { readonly from: number; readonly to: number }[] {
  const lines: { from: number; to: number }[] = [];
  for (let from = 0; from < bytes.length && lines.length < LOOK_AT; ) {
    const newline = bytes.indexOf(10, from);
    if (newline < 0 && lines.length > 0) break;
    const to = newline < 0 ? bytes.length : newline;
    if (to > from && !(to === from + 1 && bytes[from] === 13)) lines.push({ from, to });
    from = to + 1;
  }
  return lines;
}

function scoreOf(
  parser: LineParser,
  bytes: Buffer,
  lines: readonly { readonly from: number; readonly to: number }[],
  record: AccessRecord,
): Score {
  const score = { matched: 0, exact: 0, filled: 0 };
  for (const { from, to } of lines) {
    const outcome = parser.parse(bytes, from, to, record);
    if (outcome === "header") {
      score.matched++;
      score.exact++;
      continue;
    }
    if (!isRequest(outcome) || record.truncated) continue;
    score.matched++;
    if (!record.has(REST)) score.exact++;
    for (const [field, value] of [
      ["time", record.timeUs],
      ["status", record.status],
      ["size", record.size],
      ["request_size", record.requestSize],
      ["duration", record.durationUs],
      ["ttfb", record.ttfbUs],
      ["upstream_time", record.upstreamUs],
    ] as const) {
      if (value >= 0) score.filled++;
      else if (parser.fields.includes(field)) score.filled--;
    }
    if (record.has(ADDRESS)) score.filled++;
    if (record.has(TARGET)) score.filled++;
  }
  return score;
}

function isBetter(a: Recognised & Score, b: Recognised & Score): boolean {
  if (a.matched !== b.matched) return a.matched > b.matched;
  if (a.exact !== b.exact) return a.exact > b.exact;
  if (a.filled !== b.filled) return a.filled > b.filled;
  return a.parser.fields.length > b.parser.fields.length;
}
