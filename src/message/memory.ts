/**
 * Gives the memory of `bytes` back now, if they are all of their ArrayBuffer; afterwards they are empty. V8 sees little of
 * what lies outside of its heap and collects it late or, when it counts, with full collections: at 360 MB of log a second
 * they took a fourth of a publisher's CPU and 30 MB of its memory. Only for whoever knows that nobody else will read
 * `bytes`, and that no system call is still at work on them.
 */
export function giveBack(bytes: Uint8Array): void {
  const { buffer } = bytes;
  if (buffer instanceof ArrayBuffer && bytes.byteLength === buffer.byteLength) buffer.transfer(0);
}
