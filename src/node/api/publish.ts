/** `POST /v1/groups/{group}/messages`: text lines, NDJSON or frames become batches on the bus. */
import type { IncomingMessage } from "node:http";
import type { Receipt } from "../../bus/bus.ts";
import { type Batch, MAX_RAW_BYTES } from "../../message/batch.ts";
import { batchOfLines, batchOfMessages, type Label } from "../../message/body.ts";
import { LogspreadError } from "../../message/error.ts";
import { decodeFrames } from "../../message/frame.ts";
import { groupNameFault, SYSTEM_PREFIX } from "../../message/names.ts";
import { Body } from "./body.ts";
import type { Budget } from "./budget.ts";
import { Cutter, type Piece } from "./cut.ts";
import { messagesIn } from "./ndjson.ts";
import { Pipeline, type Stored, withStored } from "./pipeline.ts";
import { badRequest, Refusal, tooLarge } from "./problem.ts";
import type { Lease, Producers } from "./producers.ts";
import { claimOf, senderOf } from "./sender.ts";

export const FRAMES_TYPE = "application/vnd.logspread.frames";
export const NDJSON_TYPE = "application/x-ndjson";

/** Raw bytes of a batch made of text: the largest that is still spoken of as one piece everywhere. */
const BATCH_BYTES = 1024 * 1024;

/**
 * When a body whose length was not announced pauses so long, what has come is published: so `tail -f log | curl -T -` is
 * live, and an upload at full speed still makes big batches.
 */
const LINGER_MS = 5;

/** Room in an NDJSON line for what is not the message; a character may take six bytes in JSON ("\u0000"). */
const NDJSON_OVERHEAD = 4096;

export interface PublishLimits {
  readonly bodyBytes: number;
  readonly framesBytes: number;
  readonly messageBytes: number;
  readonly bodyIdleMs: number;
}

export interface PublishDeps {
  readonly publish: (batch: Batch) => Promise<Receipt>;
  readonly budget: Budget;
  readonly producers: Producers;
  /** µs since the epoch. */
  readonly nowUs: () => number;
  readonly limits: PublishLimits;
}

/** The JSON answer to a publish of lines. */
export interface LinesStored {
  readonly group: string;
  readonly messages: number;
  readonly batches: number;
  readonly duplicates: number;
  readonly firstPosition: number | null;
  readonly lastPosition: number | null;
}

/** The JSON answer to a publish of frames: what became of each, in their order. */
export interface FramesStored {
  readonly receipts: readonly Receipt[];
}

/** Publishes what `request` brings to `group`. Resolves when it is durable; throws a Refusal that says what had been stored. */
export async function publishRequest(
  group: string,
  request: IncomingMessage,
  deps: PublishDeps,
): Promise<LinesStored | FramesStored> {
  refuseWhenFull(request, deps.budget);
  const type = (request.headers["content-type"] ?? "").split(";")[0]!.trim().toLowerCase();
  if (type === FRAMES_TYPE) return publishFrames(group, request, deps);
  checkGroup(group);
  return publishLines(group, request, deps, type === NDJSON_TYPE || type === "application/ndjson");
}

function refuseWhenFull(request: IncomingMessage, budget: Budget): void {
  const announced = Math.min(Number(request.headers["content-length"] ?? 0) || 0, BATCH_BYTES);
  if (budget.fits(announced)) return;
  throw busy(budget);
}

function busy(budget: Budget): LogspreadError {
  return new LogspreadError("BUSY", {
    what: "the publish was not taken",
    why: `${budget.used} bytes are waiting for the disk already and the most is ${budget.limit}`,
    fix: "Send it again after the time in Retry-After; raise limits.inFlightBytes if the node has memory to spare",
  });
}

function checkGroup(group: string): void {
  const fault = groupNameFault(group);
  if (fault !== undefined) {
    throw badRequest(
      `${JSON.stringify(group)} cannot be a group's name`,
      fault,
      "Use letters, digits and . _ - : @ + such as coolsite or www.example.org:443",
    );
  }
  if (group.startsWith(SYSTEM_PREFIX)) {
    throw badRequest(
      `nothing can be published to ${JSON.stringify(group)}`,
      `groups that start with ${SYSTEM_PREFIX} are the bus's own`,
      "Choose another name",
    );
  }
}

