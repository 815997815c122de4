/** NDJSON in both directions: an object a line, `message` for text and `data` (base64) for what is not UTF-8. */

import { isUtf8 } from "node:buffer";
import { messagesOf } from "../../message/body.ts";
import type { Gap, PlacedBatch } from "../../message/delivery.ts";
import { reasonOf } from "../../message/error.ts";
import { NEWLINE } from "../../message/lines.ts";
import { isoOfUs } from "../../message/time.ts";
import type { Piece } from "./cut.ts";
import { badRequest, tooLarge } from "./problem.ts";

/** The messages of the lines of `piece`. Throws a Refusal that names the line for anything that is none. */
export function messagesIn(piece: Piece, messageBytes: number): Buffer[] {
  if (!isUtf8(piece.bytes)) throw badLine(lineOfBadUtf8(piece), "it is not UTF-8");
  const messages: Buffer[] = [];
  let line = piece.firstLine;
  for (let at = 0; at < piece.bytes.length; line++) {
    const end = piece.bytes.indexOf(NEWLINE, at);
    const text = piece.bytes.toString("utf8", at, end);
    at = end + 1;
    if (text.trim() === "") continue;
    const message = messageOf(text, line);
    if (message.length > messageBytes) {
      throw tooLarge(
        `the message of line ${line} is too long`,
        `it has ${message.length} bytes and the most is ${messageBytes}`,
        "Send shorter messages, or raise limits.messageBytes",
      );
    }
    messages.push(message);
  }
  return messages;
}

function messageOf(text: string, line: number): Buffer {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw badLine(line, `it is not JSON (${reasonOf(error)})`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw badLine(line, "it is not an object");
  const { message, data } = value as { message?: unknown; data?: unknown };
  if (typeof message === "string" && data === undefined) return Buffer.from(message);
  if (typeof data === "string" && message === undefined) {
    if (/^[A-Za-z0-9+/]*={0,2}$/.test(data) && data.length % 4 === 0) return Buffer.from(data, "base64");
    throw badLine(line, "its data is not base64");
  }
  throw badLine(line, "it has neither a message nor data as a string, or both");
}

function badLine(line: number, why: string): Error {
  return badRequest(
    `line ${line} is not a message`,
    why,
    'Write each line as {"message": "..."} or {"data": "BASE64"}',
  );
}

function lineOfBadUtf8({ bytes, firstLine }: Piece): number {
  let line = firstLine;
  for (let at = 0, end = 0; at < bytes.length; at = end, line++) {
    end = bytes.indexOf(NEWLINE, at) + 1;
    if (!isUtf8(bytes.subarray(at, end))) break;
  }
  return line;
}

/** The lines for the messages of a batch from `index` on, at most `limit`. `raw` is its opened body. */
export function linesOfBatch(placed: PlacedBatch, raw: Buffer, limit: number): string {
  const { batch, position } = placed;
  const rest = `,"group":${JSON.stringify(batch.group)},"sender":${JSON.stringify(batch.sender)},"busTime":"${isoOfUs(placed.busTimeUs)}",`;
  const lines: string[] = [];
  for (const message of messagesOf(batch, raw)) {
    if (lines.length === limit) break;
    const content = isUtf8(message)
      ? `"message":${JSON.stringify(message.toString())}`
      : `"data":"${message.toString("base64")}"`;
    lines.push(`{"position":${position},"index":${lines.length}${rest}${content}}\n`);
  }
  return lines.join("");
}

export function lineOfGap({ first, last, messages, reason }: Gap): string {
  return `${JSON.stringify({ gap: { first, last, messages, reason } })}\n`;
}
