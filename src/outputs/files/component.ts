/** Longest name of a file or folder that all usual file systems allow is 255 bytes; this leaves room for suffixes. */
export const MAX_COMPONENT_BYTES = 200;

const SAFE = /^[A-Za-z0-9_@:+=~,][A-Za-z0-9_@:+=~,.-]*$/;

/**
 * Makes any text harmless as (a part of) the name of a file: no slash, no control character, no leading dot or dash,
 * never empty, never longer than `maxBytes`. Different texts give different names: what is not harmless is written %XX,
 * what is too long ends in "~" and a hash of the whole. Absent, empty and "-" become "_".
 */
export function component(text: string, maxBytes: number): string {
  if (text.length <= maxBytes && SAFE.test(text)) return text;
  if (text === "" || text === "-") return "_";
  let name = "";
  for (const byte of Buffer.from(text)) {
    const char = String.fromCharCode(byte);
    name += (name === "" ? /[A-Za-z0-9_@:+=~,]/ : /[A-Za-z0-9_@:+=~,.-]/).test(char)
      ? char
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    if (name.length > maxBytes) return `${name.slice(0, maxBytes - 17)}~${hash(text)}`;
  }
  return name;
}

/** FNV-1a over UTF-16 units, twice with different seeds: 64 bits tell names apart; nothing secret depends on it. */
function hash(text: string): string {
  let a = 0x811c9dc5;
  let b = 0x9747b28c;
  for (let i = 0; i < text.length; i++) {
    a = Math.imul(a ^ text.charCodeAt(i), 0x01000193);
    b = Math.imul(b ^ text.charCodeAt(i), 0x01000193) ^ (b >>> 13);
  }
  return (a >>> 0).toString(16).padStart(8, "0") + (b >>> 0).toString(16).padStart(8, "0");
}
