/** `GET /v1/groups/{groups}/messages`: a subscription as text, NDJSON or records. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Bus, BusStatus, Subscription } from "../../bus/bus.ts";
import { messagesOf } from "../../message/body.ts";
import {
  type Delivery,
  encodeGap,
  encodeHeartbeat,
  encodePlace,
  type Gap,
  type PlacedBatch,
} from "../../message/delivery.ts";
import { LogspreadError } from "../../message/error.ts";
import { NEWLINE } from "../../message/lines.ts";
import { groupNameFault } from "../../message/names.ts";
import type { Report } from "../../message/report.ts";
import type { Followers } from "../followers.ts";
import { parseFrom } from "./from.ts";
import { lineOfGap, linesOfBatch } from "./ndjson.ts";
import type { Opened } from "./opened.ts";
import { badRequest } from "./problem.ts";
import { NDJSON_TYPE } from "./publish.ts";
import { remoteAddressOf } from "./sender.ts";
import { AnswerStream } from "./stream.ts";

export const RECORDS_TYPE = "application/vnd.logspread.records";

export const FORMATS = ["text", "ndjson", "frames"] as const;
export type Format = (typeof FORMATS)[number];

const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  text: "text/plain; charset=utf-8",
  ndjson: NDJSON_TYPE,
  frames: RECORDS_TYPE,
};

/** A trailer of text answers: messages that were gone before the client could get them. Text has no other place for it. */
const MISSING_TRAILER = "logspread-missing-messages";

export interface SubscribeDeps {
  readonly bus: Bus;
  readonly followers: Followers;
  readonly opened: Opened;
  /** µs since the epoch. */
  readonly nowUs: () => number;
  readonly heartbeatMs: number;
  readonly report: Report;
}

/** What the query and the headers of a subscription ask for. */
export interface Wish {
  readonly what: Subscription;
  readonly limit: number;
  readonly format: Format;
}

/** Reads a subscription's request; throws a Refusal that lists what is allowed. */
export function wishOf(groups: string, query: Readonly<Record<string, unknown>>, accept: string, nowUs: number): Wish {
  for (const key of Object.keys(query)) {
    if (["from", "follow", "limit", "format"].includes(key)) continue;
    throw badRequest(
      `the parameter ${JSON.stringify(key)} is not known`,
      "it would be ignored",
      "Use from, follow, limit and format",
    );
  }
  const follow = flagOf(query.follow);
  const from = parseFrom(textOf(query.from, "from") ?? (follow ? "new" : "first"), nowUs);
  const limit = limitOf(textOf(query.limit, "limit"));
  const format = formatOf(textOf(query.format, "format"), accept);
  return { what: { groups: groupsOf(groups), from, follow }, limit, format };
}

function groupsOf(list: string): string[] {
  const groups = list.split(",");
  for (const group of groups) {
    const fault = groupNameFault(group.replaceAll("*", "x"));
    if (fault === undefined) continue;
    throw badRequest(
      `${JSON.stringify(group)} is neither a group nor a pattern`,
      fault,
      "Name groups with commas between them, such as coolsite,shop-*, or * for all",
    );
  }
  return groups;
}

function textOf(value: unknown, name: string): string | undefined {
  if (value === undefined || typeof value === "string") return value;
  throw badRequest(`${name} was given twice`, "it can have one value only", `Leave one ${name} away`);
}

function flagOf(value: unknown): boolean {
  const text = textOf(value, "follow");
  if (text === undefined || text === "false" || text === "0") return false;
  if (text === "true" || text === "1" || text === "") return true;
  throw badRequest(
    `cannot understand follow=${text}`,
    "it is neither true nor false",
    "Say follow=true or follow=false",
  );
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  if (/^\d{1,15}$/.test(text) && Number(text) >= 1) return Number(text);
  throw badRequest(`cannot understand limit=${text}`, "it is not a number of messages from 1 on", "Say limit=100, say");
}

