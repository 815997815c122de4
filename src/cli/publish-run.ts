/** What `logspread publish` does once its options are understood: pipe -> spool -> bus, until the input ends. */
import { mkdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Bus } from "../bus/bus.ts";
import { remote } from "../bus/remote/remote.ts";
import type { OnFull } from "../bus/spool/on-full.ts";
import type { Slot } from "../bus/spool/slot.ts";
import { Spool, type SpoolOptions } from "../bus/spool/spool.ts";
import { clearIntake, Intake, type Labels, type PipeId, REGIONS, recoverIntake } from "../inputs/intake.ts";
import { Pipe, type PipeStart } from "../inputs/pipe.ts";
import { readSource, type SourceKind } from "../inputs/pipe-source.ts";
import { publishLeft } from "../inputs/recover.ts";
import type { Batch } from "../message/batch.ts";
import { reasonOf } from "../message/error.ts";
import type { Report } from "../message/report.ts";
import { EXIT } from "./exit.ts";
import { drainOthers, intakeIn, takeSlotFor } from "./publish-slot.ts";

/** What the options mean. */
export interface PublishSettings {
  readonly fd: number;
  readonly kind: SourceKind;
  readonly pipe: PipeId;
  readonly labels: Labels;
  readonly nodes: readonly string[];
  readonly maxLineBytes: number;
  /** Where the spool is; undefined: in memory only. */
  readonly root: string | undefined;
  readonly maxBytes: number;
  readonly onFull: OnFull;
  readonly exitWaitMs: number;
  readonly report: Report;
}

/** After an error that forwarding cannot deal with (a disk that cannot be read), it is tried again, ms. */
/** Time for what was read to get into the spool when no node takes it. */
const LAST_SPOOL_MS = 2000;
const RETRY_MS = 1000;

const nowUs = () => Date.now() * 1000;

/** Signals as a piped program needs them. */
interface Stops {
  /** Stop reading. */
  readonly stop: AbortSignal;
  /** Do not wait any longer either. */
  readonly hurry: AbortSignal;
}

/** Resolves to the exit code. `onLetGo` is told of batches that nobody needs any more. */
export async function runPublish(settings: PublishSettings, onLetGo: (batch: Batch) => void): Promise<number> {
  const { report, labels, root } = settings;
  process.umask(0o027);
  const stops = listen(settings.kind, report);
  const openBus = () => remote({ nodes: settings.nodes, giveUpAfterMs: Number.POSITIVE_INFINITY }, { report });
  const bus = openBus();
  const { maxBytes, onFull } = settings;
  const options = { maxBytes, onFull, nowUs, report, onLetGo };
  const { slot, spool } = await openSpool(settings, options);
  const ending = new AbortController();
  const background = [forward(spool, bus, report, ending.signal)];
  if (slot !== undefined) {
    background.push(drainOthers(root!, labels.group, slot.folder, openBus, options, ending.signal).catch(() => {}));
  }
  let intake: Intake | undefined;
  let sentAll = false;
  let failure: unknown;
  try {
    const begun = await begin(slot, spool, settings);
    intake = begun.intake;
    failure = await readSource(settings.fd, settings.kind, begun.pipe, stops.stop).then(() => undefined, caught);
    sentAll = await finish(begun.pipe, spool, settings, stops);
    tellTotals(begun.pipe, spool, settings);
  } finally {
    ending.abort();
    await bus.close();
    await Promise.all(background);
    await spool.close(sentAll);
    intake?.close();
    slot?.release();
  }
  if (failure !== undefined) throw failure;
  return sentAll ? EXIT.ok : tellLeft(slot, spool, settings);
}

function caught(thrown: unknown): unknown {
  return thrown ?? new Error("unknown");
}

/**
 * SIGTERM is no reason to leave a pipe: Apache sends it before the last lines are written, prefork even twice, and its
 * processes close the pipe when they have said all. A kill -9 loses nothing of what was read.
 */
