/** A parser that finds the format of its lines by itself, and finds it anew when they change. */
import { isRequest, type LineParser, type Outcome, type ParserOptions } from "../../formats/line-parser.ts";
import { recognise } from "../../formats/recognise.ts";
import type { AccessRecord } from "../../formats/record.ts";

/** A format that was told from fewer lines is told again when there are more. */
const SURE = 20;
/** After as many lines in turn that do not parse, the format has perhaps changed. */
const FAILURES = 50;
/** Lines that do not parse before the next try, doubled with each try that finds nothing. */
const LONGEST_PAUSE = 100_000;

export class AutoParser implements LineParser {
  readonly #options: ParserOptions;
  readonly #found: (name: string) => void;
  #parser: LineParser | undefined;
  /** Lines that the parser was chosen by. */
  #lines = 0;
  #bytes: Buffer | undefined;
  #failures = 0;
  #pause = FAILURES;

  /** `found` is told of each format that is taken. */
  constructor(options: ParserOptions, found: (name: string) => void) {
    this.#options = options;
    this.#found = found;
  }

  get name(): string {
    return this.#parser?.name ?? "auto";
  }

  get marks(): "start" | "end" {
    return this.#parser?.marks ?? "end";
  }

  get sizeKind(): "body" | "wire" {
    return this.#parser?.sizeKind ?? "body";
  }

  get fields(): readonly string[] {
    return this.#parser?.fields ?? [];
  }

  parse(bytes: Buffer, from: number, to: number, into: AccessRecord): Outcome {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      if (this.#lines < SURE) this.#look(bytes, from);
    }
    const outcome = this.#parser?.parse(bytes, from, to, into) ?? "mismatch";
    if (isRequest(outcome) || outcome === "header") {
      this.#failures = 0;
      return outcome;
    }
    if (++this.#failures < this.#pause) return outcome;
    this.#failures = 0;
    const before = this.#parser;
    this.#look(bytes, from);
    if (this.#parser === before) {
      this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
      return outcome;
    }
    return this.#parser?.parse(bytes, from, to, into) ?? outcome;
  }

  #look(bytes: Buffer, from: number): void {
    const found = recognise(bytes.subarray(from), this.#options);
    if (found === undefined) return;
    this.#lines = Math.max(this.#lines, found.of);
    if (found.name === this.#parser?.name) return;
    this.#parser = found.parser;
    this.#pause = FAILURES;
    this.#found(found.name);
  }
}
