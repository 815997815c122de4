/** Draws frames on a terminal: of each frame it writes the lines that have changed, in one piece. Pure: it returns the bytes. */
import { type Line, type Style, widthOf } from "./line.ts";

const ESC = "\x1b[";

/** Another screen than that of the shell, no cursor, and no wrapping at its edge. */
export const ENTER = `${ESC}?1049h${ESC}?25l${ESC}?7l`;
/** Undoes it, whatever state it is in. */
export const LEAVE = `${ESC}?2026l${ESC}0m${ESC}?7h${ESC}?25h${ESC}?1049l`;

// Synchronized output: a terminal that knows it shows the frame when it is whole, the others ignore it.
const BEGIN = `${ESC}?2026h`;
const END = `${ESC}?2026l`;

const COLOURS: Readonly<Record<Style, string>> = {
  plain: "",
  bold: "1",
  dim: "2",
  good: "32",
  warn: "33",
  bad: "1;31",
  accent: "36",
  bar: "7",
};

/** Without colours: what is not one stays (no-color.org). */
const NO_COLOURS: Readonly<Record<Style, string>> = {
  ...COLOURS,
  good: "",
  warn: "",
  bad: "1",
  accent: "",
};

export class Screen {
  #codes: Readonly<Record<Style, string>>;
  #shown: readonly Line[] = [];
  #columns = 0;

  constructor(colour: boolean) {
    this.#codes = colour ? COLOURS : NO_COLOURS;
  }

  /** What to write so that `lines`, each no wider than `columns`, stand on the screen; "" if they do. */
  draw(lines: readonly Line[], columns: number): string {
    const anew = columns !== this.#columns || lines.length !== this.#shown.length;
    let bytes = anew ? `${ESC}0m${ESC}2J` : "";
    for (const [row, line] of lines.entries()) bytes += this.#line(row, line, anew ? [] : this.#shown[row]!, columns);
    this.#shown = lines;
    this.#columns = columns;
    return bytes === "" ? "" : BEGIN + bytes + END;
  }

  /** Something else has written on the screen: the next frame is drawn whole. */
  forget(): void {
    this.#columns = 0;
  }

  #line(row: number, line: Line, before: Line, columns: number): string {
    let same = 0;
    let column = 0;
    for (; same < line.length && same < before.length; same++) {
      const { text, style } = line[same]!;
      if (text !== before[same]!.text || style !== before[same]!.style) break;
      column += widthOf(text);
    }
    if (same === line.length && same === before.length) return "";
    const rest = line.slice(same);
    let bytes = `${ESC}${row + 1};${column + 1}H`;
    // Of text whose width terminals do not agree on, something of before might stay: then it is erased first.
    const sure = [...rest, ...before.slice(same)].every(({ text }) => isSure(text));
    if (!sure) bytes += `${ESC}K`;
    for (const { text, style } of rest) {
      const code = this.#codes[style];
      bytes += code === "" ? text : `${ESC}${code}m${text}${ESC}0m`;
      column += widthOf(text);
      // The next stands where it belongs, whatever the terminal thinks of this one's width.
      if (!isSure(text) && column < columns) bytes += `${ESC}${column + 1}G`;
    }
    // After the last column the cursor is still on it, and erasing would take the character away.
    return sure && column < columns ? `${bytes}${ESC}K` : bytes;
  }
}

function isSure(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text);
}
