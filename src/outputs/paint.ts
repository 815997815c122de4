/** Colours for a terminal: the 16 of its own palette, so that they suit its background. */

const ESC = "\x1b[";
const RESET = `${ESC}0m`;

const STATUS_COLOURS: Record<string, string> = { 1: "36", 2: "32", 3: "36", 4: "33", 5: "1;31" };

/** Told apart on light and dark backgrounds; red is kept for faults. */
const NAME_COLOURS = ["32", "33", "34", "35", "36", "92", "94", "95", "96"];

// The status of Apache's common and combined formats, nginx's and Caddy's: after the quoted request.
const STATUS = /(" )([1-5]\d\d)(?= |$)/;

export interface Paint {
  /** A log line with its HTTP status, if it shows one, in the colour of its class. */
  line(text: string): string;
  /** A name in a colour that is always the same for it. */
  name(text: string): string;
  dim(text: string): string;
  bold(text: string): string;
}

export const coloured: Paint = {
  line: (text) =>
    text.replace(STATUS, (_, quote: string, status: string) => `${quote}${paint(STATUS_COLOURS[status[0]!]!, status)}`),
  name: (text) => paint(NAME_COLOURS[sum(text) % NAME_COLOURS.length]!, text),
  dim: (text) => paint("2", text),
  bold: (text) => paint("1", text),
};

export const plain: Paint = { line: same, name: same, dim: same, bold: same };

/** Colours where they are shown and wanted: on a terminal that is not dumb, unless NO_COLOR is set (no-color.org). */
export function paintFor(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): Paint {
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb" ? coloured : plain;
}

function paint(code: string, text: string): string {
  return `${ESC}${code}m${text}${RESET}`;
}

function same(text: string): string {
  return text;
}

function sum(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (hash * 31 + text.charCodeAt(i)) >>> 0;
  return hash;
}
