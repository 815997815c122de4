/** Server-sent events (HTML Standard, 9.2.6), as far as a node sends them. Pure: bytes in, events out. */
import { StringDecoder } from "node:string_decoder";

export interface SentEvent {
  readonly name: string;
  readonly data: string;
}

/** An event that is longer than this is none of a node's, characters. */
const MAX_EVENT = 32 * 1024 * 1024;

export class EventParser {
  #decoder = new StringDecoder("utf8");
  #rest = "";
  #name = "";
  #data: string[] = [];
  #length = 0;
  #first = true;

  /** The events that `bytes` complete, in order; they may begin and end anywhere. Throws if one grows beyond all measure. */
  push(bytes: Buffer): SentEvent[] {
    let text = this.#decoder.write(bytes);
    if (this.#first && text !== "") {
      if (text.startsWith("\ufeff")) text = text.slice(1);
      this.#first = false;
    }
    const events: SentEvent[] = [];
    // A carriage return at the end may be the first half of a line's end: it waits with the line.
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop()!;
    for (const line of lines) {
      const event = this.#line(line);
      if (event !== undefined) events.push(event);
    }
    if (this.#rest.length + this.#length > MAX_EVENT) throw new Error("an event of its stream has no end");
    return events;
  }

  #line(line: string): SentEvent | undefined {
    if (line === "") {
      const event = { name: this.#name || "message", data: this.#data.join("\n") };
      const empty = this.#data.length === 0;
      this.#name = "";
      this.#data = [];
      this.#length = 0;
      return empty ? undefined : event;
    }
    const colon = line.indexOf(":");
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (field === "event") this.#name = value;
    else if (field === "data") {
      this.#data.push(value);
      this.#length += value.length;
    }
    return undefined;
  }
}
