/**
 * The terminal output, `logspread tail`: writes messages as they come, for eyes or for another program. A batch that
 * nothing needs to look into is written as one piece.
 */

import { isUtf8 } from "node:buffer";
import type { Bus, Subscription } from "../bus/bus.ts";
import { messagesOf, openBody } from "../message/body.ts";
import type { Gap, PlacedBatch } from "../message/delivery.ts";
import { isoOfUs } from "../message/time.ts";
import { harmless, harmlessJson, harmlessText } from "./harmless.ts";
import type { Paint } from "./paint.ts";

export interface TerminalConfig extends Subscription {
  /** Messages to write before it ends; `Infinity` for no limit. */
  readonly limit: number;
  /** Which messages are written; undefined for all. */
  readonly keep: ((message: Buffer) => boolean) | undefined;
  /** `messages`: the bytes of each and a newline; `json`: an object a line, with everything known of the message. */
  readonly form: "messages" | "json";
  /** Before each message: when the bus took it, its group and its sender. */
  readonly prefix: boolean;
  /** Make controls and escape sequences visible instead of sending them (see harmless.ts). */
  readonly safe: boolean;
  /** Colours, which imply `safe`; undefined for bytes as they are. */
  readonly paint: Paint | undefined;
}

export interface TerminalDeps {
  /** Where messages go; it is waited for. */
  write(bytes: Uint8Array | string): Promise<void>;
  /** A message about messages: what is missing, and why. */
  tell(text: string): void;
}

/** Runs until the subscription ends, the limit is reached (then it resolves) or `signal` aborts (then it rejects). */
export function terminal(config: TerminalConfig, deps: TerminalDeps) {
  return async (bus: Bus, signal: AbortSignal): Promise<void> => {
    let left = config.limit;
    if (left <= 0) return;
    for await (const delivery of bus.subscribe(config, signal)) {
      if (delivery.kind === "gap") {
        deps.tell(gapText(delivery));
        continue;
      }
      const raw = await openBody(delivery.batch);
      if (isWrittenWhole(config, delivery, left)) {
        await deps.write(raw);
        left -= delivery.batch.count;
      } else {
        const { text, messages } = render(config, delivery, raw, left);
        if (messages > 0) await deps.write(text);
        left -= messages;
      }
      if (left <= 0) return;
    }
  };
}

/** What a gap means, in words. */
export function gapText(gap: Gap): string {
  const where = gap.first === gap.last ? `position ${gap.first}` : `positions ${gap.first} to ${gap.last}`;
  const why = gap.reason === "retention" ? "retention deleted them before they were read" : "they are damaged on disk";
  return `${gap.messages} messages are missing here (${where}): ${why}`;
}

function isWrittenWhole(config: TerminalConfig, { batch }: PlacedBatch, left: number): boolean {
  const looks = config.keep !== undefined || config.form === "json" || config.prefix || config.safe || config.paint;
  return !looks && batch.kind === "lines" && batch.count <= left;
}

function render(config: TerminalConfig, placed: PlacedBatch, raw: Buffer, limit: number) {
  const parts: Buffer[] = [];
  const prefix = config.prefix ? prefixOf(placed, config.paint) : "";
  const asText = config.safe || config.paint !== undefined;
  let index = -1;
  let messages = 0;
  for (const message of messagesOf(placed.batch, raw)) {
    index++;
    if (config.keep !== undefined && !config.keep(message)) continue;
    if (config.form === "json") {
      const json = jsonOf(placed, index, message);
      parts.push(Buffer.from(config.safe ? harmlessJson(json) : json), NEWLINE);
    } else if (asText) {
      const shown = harmless(message);
      parts.push(Buffer.from(`${prefix}${config.paint?.line(shown) ?? shown}\n`));
    } else {
      if (config.prefix) parts.push(Buffer.from(prefix));
      parts.push(message, NEWLINE);
    }
    if (++messages === limit) break;
  }
  return { text: Buffer.concat(parts), messages };
}

const NEWLINE = Buffer.from("\n");

function prefixOf({ busTimeUs, batch }: PlacedBatch, paint: Paint | undefined): string {
  const time = new Date(busTimeUs / 1000).toISOString();
  const group = harmlessText(batch.group);
  const sender = harmlessText(batch.sender);
  if (paint === undefined) return `${time} ${group} ${sender} `;
  return `${paint.dim(time)} ${group} ${paint.name(sender)} `;
}

/**
 * What the node's own NDJSON says of a message, and its producer and sequence: `message` is its text, or `data` its bytes
 * in base64 if they are no UTF-8, so that nothing is lost.
 */
function jsonOf({ position, busTimeUs, batch }: PlacedBatch, index: number, message: Buffer): string {
  return JSON.stringify({
    position,
    index,
    group: batch.group,
    sender: batch.sender,
    busTime: isoOfUs(busTimeUs),
    producer: batch.producer.toString("hex"),
    sequence: batch.sequence,
    ...(isUtf8(message) ? { message: message.toString() } : { data: message.toString("base64") }),
  });
}
