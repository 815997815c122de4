/** Keys, as a terminal in raw mode sends them: letters as themselves, the others by name. Pure. */

const SEQUENCES: Readonly<Record<string, string>> = {
  "[A": "up",
  OA: "up",
  "[B": "down",
  OB: "down",
  "[C": "right",
  OC: "right",
  "[D": "left",
  OD: "left",
  "[H": "home",
  OH: "home",
  "[1~": "home",
  "[7~": "home",
  "[F": "end",
  OF: "end",
  "[4~": "end",
  "[8~": "end",
  "[5~": "pageup",
  "[6~": "pagedown",
  "[Z": "backtab",
};

const CONTROLS: Readonly<Record<string, string>> = {
  "\x03": "ctrl-c",
  "\x0c": "ctrl-l",
  "\x1a": "ctrl-z",
  "\t": "tab",
  "\r": "enter",
  "\n": "enter",
};

// A whole sequence (CSI with its parameters, or SS3 and a letter), or the beginning of one.
const WHOLE = /^\x1b(\[[0-?]*[ -/]*[@-~]|O[ -~])/;
const BEGUN = /^\x1b(\[[0-?]*[ -/]*|O)?$/;

/** Longer than any sequence: what comes as one is none. */
const MAX_WAITING = 32;

export class Keys {
  #waiting = "";

  /** The keys that `text` completes. A sequence may come in pieces: see `waiting`. */
  push(text: string): string[] {
    this.#waiting += text;
    const keys: string[] = [];
    while (this.#waiting !== "") {
      const whole = WHOLE.exec(this.#waiting);
      if (whole !== null) {
        const name = SEQUENCES[whole[1]!];
        if (name !== undefined) keys.push(name);
        this.#waiting = this.#waiting.slice(whole[0].length);
      } else if (BEGUN.test(this.#waiting) && this.#waiting.length < MAX_WAITING) {
        break;
      } else if (this.#waiting[0] === "\x1b") {
        keys.push("escape");
        this.#waiting = this.#waiting.slice(1);
      } else {
        const [character] = this.#waiting as unknown as [string];
        if (character >= " " && character !== "\x7f") keys.push(character);
        else if (CONTROLS[character] !== undefined) keys.push(CONTROLS[character]);
        this.#waiting = this.#waiting.slice(character.length);
      }
    }
    return keys;
  }

  /** An escape has come that may be the key, or the beginning of a sequence: after a moment without more it is the key. */
  get waiting(): boolean {
    return this.#waiting !== "";
  }

  /** Nothing more has come. */
  flush(): string[] {
    const { waiting } = this;
    this.#waiting = "";
    return waiting ? ["escape"] : [];
  }
}
