const SPACE = 32;

/**
 * The parts of "GET /path HTTP/1.1", the places of method, target and protocol, are written to `extents` from `slot` on;
 * of anything that is no request line ("-", TLS bytes) nothing.
 */
export function splitRequest(bytes: Uint8Array, from: number, to: number, extents: Int32Array, slot: number): void {
  let method = from;
  while (method < to && bytes[method] !== SPACE) method++;
  if (method >= to) return;
  const first = bytes[from]! | 32;
  if (first < 97 || first > 122) return;
  let path = to;
  for (let p = to - 1; p > method; p--) {
    if (bytes[p] !== SPACE) continue;
    // "HTTP/"; a path may hold blanks, and HTTP/0.9 has no protocol
    if (p + 5 < to && bytes[p + 1] === 72 && bytes[p + 2] === 84 && bytes[p + 5] === 47) path = p;
    break;
  }
  extents[slot] = from;
  extents[slot + 1] = method;
  extents[slot + 2] = method + 1;
  extents[slot + 3] = path;
  if (path < to) {
    extents[slot + 4] = path + 1;
    extents[slot + 5] = to;
  }
}
