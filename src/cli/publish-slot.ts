/** Which spool slot a publisher takes, and how slots that dead publishers left are drained. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Bus } from "../bus/bus.ts";
import { ForwardMark } from "../bus/spool/forward-mark.ts";
import { type Slot, slotsOf, takeSlot, tryLock } from "../bus/spool/slot.ts";
import { Spool, type SpoolOptions } from "../bus/spool/spool.ts";
import { clearIntake, type PipeId, pipeOfIntake, recoverIntake } from "../inputs/intake.ts";
import { publishLeft } from "../inputs/recover.ts";
import { reasonOf } from "../message/error.ts";
import type { Report } from "../message/report.ts";

/** A publisher that died is given so long to come back to its own pipe, before another takes its slot for abandoned. */
const ABANDONED_MS = 10_000;
const LOOK_EVERY_MS = 5000;
const PATIENCE_MS = 5000;

export function intakeIn(folder: string): string {
  return join(folder, "intake");
}

/**
 * Takes the slot whose last holder read the same pipe: then the line it was in the middle of goes on. Else the first free
 * one that nobody will come back to.
 */
export function takeSlotFor(root: string, name: string, pipe: PipeId, nowMs: number): Slot {
  return takeSlot(root, name, (folder) => {
    const left = leftPipe(folder);
    if (left === undefined) return 1;
    if (left.inode === pipe.inode && left.device === pipe.device) return 0;
    return isAbandoned(folder, nowMs) ? 2 : undefined;
  });
}

function leftPipe(folder: string): PipeId | undefined {
  try {
    return pipeOfIntake(intakeIn(folder));
  } catch {
    // Another user's: locking it will tell.
    return undefined;
  }
}

function isAbandoned(folder: string, nowMs: number): boolean {
  try {
    return nowMs - statSync(intakeIn(folder)).mtimeMs > ABANDONED_MS;
  } catch {
    return true;
  }
}

/** Now and then looks for slots that nobody holds and that are not empty, and sends what is in them. Rejects at `signal`. */
export async function drainOthers(
  root: string,
  name: string,
  own: string,
  openBus: () => Bus,
  options: Omit<SpoolOptions, "folder">,
  signal: AbortSignal,
): Promise<never> {
  for (;;) {
    await sleep(LOOK_EVERY_MS, undefined, { signal });
    for (const folder of listed(root, name, options.report)) {
      if (folder === own || !needsDraining(folder)) continue;
      await drain(folder, openBus, options, signal);
    }
  }
}

function listed(root: string, name: string, report: Report): string[] {
  try {
    return slotsOf(root, name);
  } catch (thrown) {
    report("warn", `cannot look for what other publishers left in ${root}: ${reasonOf(thrown)}`);
    return [];
  }
}

function needsDraining(folder: string): boolean {
  try {
    if (ForwardMark.peek(folder).clean) return false;
  } catch {
    return false;
  }
  return leftPipe(folder) === undefined || isAbandoned(folder, Date.now());
}

async function drain(
  folder: string,
  openBus: () => Bus,
  options: Omit<SpoolOptions, "folder">,
  signal: AbortSignal,
): Promise<void> {
  const { report, nowUs } = options;
  let slot: Slot | undefined;
  try {
    slot = tryLock(folder);
    if (slot === undefined) return;
    const spool = await Spool.open({ ...options, folder });
    const stop = new AbortController();
    // One of its own: closing it takes back what it could not send, so that nothing is left that would gather in an outage.
    const bus = openBus();
    const forwarding = spool.forward(bus, AbortSignal.any([signal, stop.signal]));
    forwarding.catch(() => {});
    try {
      const left = recoverIntake(intakeIn(folder));
      await publishLeft(left, spool.lastAppended, false, spool, nowUs);
      clearIntake(intakeIn(folder));
      const ended = await Promise.race([spool.drained(Promise.resolve(), PATIENCE_MS), forwarding]);
      if (ended === "drained") report("info", `sent what another publisher had left in ${folder}`);
    } finally {
      stop.abort();
      await bus.close();
      await forwarding.catch(() => {});
      await spool.close(true);
    }
  } catch (thrown) {
    if (!signal.aborted) report("warn", `cannot send what another publisher left in ${folder}: ${reasonOf(thrown)}`);
  } finally {
    slot?.release();
  }
}
