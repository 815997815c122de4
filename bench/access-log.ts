/**
 * An access log in combined format of any length, made of the sample in test/data: its requests, with the addresses, pages
 * and times exchanged. 100,000 addresses come equally often; 20,000 pages do not (the n-th as often as 1/n says).
 */
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";

const SAMPLE = join(import.meta.dirname, "../test/data/access-combined.log");
const ADDRESSES = 100_000;
const PAGES = 20_000;
/** The sample's four days. */
const FIRST_S = Date.UTC(2015, 4, 17, 10) / 1000;
const LENGTH_S = 4 * 86_400;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** The page takes the place of the path, its length about the sample's. */
const WORDS = [
  "blog",
  "articles",
  "images",
  "projects",
  "presentations",
  "files",
  "scripts",
  "style",
  "about",
  "geekery",
];

/** Writes `lines` lines to `path`; the same for the same `seed`. Returns the bytes written. */
export function writeAccessLog(path: string, lines: number, seed = 1): number {
  const random = randomOf(seed);
  const pieces = readFileSync(SAMPLE, "latin1").trimEnd().split("\n").map(cut);
  const pages = Array.from({ length: PAGES }, (_, i) => pageName(i));
  const file = openSync(path, "w");
  let text = "";
  let bytes = 0;
  let second = -1;
  let stamp = "";
  try {
    for (let i = 0; i < lines; i++) {
      const now = FIRST_S + Math.floor((i / lines) * LENGTH_S);
      if (now !== second) stamp = clfTime((second = now));
      const { method, middle, rest } = pieces[i % pieces.length]!;
      const page = pages[Math.floor(PAGES ** random()) - 1]!;
      text += `${address(Math.floor(random() * ADDRESSES))} - - [${stamp}] "${method} ${page}${middle}${rest}\n`;
      if (text.length > 1_000_000 || i === lines - 1) {
        bytes += writeSync(file, text, null, "latin1");
        text = "";
      }
    }
  } finally {
    closeSync(file);
  }
  return bytes;
}

/** `ADDRESS - - [TIME] "METHOD PATH PROTOCOL" REST`: what is kept of a line. */
function cut(line: string): { method: string; middle: string; rest: string } {
  const found = /^\S+ \S+ \S+ \[[^\]]*\] "(\S+) \S+( [^"]*")(.*)$/.exec(line);
  if (found === null) throw new Error(`the sample has a line of another kind: ${line}`);
  return { method: found[1]!, middle: found[2]!, rest: found[3]! };
}

function pageName(i: number): string {
  const word = (shift: number) => WORDS[(i >> shift) % WORDS.length];
  const name = `/${word(0)}/${word(2)}/${word(5)}-${word(7)}-${i.toString(36)}`;
  return i % 3 === 0 ? `${name}/` : i % 3 === 1 ? `${name}.html` : `${name}?page=${i % 50}`;
}

function address(i: number): string {
  return `10.${(i >> 14) & 255}.${(i >> 7) & 127}.${i & 127}`;
}

function clfTime(s: number): string {
  const iso = new Date(s * 1000).toISOString();
  return `${iso.slice(8, 10)}/${MONTHS[Number(iso.slice(5, 7)) - 1]}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`;
}

/** Marsaglia's xorshift: the same everywhere. */
function randomOf(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
