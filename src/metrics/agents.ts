/**
 * Who speaks: browser, system or robot. The libraries that know (isbot for robots, bowser for browsers and systems) need
 * microseconds for a text, so each distinct agent is asked about once and a line only looks up its number.
 */
import Bowser from "bowser";
import { isbot } from "isbot";
import { FIXED, hash64 } from "./hash.ts";
import { Intern, NONE } from "./intern.ts";
import { Names } from "./names.ts";

/** What is known of an agent: numbers of names, NONE where it has none. */
const BROWSER = 0;
const SYSTEM = 1;
const ROBOT = 2;
const HIGH = 3;
const LOW = 4;
const COLUMNS = 5;

/**
 * A stream of agents that are all new may not cost more than a share of the time: so many are looked at at once, and then
 * one for so many lines. The others count as unknown, and are looked at when they come again.
 */
const MOST_AT_ONCE = 20_000;
const LINES_FOR_ONE = 100;

/** Past this no agent says anything new, and the libraries' regular expressions are not tried on a megabyte. */
const MAX_BYTES = 512;

export class Agents {
  readonly browsers: Names;
  readonly systems: Names;
  readonly robots: Names;
  readonly #intern: Intern;
  readonly #hash = new Int32Array(2);
  #facts: Int32Array;
  #allowance = MOST_AT_ONCE * LINES_FOR_ONE;
  /** Of the agent last looked up. */
  browser = NONE;
  system = NONE;
  robot = NONE;
  high = 0;
  low = 0;

  constructor(entries: number, seed: number) {
    this.#intern = new Intern({ entries, bytes: entries * 160, keyBytes: MAX_BYTES }, seed);
    this.#facts = new Int32Array(this.#intern.room * COLUMNS);
    this.browsers = new Names(256, seed);
    this.systems = new Names(256, seed);
    this.robots = new Names(2048, seed);
  }

  get memory(): number {
    return this.#intern.memory + this.#facts.byteLength;
  }

  /** Looks the agent up; what is known of it is then in `browser`, `system`, `robot`, and its hash in `high` and `low`. */
  look(bytes: Buffer, view: DataView, from: number, to: number): void {
    const intern = this.#intern;
    const before = intern.size;
    let number = this.#allowance >= LINES_FOR_ONE ? intern.intern(bytes, view, from, to) : intern.find(view, from, to);
    if (number === NONE) {
      if (this.#allowance >= LINES_FOR_ONE) {
        // Full: all are forgotten, and those that still come are soon known again.
        intern.clear();
        number = intern.intern(bytes, view, from, to);
      }
      if (number === NONE) {
        this.#unknown(view, from, to);
        return;
      }
    }
    if (number >= before || intern.size < before) this.#learn(number, view, from, to);
    const facts = this.#facts;
    const at = number * COLUMNS;
    this.browser = facts[at + BROWSER]!;
    this.system = facts[at + SYSTEM]!;
    this.robot = facts[at + ROBOT]!;
    this.high = facts[at + HIGH]!;
    this.low = facts[at + LOW]!;
  }

  /** Lines have gone by: so much more may be looked at. */
  allow(lines: number): void {
    this.#allowance = Math.min(MOST_AT_ONCE * LINES_FOR_ONE, this.#allowance + lines);
  }

  #unknown(view: DataView, from: number, to: number): void {
    this.browser = NONE;
    this.system = NONE;
    this.robot = NONE;
    hash64(view, from, to, FIXED, this.#hash);
    this.high = this.#hash[0]!;
    this.low = this.#hash[1]!;
  }

  #learn(number: number, view: DataView, from: number, to: number): void {
    this.#allowance -= LINES_FOR_ONE;
    const at = number * COLUMNS;
    if (at >= this.#facts.length) {
      const grown = new Int32Array(this.#intern.room * COLUMNS);
      grown.set(this.#facts);
      this.#facts = grown;
    }
    const known = classify(this.#intern.text(number));
    this.#facts[at + BROWSER] = known.robot === undefined ? this.browsers.numberOf(known.browser) : NONE;
    this.#facts[at + SYSTEM] = known.robot === undefined ? this.systems.numberOf(known.system) : NONE;
    this.#facts[at + ROBOT] = known.robot === undefined ? NONE : this.robots.numberOf(known.robot);
    hash64(view, from, to, FIXED, this.#hash);
    this.#facts[at + HIGH] = this.#hash[0]!;
    this.#facts[at + LOW] = this.#hash[1]!;
  }
}

export interface Agent {
  readonly browser: string;
  readonly system: string;
  /** Its name if it is a robot. */
  readonly robot: string | undefined;
}

/** What the libraries make of an agent's text. */
export function classify(text: string): Agent {
  if (isbot(text)) return { browser: "", system: "", robot: robotName(text) };
  if (text === "" || text === "-") return { browser: "(none)", system: "(none)", robot: undefined };
  const parser = Bowser.getParser(text, true);
  const browser = parser.getBrowserName();
  return {
    // What bowser does not know it names after the text's beginning.
    browser: browser === "" || browser.length > 24 ? "(unknown)" : browser,
    system: parser.getOSName() || "(unknown)",
    robot: undefined,
  };
}

/** The word that says what it is ("Googlebot", "Baiduspider"), else the first product: "Wget", "curl". */
function robotName(text: string): string {
  const word = /[a-z][\w.-]*?(?:bot|crawler|spider|slurp|preview)\b[\w-]*|(?:bot|crawler|spider)[\w-]+/i.exec(
    text,
  )?.[0];
  const name = word ?? /^[\s"'(]*([^\s/;,()]+)/.exec(text)?.[1] ?? text;
  return name.slice(0, 40);
}
