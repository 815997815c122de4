/**
 * Text from log lines, made such that what is seen is what is there. It reaches the page as text nodes only, so it cannot
 * be markup; this is about characters that would hide, reorder or break what stands around them.
 */

/** Control characters, and those that steer the direction of writing or have no width. */
const UNSEEN =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/** Unseen characters become `\x1b` or `\u{202e}`, as in a terminal of ours; at most `most` characters are kept. */
export function visible(text: string, most = 2000): string {
  const cut = text.length > most ? `${text.slice(0, most)}… (${text.length} characters)` : text;
  return cut.replace(UNSEEN, (character) => {
    const code = character.codePointAt(0)!.toString(16);
    return code.length <= 2 ? `\\x${code.padStart(2, "0")}` : `\\u{${code}}`;
  });
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/** A message that is not UTF-8: its text as far as it is one, other bytes as \xff. */
export function textOfBase64(data: string): string {
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const piece = characterAt(bytes, at);
    text += piece?.text ?? `\\x${bytes[at]!.toString(16).padStart(2, "0")}`;
    at += piece?.length ?? 1;
  }
  return text;
}

function characterAt(bytes: Uint8Array, at: number): { text: string; length: number } | undefined {
  const first = bytes[at]!;
  const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (first < 0x80) return { text: String.fromCharCode(first), length };
  try {
    return { text: decoder.decode(bytes.subarray(at, at + length)), length };
  } catch {
    return undefined;
  }
}
