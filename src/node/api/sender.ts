/** Who a request says it is. */
import type { IncomingMessage } from "node:http";
import { MAX_NAME_BYTES } from "../../message/names.ts";
import { badRequest } from "./problem.ts";

/** The address of the other end; a client on a unix socket is "local". IPv4 in IPv6 is shown as IPv4. */
export function remoteAddressOf(request: IncomingMessage): string {
  return (request.socket.remoteAddress ?? "local").replace(/^::ffff:/, "");
}

/** The `Logspread-Sender` header, or `http@ADDRESS`. */
export function senderOf(request: IncomingMessage): string {
  const given = request.headers["logspread-sender"];
  if (given === undefined) return `http@${remoteAddressOf(request)}`;
  // Node reads headers as Latin-1; names are UTF-8.
  const sender = Buffer.from(String(given), "latin1").toString("utf8");
  if (sender !== "" && Buffer.byteLength(sender) <= MAX_NAME_BYTES && !/[\s\p{C}\ufffd]/u.test(sender)) return sender;
  throw badRequest(
    "the header Logspread-Sender cannot be used",
    `a sender is 1 to ${MAX_NAME_BYTES} bytes without blanks and control characters`,
    "Name it user@host, or leave the header away",
  );
}

/** What makes a publish idempotent: the client's own producer and sequence. */
export interface Claim {
  readonly producer: Buffer;
  readonly sequence: number;
}

/** The headers `Logspread-Producer` and `Logspread-Sequence`, or undefined if there are none. */
export function claimOf(request: IncomingMessage): Claim | undefined {
  const producer = request.headers["logspread-producer"];
  const sequence = request.headers["logspread-sequence"];
  if (producer === undefined && sequence === undefined) return undefined;
  const number = Number(sequence);
  if (/^[0-9a-f]{32}$/i.test(String(producer)) && /^\d+$/.test(String(sequence))) {
    if (Number.isSafeInteger(number) && number >= 1)
      return { producer: Buffer.from(String(producer), "hex"), sequence: number };
  }
  throw badRequest(
    "the headers for idempotence cannot be used",
    "Logspread-Producer is 32 hexadecimal digits and Logspread-Sequence a number from 1 to 2^53-1; both or none are sent",
    "Make a random producer when the program starts and count its requests",
  );
}