function formatOf(text: string | undefined, accept: string): Format {
  if (text === undefined) {
    if (accept.includes(RECORDS_TYPE)) return "frames";
    return accept.includes(NDJSON_TYPE) ? "ndjson" : "text";
  }
  const format = FORMATS.find((f) => f === text);
  if (format !== undefined) return format;
  throw badRequest(
    `format ${JSON.stringify(text)} is not known`,
    "there are three",
    "Say format=text, ndjson or frames",
  );
}

/**
 * Answers with the deliveries that `wish` asks for; resolves when the last is with the client, the client is gone, or `stopping`
 * has aborted. Throws a Refusal only before anything is written.
 */
export async function subscribeRequest(
  wish: Wish,
  request: IncomingMessage,
  response: ServerResponse,
  stopping: AbortSignal,
  deps: SubscribeDeps,
): Promise<void> {
  const status = await deps.bus.status();
  checkPosition(wish.what.from, status);
  const gone = new AbortController();
  response.on("error", () => {}); // Of writes to a client that is gone, which "close" tells.
  response.once("close", () => gone.abort(new Error("the client closed the connection")));
  const signal = AbortSignal.any([gone.signal, stopping]);
  const stream = new AnswerStream(response, signal);
  const follower = deps.followers.add(nameOf(request), wish.what, status);
  try {
    const deliveries = deps.bus.subscribe(wish.what, signal)[Symbol.asyncIterator]();
    // Asked for before the headers go out: a client that has them misses nothing that is published from now on.
    const first = deliveries.next();
    let failed: { readonly error: unknown } | undefined;
    first.catch((error: unknown) => (failed = { error }));
    await new Promise(setImmediate);
    if (failed !== undefined) throw failed.error;
    open(response, wish.format);
    const writer = writerFor(wish, stream, response, deps);
    const beat = wish.what.follow && wish.format === "frames" ? heartbeat(stream, deps) : undefined;
    try {
      for (let next = await first; !next.done; next = await deliveries.next()) {
        const delivery = next.value;
        const done = await writer(delivery);
        follower.position = delivery.kind === "gap" ? delivery.last : delivery.position;
        if (done) break;
      }
    } finally {
      clearInterval(beat);
      await deliveries.return?.();
    }
    await stream.end();
  } catch (error) {
    if (!response.headersSent) throw error;
    if (gone.signal.aborted) return;
    // What follows for ever may end at any time; what has an end must not look whole when it is not.
    if (wish.what.follow && (stopping.aborted || isClosed(error))) await stream.end();
    else {
      if (!stopping.aborted && !isClosed(error)) deps.report("error", "a subscription failed", { error });
      response.destroy();
    }
  } finally {
    deps.followers.delete(follower);
  }
}

function isClosed(error: unknown): boolean {
  return error instanceof LogspreadError && error.code === "BUS_CLOSED";
}

function checkPosition(from: Subscription["from"], { lastPosition }: BusStatus): void {
  if (typeof from !== "object" || !("position" in from) || from.position <= lastPosition + 1) return;
  throw badRequest(
    `cannot start from position ${from.position}`,
    `the last one is ${lastPosition}; the position is another bus's, or this one was replaced`,
    "Start from first, new or a time",
  );
}

function nameOf(request: IncomingMessage): string {
  const given = request.headers["logspread-subscriber"];
  return typeof given === "string" && /^[\w.@:+-]{1,100}$/.test(given) ? given : `http@${remoteAddressOf(request)}`;
}

function open(response: ServerResponse, format: Format): void {
  response.writeHead(200, {
    "content-type": CONTENT_TYPES[format],
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    // For proxies that would gather the answer before they pass it on.
    "x-accel-buffering": "no",
    // HTTP/1.0 knows no chunks, and so no trailers: there the end of the connection is the end of the answer.
    ...(format === "text" && response.req.httpVersionMinor > 0 ? { trailer: MISSING_TRAILER } : {}),
  });
  response.flushHeaders();
}

function heartbeat(stream: AnswerStream, { bus, nowUs, heartbeatMs, report }: SubscribeDeps): NodeJS.Timeout {
  return setInterval(async () => {
    if (performance.now() - stream.lastWrite < heartbeatMs) return;
    try {
      const { lastPosition } = await bus.status();
      stream.write(encodeHeartbeat({ kind: "heartbeat", lastPosition, busTimeUs: nowUs() }));
    } catch (error) {
      if (!isClosed(error)) report("warn", "no heartbeat could be sent", { error });
    }
  }, heartbeatMs / 2).unref();
}

