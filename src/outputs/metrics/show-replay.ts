/** A past stretch of the bus once more, at a speed of one's choice: an overview a second, as it would have been then. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Bus } from "../../bus/bus.ts";
import type { PlacedBatch } from "../../message/delivery.ts";
import { reasonOf } from "../../message/error.ts";
import { groupMatcher } from "../../message/names.ts";
import { Opener } from "../../message/opener.ts";
import type { Report } from "../../message/report.ts";
import { withFewerClicks } from "./answers.ts";
import type { MetricsConfig } from "./config.ts";
import { addBatch } from "./lines.ts";
import type { Replay } from "./messages.ts";
import type { MetricsParts } from "./parts.ts";

const SHOW_MS = 1000;
const SESSION_ROWS = 30;
const CLICKS = 20;

export interface ReplayDeps {
  readonly config: MetricsConfig;
  readonly parts: MetricsParts;
  readonly simulated: boolean;
  readonly report: Report;
  readonly show: (text: string) => void;
}

/** Resolves when the end is shown; rejects when `signal` aborts. */
export async function showReplay(replay: Replay, bus: Bus, deps: ReplayDeps, signal: AbortSignal): Promise<void> {
  const { config, parts, simulated } = deps;
  const { engine } = parts;
  const { fromUs, toUs, speed, filter } = replay;
  const started = performance.now();
  const clockUs = (): number => Math.min(toUs, fromUs + (performance.now() - started) * 1000 * speed);
  /** Bus time before which all is read. */
  let readUs = fromUs;
  const add = async (placed: PlacedBatch, opener: Opener): Promise<void> => {
    try {
      await addBatch(engine, opener, placed, () => {});
    } catch (error) {
      deps.report("warn", `the replay skips the batch at position ${placed.position}`, { why: reasonOf(error) });
    }
  };
  const reading = (async () => {
    const opener = new Opener();
    try {
      const matches = filter.groups.length === 0 ? () => true : groupMatcher(filter.groups);
      const what = { groups: config.groups, from: { timeUs: fromUs }, follow: false } as const;
      for await (const delivery of bus.subscribe(what, signal)) {
        if (delivery.kind === "gap" || !matches(delivery.batch.group)) continue;
        if (delivery.busTimeUs >= toUs) break;
        readUs = delivery.busTimeUs;
        for (let waitUs = readUs - clockUs(); waitUs > 0; waitUs = readUs - clockUs()) {
          await sleep(Math.max(1, waitUs / 1000 / speed), undefined, { signal });
        }
        await add(delivery, opener);
      }
      readUs = toUs;
    } finally {
      opener.close();
    }
  })();
  reading.catch(() => {}); // It is awaited below, when its turn has come.
  const show = (): void => {
    engine.advance(Math.min(clockUs(), readUs));
    const scope = { ...filter, fromUs, toUs: Math.max(engine.nowUs, fromUs) };
    const lagS = Math.max(0, (clockUs() - engine.nowUs) / 1e6);
    const overview = engine.overview(scope, { topRows: replay.topRows, sessionRows: SESSION_ROWS, lagS, simulated });
    deps.show(JSON.stringify(withFewerClicks(overview, CLICKS)));
  };
  engine.advance(fromUs);
  for (;;) {
    await Promise.race([sleep(SHOW_MS, undefined, { signal }), failureOf(reading)]);
    show();
    if (clockUs() >= toUs && readUs >= toUs) return;
  }
}

/** Rejects as `work` does; never resolves. */
function failureOf(work: Promise<void>): Promise<never> {
  return new Promise((_, reject) => {
    work.catch(reject);
  });
}