function listen(kind: SourceKind, report: Report): Stops {
  const stop = new AbortController();
  const hurry = new AbortController();
  const onSignal = (signal: NodeJS.Signals) => {
    if (signal === "SIGTERM" && kind === "stream") return report("info", "SIGTERM: reading on until the input ends");
    if (!stop.signal.aborted) stop.abort();
    else if (!hurry.signal.aborted) hurry.abort();
    else if (signal === "SIGINT") process.exit(130);
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  return { stop: stop.signal, hurry: hurry.signal };
}

/** The spool in a slot of its own; in memory if there is no place for it: a web server's publisher must not give up. */
async function openSpool(
  { root, labels, pipe, report }: PublishSettings,
  options: Omit<SpoolOptions, "folder">,
): Promise<{ slot: Slot | undefined; spool: Spool }> {
  if (root === undefined) return { slot: undefined, spool: await Spool.open({ ...options, folder: undefined }) };
  let slot: Slot | undefined;
  try {
    mkdirSync(root, { recursive: true, mode: 0o750 });
    slot = takeSlotFor(root, labels.group, pipe, Date.now());
    return { slot, spool: await Spool.open({ ...options, folder: slot.folder }) };
  } catch (thrown) {
    slot?.release();
    report("error", `cannot spool in ${root}: ${reasonOf(thrown)}; lines wait in memory only, a few megabytes`);
    return { slot: undefined, spool: await Spool.open({ ...options, folder: undefined }) };
  }
}

/** Publishes what the slot's last holder left, and goes on where it stopped. */
async function begin(
  slot: Slot | undefined,
  spool: Spool,
  { kind, pipe: id, labels, maxLineBytes, report }: PublishSettings,
): Promise<{ pipe: Pipe; intake: Intake | undefined }> {
  const config = { labels, maxLineBytes };
  if (slot === undefined)
    return { pipe: new Pipe(config, { outlet: spool, intake: undefined, nowUs, report }), intake: undefined };
  const path = intakeIn(slot.folder);
  const left = recoverIntake(path);
  const goesOn = kind === "stream" && left.pipe?.inode === id.inode && left.pipe.device === id.device;
  const partial = await publishLeft(left, spool.lastAppended, goesOn, spool, nowUs);
  if (kind !== "stream") {
    clearIntake(path);
    return { pipe: new Pipe(config, { outlet: spool, intake: undefined, nowUs, report }), intake: undefined };
  }
  // By the clock, so that no run's marks are those of an earlier one, whose bytes still stand further on in a region.
  const intake = new Intake(path, { labels, pipe: id, generation: Math.max(nowUs(), left.generation), report });
  const start: PipeStart = { partial, discarding: goesOn && left.discarding, region: (left.region + 1) % REGIONS };
  const pipe = new Pipe(config, { outlet: spool, intake, nowUs, report }, start);
  intake.takeOver(start.partial.length > 0 || start.discarding ? start.region : -1);
  return { pipe, intake };
}

/** Forwards until `signal` aborts. */
async function forward(spool: Spool, bus: Bus, report: Report, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await spool.forward(bus, signal);
    } catch (thrown) {
      if (signal.aborted) return;
      report("error", `cannot send what is in the spool: ${reasonOf(thrown)}`);
      await sleep(RETRY_MS, undefined, { signal }).catch(() => {});
    }
  }
}

/** The input is at its end. True when everything is sent; false when no node takes it in time. */
async function finish(pipe: Pipe, spool: Spool, { exitWaitMs }: PublishSettings, { hurry }: Stops): Promise<boolean> {
  const handedOn = pipe.end();
  handedOn.catch(() => {}); // Also after it was given up: then what it has is in the intake.
  const hurried = new Promise<"hurried">((resolve) => {
    if (hurry.aborted) resolve("hurried");
    hurry.addEventListener("abort", () => resolve("hurried"), { once: true });
  });
  const ended = await Promise.race([spool.drained(handedOn, exitWaitMs), hurried]);
  if (ended !== "drained") {
    // Into the spool at least, which takes no node, unless it is full and lets its input wait.
    await Promise.race([handedOn.catch(() => {}), hurried, sleep(LAST_SPOOL_MS)]);
    return false;
  }
  await handedOn;
  return true;
}

function tellTotals(pipe: Pipe, spool: Spool, { report, labels }: PublishSettings): void {
  const { lines, bytes, badGroupNames } = pipe.totals;
  if (badGroupNames > 0) {
    report("warn", `${badGroupNames} line(s) did not name a group in their field; they went to ${labels.group}`);
  }
  for (const { reason, messages } of spool.losses()) report("error", `${messages} line(s) were lost: ${reason}`);
  report("info", "the input has ended", { lines, bytes });
}

function tellLeft(slot: Slot | undefined, spool: Spool, { report }: PublishSettings): number {
  const lost = spool.messagesInMemory;
  if (slot !== undefined && lost === 0) {
    report("warn", `no node answers: what is left stays in ${slot.folder} and the next publisher sends it`);
    return EXIT.ok;
  }
  report("error", `no node answers: ${lost} line(s) or more that were in memory are lost`);
  return EXIT.unavailable;
}
