/** The header that syslog puts before a line; HAProxy's lines come with one unless something has taken it off. */

/** What `skip` found, so that a line costs no object; it holds until the next call. */
export class SyslogHeader {
  /** Where the message starts: `from` if there is no header. */
  message = 0;
  /** The place of the host's name; -1 if there is none. */
  hostFrom = -1;
  hostTo = -1;

  /**
   * Finds the end of a header as RFC 3164, RFC 5424 or rsyslog's files have it:
   * `<134>Feb  6 12:14:14 host haproxy[14]: `, `<134>1 2026-02-06T12:14:14Z host haproxy 14 - - `, `2026-02-06T12:14:14+01:00 host haproxy[14]: `.
   */
  skip(bytes: Uint8Array, from: number, to: number): void {
    this.message = from;
    this.hostFrom = -1;
    this.hostTo = -1;
    let at = from;
    if (bytes[at] === 60) {
      while (at < to && bytes[at] !== 62) at++;
      at++;
    }
    if (at + 16 >= to) return;
    if (bytes[at] === 49 && bytes[at + 1] === 32) this.#rfc5424(bytes, at + 2, to);
    else if (isLetter(bytes[at]!) && bytes[at + 3] === 32 && bytes[at + 6] === 32 && bytes[at + 15] === 32) {
      this.#tagged(bytes, at + 16, to);
    } else if (bytes[at + 4] === 45 && bytes[at + 7] === 45 && (bytes[at + 10]! | 32) === 116) {
      this.#tagged(bytes, blank(bytes, at, to) + 1, to);
    } else if (at > from) this.message = at;
  }

  /** `host tag: `; some senders leave the host out. */
  #tagged(bytes: Uint8Array, at: number, to: number): void {
    let word = at;
    for (let words = 0; words < 2 && word < to; words++) {
      const end = blank(bytes, word, to);
      if (end > word && end < to && bytes[end - 1] === 58) {
        if (words === 1) {
          this.hostFrom = at;
          this.hostTo = word - 1;
        }
        this.message = end + 1;
        return;
      }
      word = end + 1;
    }
  }

  /** `TIME host app process id data `, in which the data may be several elements in brackets. */
  #rfc5424(bytes: Uint8Array, from: number, to: number): void {
    let at = from;
    for (let word = 0; word < 5; word++) {
      const end = blank(bytes, at, to);
      if (end >= to) return;
      if (word === 1) {
        this.hostFrom = at;
        this.hostTo = end;
      }
      at = end + 1;
    }
    while (at < to && bytes[at] === 91) {
      while (at < to && bytes[at] !== 93) at += bytes[at] === 92 ? 2 : 1;
      at++;
    }
    this.message = Math.min(blank(bytes, at, to) + 1, to);
  }
}

function blank(bytes: Uint8Array, at: number, to: number): number {
  let p = at;
  while (p < to && bytes[p] !== 32) p++;
  return p;
}

function isLetter(byte: number): boolean {
  const lower = byte | 32;
  return lower >= 97 && lower <= 122;
}
