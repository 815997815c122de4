/** A line as a number, to find it again among tens of thousands without keeping its bytes. */
export type Hash = (line: Buffer) => number;

/**
 * Bryc's cyrb53: 53 bits, all that a number holds, so that two of the 100,000 lines in view look alike once in two
 * million runs. The seed is new in each run: nobody can prepare lines that look alike.
 */
export function hashWith(seed: number): Hash {
  const first = 0xdeadbeef ^ seed;
  const second = 0x41c6ce57 ^ Math.floor(seed / 0x1_0000_0000);
  return (line) => {
    let h1 = first;
    let h2 = second;
    for (let i = 0; i < line.length; i++) {
      const byte = line[i]!;
      h1 = Math.imul(h1 ^ byte, 2654435761);
      h2 = Math.imul(h2 ^ byte, 1597334677);
    }
    h1 = Math.imul(h1 ^ (h1 >>> 16), 2246822507) ^ Math.imul(h2 ^ (h2 >>> 13), 3266489909);
    h2 = Math.imul(h2 ^ (h2 >>> 16), 2246822507) ^ Math.imul(h1 ^ (h1 >>> 13), 3266489909);
    return (h2 >>> 11) * 0x1_0000_0000 + (h1 >>> 0);
  };
}