async function publishLines(
  group: string,
  request: IncomingMessage,
  deps: PublishDeps,
  ndjson: boolean,
): Promise<LinesStored> {
  const { limits, nowUs } = deps;
  const sender = senderOf(request);
  const claim = claimOf(request);
  const lease: Lease = claim === undefined ? deps.producers.lend(sender) : { sender, ...claim };
  const pipeline = new Pipeline(deps.publish, deps.budget);
  const body = new Body(request, {
    maxBytes: limits.bodyBytes,
    setting: "limits.bodyBytes",
    idleMs: limits.bodyIdleMs,
  });
  const cutter = new Cutter({
    batchBytes: BATCH_BYTES,
    messageBytes: ndjson ? limits.messageBytes * 6 + NDJSON_OVERHEAD : limits.messageBytes,
    setting: "limits.messageBytes",
  });
  const add = async (piece: Piece): Promise<void> => {
    const messages = ndjson ? messagesIn(piece, limits.messageBytes) : undefined;
    if (messages?.length === 0) return;
    const { producer } = lease;
    const label: Label = { group, sender, producer, sequence: lease.sequence, createdUs: nowUs() };
    lease.sequence++;
    await pipeline.add(piece.bytes.length, () =>
      messages === undefined ? batchOfLines(label, piece.bytes) : batchOfMessages(label, messages),
    );
  };
  try {
    const live = claim === undefined && request.headers["content-length"] === undefined;
    await readPieces(body, cutter, pipeline, { live, single: claim !== undefined }, add);
    const stored = await pipeline.finish();
    if (claim === undefined) deps.producers.takeBack(lease);
    return linesStored(group, stored);
  } catch (error) {
    await pipeline.settle();
    if (claim === undefined && !pipeline.failed) deps.producers.takeBack(lease);
    throw withStored(error, pipeline.stored);
  } finally {
    body.close();
  }
}

async function readPieces(
  body: Body,
  cutter: Cutter,
  pipeline: Pipeline,
  { live, single }: { readonly live: boolean; readonly single: boolean },
  add: (piece: Piece) => Promise<void>,
): Promise<void> {
  for (;;) {
    const chunk = await body.next(live && cutter.hasLine && pipeline.idle ? LINGER_MS : undefined);
    if (chunk === undefined) break;
    if (chunk !== "late") {
      cutter.add(chunk);
      if (!cutter.full) continue;
      if (single) throw tooLongForOne();
    }
    for (let piece = cutter.take(chunk === "late"); piece !== undefined; piece = cutter.take(false)) await add(piece);
  }
  let pieces = 0;
  for (const piece of cutter.rest()) {
    if (single && pieces++ > 0) throw tooLongForOne();
    await add(piece);
  }
}

function tooLongForOne(): Refusal {
  return tooLarge(
    "the body is too large for one batch",
    `a request with Logspread-Producer and Logspread-Sequence must fit one batch of ${BATCH_BYTES} bytes before compression`,
    "Send less in a request, or leave the two headers away",
  );
}

function linesStored(group: string, stored: Stored): LinesStored {
  const { messages, batches, duplicates, firstPosition = null, lastPosition = null } = stored;
  return { group, messages, batches, duplicates, firstPosition, lastPosition };
}

/** The path that publishers take: frames are checked and handed on as they are. */
async function publishFrames(group: string, request: IncomingMessage, deps: PublishDeps): Promise<FramesStored> {
  const { limits, budget } = deps;
  const body = new Body(request, {
    maxBytes: limits.framesBytes,
    setting: "limits.framesBytes",
    idleMs: limits.bodyIdleMs,
  });
  let taken = 0;
  try {
    const chunks: Buffer[] = [];
    for (let chunk = await body.next(); chunk !== undefined; chunk = await body.next()) {
      if (chunk === "late") continue;
      if (!budget.fits(chunk.length) && taken === 0) throw busy(budget);
      chunks.push(chunk);
      budget.take(chunk.length);
      taken += chunk.length;
    }
    const batches = decodeFrames(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, taken), "body");
    for (const batch of batches) checkFrame(group, batch);
    return { receipts: await publishAll(batches, deps) };
  } finally {
    budget.give(taken);
    body.close();
  }
}

function checkFrame(group: string, batch: Batch): void {
  if (batch.group.startsWith(SYSTEM_PREFIX)) checkGroup(batch.group);
  if (batch.group === group || group === "*") return;
  throw badRequest(
    `a frame for group ${JSON.stringify(batch.group)} was sent to ${JSON.stringify(group)}`,
    "the group of the path is the group of every frame in the body",
    "Send it to /v1/groups/*/messages, which takes frames of any group",
  );
}

async function publishAll(batches: readonly Batch[], { publish }: PublishDeps): Promise<Receipt[]> {
  const receipts: Receipt[] = [];
  let failure: { readonly error: unknown } | undefined;
  for (const settled of await Promise.allSettled(batches.map((batch) => publish(batch)))) {
    if (settled.status === "rejected") failure ??= { error: settled.reason };
    else if (failure === undefined) receipts.push(settled.value);
  }
  if (failure === undefined) return receipts;
  // What was stored before the failure is told, so that a publisher need not send it again (it may: they are duplicates).
  const { error } = failure;
  throw error instanceof LogspreadError ? new Refusal(error, { facts: { receipts } }) : error;
}

/** The largest `limits.messageBytes` that a batch can hold. */
export const MAX_MESSAGE_BYTES = MAX_RAW_BYTES - 1024;
