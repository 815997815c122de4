/**
 * What a log line may show on a terminal. A request can put any byte into a log (CVE-2003-0020 was this hole in Apache),
 * and a terminal obeys escape sequences: they move the cursor, change the title, or hide what stands before them.
 */
import { isUtf8 } from "node:buffer";

/** Whole lines of plain text, the usual case, pass one look without a copy. */
const UNUSUAL = /[^\t\x20-\x7e]/;

// C0 and C1 controls; marks that reorder, break or hide text: the bidirectional ones, line separators, tags, BOM.
const HARMFUL =
  /[\0-\x08\x0a-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/gu;

const NOT_ASCII = /[\x80-\xff]/g;

/** `message` as text that a terminal only shows: controls stand as `\x1b`, and so do bytes that are no UTF-8. A tab stays. */
export function harmless(message: Buffer): string {
  const bytes = message.toString("latin1");
  if (!UNUSUAL.test(bytes)) return bytes;
  if (!isUtf8(message)) return bytes.replace(HARMFUL, escaped).replace(NOT_ASCII, escaped);
  return message.toString("utf8").replace(HARMFUL, escaped);
}

/** The same for text that came another way, such as a sender's name. */
export function harmlessText(text: string): string {
  return text.replace(HARMFUL, escaped).replaceAll("\t", "\\x09");
}

function escaped(character: string): string {
  const code = character.codePointAt(0)!;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
}

/** JSON escapes C0 controls itself; this escapes the others, so that it is the same JSON and harmless. */
export function harmlessJson(json: string): string {
  return json.replace(HARMFUL, (character) => {
    const units = Array.from({ length: character.length }, (_, i) => character.charCodeAt(i));
    return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
  });
}
