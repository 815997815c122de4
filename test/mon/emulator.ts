/** As much of a terminal as the monitor uses: what stands on the screen after some bytes. */
import { widthOf } from "../../src/mon/line.ts";

const SEQUENCE = /\x1b\[([?>]?)([\d;]*)([@-~])/y;

export class Emulator {
  #columns: number;
  #rows: number;
  #cells: string[][] = [];
  #row = 0;
  #column = 0;
  #rest = "";
  readonly modes = new Set<string>();
  /** Text that stands on the screen which was there before. */
  main = "";

  constructor(columns: number, rows: number) {
    [this.#columns, this.#rows] = [columns, rows];
    this.#clear();
  }

  resize(columns: number, rows: number): void {
    [this.#columns, this.#rows] = [columns, rows];
    this.#clear();
  }

  get lines(): string[] {
    return this.#cells.map((row) => row.join("").trimEnd());
  }

  get text(): string {
    return this.lines.join("\n");
  }

  /** Takes text, sequences of which may be in pieces. Throws at a control character that no monitor should send. */
  write(text: string): void {
    const all = this.#rest + text;
    this.#rest = "";
    for (let at = 0; at < all.length; ) {
      if (all[at] === "\x1b") {
        SEQUENCE.lastIndex = at;
        const found = SEQUENCE.exec(all);
        if (found === null) {
          if (all.length - at > 16) throw new Error(`no sequence of ours: ${JSON.stringify(all.slice(at, at + 16))}`);
          this.#rest = all.slice(at);
          return;
        }
        this.#obey(found[1]!, found[2]!, found[3]!);
        at += found[0].length;
        continue;
      }
      const character = String.fromCodePoint(all.codePointAt(at)!);
      at += character.length;
      if (!this.modes.has("1049")) this.main += character;
      else if (/\p{Cc}/u.test(character)) throw new Error(`a control character: ${JSON.stringify(character)}`);
      else this.#put(character);
    }
  }

  #put(character: string): void {
    const width = widthOf(character);
    if (width === 0) return;
    if (this.#column + width > this.#columns) throw new Error(`beyond the edge: ${this.lines[this.#row]}`);
    this.#cells[this.#row]![this.#column] = character;
    if (width === 2) this.#cells[this.#row]![this.#column + 1] = "";
    this.#column += width;
  }

  #obey(mark: string, parameters: string, final: string): void {
    const [first = 0, second = 0] = parameters.split(";").map(Number);
    if (mark === "?") {
      if (final === "h") this.modes.add(parameters);
      else this.modes.delete(parameters);
    } else if (final === "H") [this.#row, this.#column] = [Math.max(1, first) - 1, Math.max(1, second) - 1];
    else if (final === "G") this.#column = Math.max(1, first) - 1;
    else if (final === "K") this.#cells[this.#row]!.fill(" ", Math.min(this.#column, this.#columns - 1));
    else if (final === "J") this.#clear();
    else if (final !== "m") throw new Error(`the monitor has no use for ${final}`);
  }

  #clear(): void {
    this.#cells = Array.from({ length: this.#rows }, () => Array<string>(this.#columns).fill(" "));
  }
}