/** Writes a delivery, when there is room again resolves to whether the limit is reached. */
type Writer = (delivery: Delivery) => Promise<boolean> | boolean;

function writerFor(wish: Wish, stream: AnswerStream, response: ServerResponse, deps: SubscribeDeps): Writer {
  let left = wish.limit;
  switch (wish.format) {
    case "frames":
      return (delivery) => {
        const full = writeRecord(delivery, stream);
        if (delivery.kind === "batch") left -= delivery.batch.count;
        return full === undefined ? left <= 0 : full.then(() => left <= 0);
      };
    case "ndjson":
      return async (delivery) => {
        const made = await contentOf(delivery, deps, (placed, raw) => linesOfBatch(placed, raw, left));
        await stream.write(made.kind === "gap" ? lineOfGap(made) : made.content);
        if (delivery.kind === "batch" && made.kind !== "gap") left -= delivery.batch.count;
        return left <= 0;
      };
    case "text": {
      let missing = 0;
      return async (delivery) => {
        const made = await contentOf(delivery, deps, (placed, raw) => textOfBatch(placed, raw, left));
        if (made.kind === "gap") {
          missing += made.messages;
          deps.report("warn", "a text subscriber missed messages", { ...made });
          response.addTrailers({ [MISSING_TRAILER]: String(missing) });
        } else {
          await stream.write(made.content);
          if (delivery.kind === "batch") left -= delivery.batch.count;
        }
        return left <= 0;
      };
    }
    default:
      return wish.format satisfies never;
  }
}

const places = new WeakMap<PlacedBatch, Buffer>();

/** Writes the record of a delivery. Nothing is made or copied for a follower: the bus hands the same object to each. */
function writeRecord(delivery: Delivery, stream: AnswerStream): Promise<void> | undefined {
  if (delivery.kind === "gap") return stream.write(encodeGap(delivery));
  const { frame } = delivery.batch;
  let place = places.get(delivery);
  if (place === undefined) {
    place = encodePlace(delivery.position, delivery.busTimeUs, frame);
    places.set(delivery, place);
  }
  return stream.write(place, frame);
}

type Content = { readonly kind: "content"; readonly content: Buffer | string } | Gap;

/** What `render` makes of a batch; one that a faulty publisher made unreadable becomes a gap and does not end the subscription. */
async function contentOf(
  delivery: Delivery,
  { opened, report }: SubscribeDeps,
  render: (placed: PlacedBatch, raw: Buffer) => Buffer | string,
): Promise<Content> {
  if (delivery.kind === "gap") return delivery;
  try {
    return { kind: "content", content: render(delivery, await opened.of(delivery)) };
  } catch (error) {
    if (!(error instanceof LogspreadError && error.code === "BAD_FRAME")) throw error;
    report("error", "a batch cannot be read and is skipped", { position: delivery.position, error });
    const { position, batch } = delivery;
    return { kind: "gap", first: position, last: position, messages: batch.count, reason: "damage" };
  }
}

const NEWLINE_BYTES = Buffer.from("\n");

/** The lines of a batch, at most `limit`; newlines within a message become "\n" of two characters. */
function textOfBatch({ batch }: PlacedBatch, raw: Buffer, limit: number): Buffer {
  if (batch.kind === "lines" && limit >= batch.count) {
    // Of a faulty publisher: the next batch must still begin a line.
    return raw.length === 0 || raw[raw.length - 1] === NEWLINE ? raw : Buffer.concat([raw, NEWLINE_BYTES]);
  }
  const lines: Buffer[] = [];
  for (const message of messagesOf(batch, raw)) {
    if (lines.length === 2 * limit) break;
    const escaped = batch.kind === "lines" ? message : withoutNewlines(message);
    lines.push(escaped, NEWLINE_BYTES);
  }
  return Buffer.concat(lines);
}

function withoutNewlines(message: Buffer): Buffer {
  return Buffer.from(message.toString("latin1").replaceAll("\n", "\\n"), "latin1");
}
