/** What the screen is made of: lines of spans, each in one style, measured in columns of the terminal. */
import { harmlessText } from "../outputs/harmless.ts";

/** `bar` is the inverted first line; `good`, `warn`, `bad` and `accent` are colours, and plain without them. */
export type Style = "plain" | "bold" | "dim" | "good" | "warn" | "bad" | "accent" | "bar";

export interface Span {
  readonly text: string;
  readonly style: Style;
}

export type Line = readonly Span[];

/** Characters that not every terminal has. */
export interface Look {
  /** Nothing but ASCII: the locale is not UTF-8. */
  readonly ascii: boolean;
  /** From nothing to full. */
  readonly blocks: readonly string[];
  readonly ellipsis: string;
  readonly none: string;
  readonly times: string;
  readonly rule: string;
}

export const UNICODE: Look = {
  ascii: false,
  blocks: [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
  ellipsis: "…",
  none: "–",
  times: "×",
  rule: "─",
};

export const ASCII: Look = {
  ascii: true,
  blocks: [" ", ".", ":", "-", "=", "+", "*", "%", "#"],
  ellipsis: "~",
  none: "-",
  times: "x",
  rule: "-",
};

export function span(text: string, style: Style = "plain"): Span {
  return { text, style };
}

/** Longest text that is looked at, in UTF-16 units: no terminal is wider. */
const MAX_TEXT = 2000;

// A pile of marks on one letter is drawn over the lines above and below it.
const PILE = /(\p{M}{2})\p{M}+/gu;

/**
 * Text that came from outside, made harmless. To a terminal that is not UTF-8 a byte of a letter may be a control
 * character, so that for it nothing but ASCII is left.
 */
export function clean(text: string, { ascii }: Look): string {
  const safe = harmlessText(text.slice(0, MAX_TEXT).toWellFormed()).replace(PILE, "$1");
  return ascii ? safe.replace(/[^\x20-\x7e]/gu, (c) => `\\u{${c.codePointAt(0)!.toString(16)}}`) : safe;
}

const NARROW = /^[\x20-\x7e]*$/;
const ZERO = /^[\p{Mn}\p{Me}\p{Cf}\u1160-\u11ff]$/u;

// East Asian Wide and Fullwidth (Unicode, UAX 11), and what is drawn as a picture.
const WIDE =
  /^(?:[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18cff}\u{1aff0}-\u{1b2ff}\u{1f200}-\u{1f265}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation})$/u;

/** Columns that `text` takes. Terminals differ for a few characters; screen.ts makes that harmless. */
export function widthOf(text: string): number {
  if (NARROW.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += columnsOf(character);
  return width;
}

function columnsOf(character: string): 0 | 1 | 2 {
  if (character < "\x7f") return 1;
  if (ZERO.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** `text` in at most `width` columns; of what is cut the end is missing. */
export function clip(text: string, width: number, look: Look): string {
  if (widthOf(text) <= width) return text;
  if (width < 1) return "";
  let used = 0;
  let kept = "";
  for (const character of text) {
    used += columnsOf(character);
    if (used > width - 1) break;
    kept += character;
  }
  return kept + look.ellipsis;
}

/** `text` in exactly `width` columns. */
export function fit(text: string, width: number, align: "left" | "right", look: Look): string {
  const clipped = clip(text, width, look);
  const blank = " ".repeat(Math.max(0, width - widthOf(clipped)));
  return align === "left" ? clipped + blank : blank + clipped;
}

export function lineWidth(line: Line): number {
  return line.reduce((sum, { text }) => sum + widthOf(text), 0);
}

/** `line` in at most `width` columns. */
export function clipLine(line: Line, width: number, look: Look): Line {
  const kept: Span[] = [];
  let left = width;
  for (const { text, style } of line) {
    const wide = widthOf(text);
    if (wide > left) {
      kept.push({ text: clip(text, left, look), style });
      break;
    }
    kept.push({ text, style });
    left -= wide;
  }
  return kept.filter(({ text }) => text !== "");
}
