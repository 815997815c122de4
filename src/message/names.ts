import { LogspreadError } from "./error.ts";

/** Longest group or sender name, in UTF-8 bytes: its length is one byte in a frame. */
export const MAX_NAME_BYTES = 200;

/** Groups whose names start so are the bus's own (the ledger, presence); wildcards do not match them. */
export const SYSTEM_PREFIX = "$";

// What would be ambiguous in a URL path, a list of groups, a wildcard or a terminal.
const FORBIDDEN = /[\s/,*?\p{C}]/u;

/** Why `name` cannot be a group, or undefined if it can. */
export function groupNameFault(name: string): string | undefined {
  if (name === "") return "it is empty";
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return `it is longer than ${MAX_NAME_BYTES} bytes`;
  const found = FORBIDDEN.exec(name);
  if (found) return `it contains ${JSON.stringify(found[0])}; blanks, control characters and / , * ? are not allowed`;
  return undefined;
}

/** Returns `name` if it can be a group; throws BAD_ARGUMENT that says why not. */
export function checkGroupName(name: string): string {
  const why = groupNameFault(name);
  if (why === undefined) return name;
  throw new LogspreadError("BAD_ARGUMENT", {
    what: `${JSON.stringify(name)} cannot be a group's name`,
    why,
    fix: "Use letters, digits and . _ - : @ + such as coolsite or www.example.org:443",
  });
}

/**
 * Compiles group patterns ("coolsite", "web-*", "*") to one test of a name; `*` stands for any run of characters.
 * The system groups ("$ledger") match only when they are named in full.
 */
export function groupMatcher(patterns: readonly string[]): (group: string) => boolean {
  const exact = new Set(patterns.filter((p) => !p.includes("*")));
  const wild = patterns.filter((p) => p.includes("*")).map(wildcard);
  return (group) => exact.has(group) || (!group.startsWith(SYSTEM_PREFIX) && wild.some((matches) => matches(group)));
}

/**
 * Each piece between stars is looked for once, from where the one before it ended; the last must end the name. Patterns
 * come from clients: a regular expression would try some of them ("*a*a*a*a*b") for ever.
 */
function wildcard(pattern: string): (name: string) => boolean {
  const [head, ...pieces] = pattern.split("*");
  const tail = pieces.pop()!;
  return (name) => {
    if (!name.startsWith(head!)) return false;
    let at = head!.length;
    for (const piece of pieces) {
      const found = name.indexOf(piece, at);
      if (found === -1) return false;
      at = found + piece.length;
    }
    return name.length - tail.length >= at && name.endsWith(tail);
  };
}
