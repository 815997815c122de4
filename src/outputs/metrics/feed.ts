/**
 * Reads the bus into the engine and keeps history. After a restart the recent past is read once more, for what only memory
 * knew (visits, anomalies, seconds, the minute under way); its finished minutes come from history, so that each line is in
 * exactly one of them.
 */
import type { Bus, BusStatus } from "../../bus/bus.ts";
import type { Delivery, From } from "../../message/delivery.ts";
import { reasonOf } from "../../message/error.ts";
import { groupMatcher } from "../../message/names.ts";
import { Opener } from "../../message/opener.ts";
import type { Report } from "../../message/report.ts";
import type { Rollup } from "../../metrics/kept-minutes.ts";
import type { MetricsConfig } from "./config.ts";
import type { MetricsCounters } from "./counters.ts";
import type { History, Mark } from "./history.ts";
import { addBatch } from "./lines.ts";
import type { MetricsParts } from "./parts.ts";

/** A batch that the bus is just taking may get a time so long ago, µs. One that is later still counts when it comes. */
const MARGIN_US = 100_000;
/** Finished minutes that wait while history cannot be written. */
const MAX_UNSAVED = 240;
/** Rows of each list of an hour or a day, times those of a minute. */
const LONGER_ROWS = 3;

export interface FeedDeps {
  readonly parts: MetricsParts;
  readonly history: History;
  readonly counters: MetricsCounters;
  readonly report: Report;
  /** The last position that the bus had when the node started. */
  readonly startPosition: number;
}

/** Where reading starts, and what history says. */
interface Start {
  readonly from: From;
  /** Up to here, minutes are in history already. */
  readonly mark: Mark | undefined;
}

export class Feed {
  readonly #config: MetricsConfig;
  readonly #deps: FeedDeps;
  #start: Start | undefined;
  /** What history has is in memory, and the engine is past it. */
  #settled = false;
  #position = 0;
  readonly #unsaved: { readonly rollups: readonly Rollup[]; readonly mark: Mark }[] = [];
  /** How far the engine is behind, s. */
  lagS = 0;
  /** What is read now came after the node's start. */
  live = false;

  constructor(config: MetricsConfig, deps: FeedDeps) {
    this.#config = config;
    this.#deps = deps;
  }

  /** Reads until `signal` aborts, then rejects with its reason. */
  async run(bus: Bus, signal: AbortSignal): Promise<void> {
    const start = this.#startOf(await bus.status());
    this.#start = start;
    this.#settled = start.mark === undefined;
    if (typeof start.from === "object" && "position" in start.from) this.#reached(start.from.position - 1);
    const opener = new Opener();
    try {
      const { groups } = this.#config;
      for await (const delivery of bus.subscribe({ groups, from: start.from, follow: true }, signal)) {
        await this.#take(delivery, opener);
      }
    } finally {
      opener.close();
    }
  }

  #startOf({ groups, lastPosition }: BusStatus): Start {
    const { history, report } = this.#deps;
    const matches = groupMatcher(this.#config.groups);
    const lastUs = Math.max(0, ...groups.filter(({ group }) => matches(group)).map(({ lastTimeUs }) => lastTimeUs));
    let mark = history.mark;
    if (mark === undefined) return { from: since(lastUs - this.#config.backfill * 1000), mark };
    if (mark.position > lastPosition) {
      report("warn", "the bus is another one than that which the metrics' history was made of: both are kept");
      history.restartPositions();
      mark = { ...mark, position: 0 };
    }
    const recent = since(lastUs - this.#config.rebuild * 1000);
    const from = recent.timeUs < mark.endS * 1e6 ? recent : { position: mark.position + 1 };
    return { from: mark.position === 0 ? "first" : from, mark };
  }

  async #take(delivery: Delivery, opener: Opener): Promise<void> {
    const { parts, counters, report } = this.#deps;
    if (delivery.kind === "gap") {
      counters.messagesGone += delivery.messages;
      this.#reached(delivery.last);
      return;
    }
    const { position, busTimeUs } = delivery;
    try {
      await addBatch(parts.engine, opener, delivery, () => {
        if (position > this.#deps.startPosition) {
          this.live = true;
          parts.traffic.counting = true;
        }
        if (position > (this.#start!.mark?.position ?? 0)) this.#settle();
        this.#advance(busTimeUs);
      });
    } catch (error) {
      counters.batchesDamaged++;
      report("warn", `the metrics skip the batch at position ${position}`, { why: reasonOf(error) });
    }
    counters.batchesRead++;
    counters.nowUs = parts.engine.nowUs;
    this.#reached(position);
  }

  /** It is `nowUs`; the bus has given `lastPosition` to these groups. */
  tick(nowUs: number, lastPosition: number): void {
    const { engine } = this.#deps.parts;
    this.#deps.counters.tableBytes = engine.memory + this.#deps.parts.visits.memory;
    if (this.#start === undefined || this.#position < lastPosition) {
      this.lagS = engine.nowUs === 0 ? 0 : Math.max(0, (nowUs - engine.nowUs) / 1e6);
      return;
    }
    this.#settle();
    this.#advance(nowUs - MARGIN_US);
    this.lagS = 0;
    this.#deps.counters.nowUs = engine.nowUs;
  }

  #reached(position: number): void {
    this.#position = position;
    this.#deps.counters.position = position;
  }

  /** What comes now is in no minute of history: it counts from the end of the last one on, whatever its time. */
  #settle(): void {
    if (this.#settled) return;
    const { parts, history } = this.#deps;
    const { endS } = this.#start!.mark!;
    parts.engine.advance(endS * 1e6);
    parts.engine.restore(history.rollups(60, endS - this.#config.minutes * 60, endS));
    this.#settled = true;
  }

  #advance(toUs: number): void {
    const { engine } = this.#deps.parts;
    const before = engine.minuteS;
    engine.advance(toUs);
    if (engine.minuteS === before || before === 0 || !this.#settled) return;
    const rollups = engine.minute(before);
    if (rollups.length === 0) return;
    this.#unsaved.push({ rollups, mark: { position: this.#position, endS: before + 60 } });
    this.#save();
  }

  #save(): void {
    const { parts, history, counters, report } = this.#deps;
    const rows = this.#config.minuteRows * LONGER_ROWS;
    const last = this.#unsaved.at(-1)!;
    try {
      history.store(
        this.#unsaved.flatMap(({ rollups }) => rollups),
        last.mark,
        (several) => parts.engine.merged(several, rows),
      );
      counters.minutesStored += this.#unsaved.length;
      this.#unsaved.length = 0;
    } catch (error) {
      counters.errors++;
      report("error", "a minute of the metrics cannot be stored; it is tried again with the next", {
        why: reasonOf(error),
        waiting: this.#unsaved.length,
      });
      if (this.#unsaved.length <= MAX_UNSAVED) return;
      this.#unsaved.shift();
      report("error", "the oldest minute of the metrics that waited is lost to their history");
    }
  }
}

/** The start of the minute that `timeUs` is in. */
function since(timeUs: number): { readonly timeUs: number } {
  return { timeUs: Math.max(0, timeUs - (timeUs % 60e6)) };
}
