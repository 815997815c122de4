/** Line splitting on bytes: hot paths, so native or WebAssembly code and no string. */

export const NEWLINE = 10;

/**
 * Counts sixteen bytes a step. The instructions, as text:
 *
 *     (func (export "count") (param $end i32) (result i32)  ;; bytes 0 to $end of the memory; $end a multiple of 16, not 0
 *       (local $at i32) (local $lines i32) (local $newlines v128)
 *       (local.set $newlines (i8x16.splat (i32.const 10)))
 *       (loop
 *         (local.set $lines (i32.add (local.get $lines)
 *           (i32.popcnt (i8x16.bitmask (i8x16.eq (v128.load (local.get $at)) (local.get $newlines))))))
 *         (br_if 0 (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $end))))
 *       (local.get $lines))
 */
const COUNT = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00], // a module
  ...[0x01, 0x06, 0x01, 0x60, 0x01, 0x7f, 0x01, 0x7f], // type 0: i32 -> i32
  ...[0x03, 0x02, 0x01, 0x00], // function 0 is of type 0
  ...[0x05, 0x03, 0x01, 0x00, 0x02], // a memory of two pages of 64 KiB
  ...[0x07, 0x12, 0x02], // two exports:
  ...[0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 0x02, 0x00], // "memory"
  ...[0x05, 0x63, 0x6f, 0x75, 0x6e, 0x74, 0x00, 0x00], // "count"
  ...[0x0a, 0x31, 0x01, 0x2f, 0x02, 0x02, 0x7f, 0x01, 0x7b], // one body: two locals of i32, one of v128
  ...[0x41, 0x0a, 0xfd, 0x0f, 0x21, 0x03], // $newlines
  ...[0x03, 0x40, 0x20, 0x02, 0x20, 0x01, 0xfd, 0x00, 0x00, 0x00, 0x20, 0x03, 0xfd, 0x23, 0xfd, 0x64, 0x69, 0x6a],
  ...[0x21, 0x02, 0x20, 0x01, 0x41, 0x10, 0x6a, 0x22, 0x01, 0x20, 0x00, 0x49, 0x0d, 0x00, 0x0b], // the loop
  ...[0x20, 0x02, 0x0b],
);

const WINDOW_BYTES = 128 * 1024;
/** Below this, finding each newline by itself is as fast. */
const MIN_BYTES = 1024;

let counter: { readonly window: Uint8Array; count(end: number): number } | undefined;

/** What is used of it; TypeScript knows WebAssembly from browsers only. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
  ) => { readonly exports: { readonly memory: { readonly buffer: ArrayBuffer }; count(end: number): number } };
};

function openCounter() {
  const { memory, count } = new WebAssembly.Instance(new WebAssembly.Module(COUNT)).exports;
  return { window: new Uint8Array(memory.buffer), count };
}

/**
 * Counts the lines in `bytes`, every one of which ends in "\n". The copy into WebAssembly's memory included, this is
 * several times as fast as `indexOf` from newline to newline, also in a process without optimizing compilers
 * (cli/publish-memory.ts).
 */
export function countLines(bytes: Buffer): number {
  let lines = 0;
  if (bytes.length < MIN_BYTES) {
    for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) lines++;
    return lines;
  }
  counter ??= openCounter();
  const { window, count } = counter;
  for (let at = 0; at < bytes.length; at += WINDOW_BYTES) {
    const part = bytes.subarray(at, at + WINDOW_BYTES);
    const end = (part.length + 15) & ~15;
    window.set(part);
    window.fill(0, part.length, end);
    lines += count(end);
  }
  return lines;
}

/** The offset just past the last "\n" of `bytes`, or 0 if it holds none. */
export function endOfLastLine(bytes: Buffer): number {
  return bytes.lastIndexOf(NEWLINE) + 1;
}
