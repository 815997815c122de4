/**
 * A web server's pipe: bytes become batches, handed on as they are made. Where the bytes come from: see pipe-source.ts.
 *
 * Reading never waits for sending: bytes go into one of a few fills, each mirrored in a region of the intake file. A fill
 * with whole lines in it is sealed when nothing waits to be sent, so that a line on an idle publisher goes out at once, or
 * when it is big enough. The rest of it, a line that has only begun, moves to the next fill.
 */
import type { Loss } from "../message/batch.ts";
import { endOfLastLine } from "../message/lines.ts";
import type { Report } from "../message/report.ts";
import { type Intake, type Labels, REGIONS, type Region } from "./intake.ts";
import { limitLines, MAX_LINE_BYTES } from "./line-limit.ts";
import type { Outlet } from "./outlet.ts";
import { PipeBatches, type Portion } from "./pipe-batches.ts";
import { Sealer } from "./sealer.ts";

/** Most that one read takes: what a pipe holds. */
const CHUNK_BYTES = 64 * 1024;
/** A fill is sealed when it has this much, even if something is on its way: larger batches cost less a line, and memory. */
const SEAL_BYTES = 704 * 1024;
const FILL_BYTES = MAX_LINE_BYTES + CHUNK_BYTES + 1;

/**
 * After a batch the next one gathers for so long, unless it is full: a batch costs publisher and node together about what
 * 300 lines do, and beside a saturated web server that CPU is the web server's. Up to some 3,000 lines/s
 * batches stay small and go at once, above that the wait grows to its limit.
 */
const GATHER_MS_A_LINE = 0.4;
const MAX_GATHER_MS = 30;
/** After a batch so small nothing waits. */
const FEW_LINES = 3;

const NEWLINE_BYTES = Buffer.from("\n");

export interface PipeConfig {
  readonly labels: Labels;
  /** Longer lines are cut there, and counted. At most MAX_LINE_BYTES. */
  readonly maxLineBytes: number;
}

/** Where to go on: the beginning of a line, of which a predecessor took the rest, and the region of the intake to begin in. */
export interface PipeStart {
  readonly partial: Buffer;
  readonly discarding: boolean;
  readonly region: number;
}

export interface PipeDeps {
  readonly outlet: Outlet;
  /** Undefined: the source can be read again, or there is nowhere to write. */
  readonly intake: Intake | undefined;
  readonly nowUs: () => number;
  readonly report: Report;
}

/** What a pipe has brought. */
export interface PipeTotals {
  readonly lines: number;
  readonly bytes: number;
  readonly cutLines: number;
  readonly badGroupNames: number;
}

interface Fill {
  readonly memory: Buffer;
  readonly region: Region;
  /** Bytes in it, and where the line begins that is still open. */
  end: number;
  lineStart: number;
  /** `free`: may be filled; `sealed`: on its way to the spool. */
  state: "free" | "sealed";
}

interface Sealed {
  readonly fill: Fill;
  readonly portion: Portion;
  readonly firstSequence: number;
}

export class Pipe {
  #config: PipeConfig;
  #deps: PipeDeps;
  #sealer = new Sealer();
  #batches: PipeBatches;
  #fills: Fill[];
  #current: Fill;
  /** Whose space was given out last. */
  #lent: Fill;
  #carried = 0;
  #discarding = false;
  #nextSequence = 1;
  #sealed: Sealed[] = [];
  #pumping: Promise<void> | undefined;
  #publishing = 0;
  /** Until then (performance.now) the current fill gathers. */
  #gatherUntil = 0;
  #gathering: NodeJS.Timeout | undefined;
  #moved: (() => void)[] = [];
  #failure: unknown;
  #toldLosses: readonly Loss[] = [];
  #lines = 0;
  #bytes = 0;
  #cutLines = 0;
  #badGroupNames = 0;

  constructor(config: PipeConfig, deps: PipeDeps, start: PipeStart = { partial: EMPTY, discarding: false, region: 0 }) {
    this.#config = config;
    this.#deps = deps;
    this.#batches = new PipeBatches(config.labels, this.#sealer, deps.nowUs);
    this.#fills = Array.from({ length: REGIONS }, (_, index) => ({
      // Never touched, never resident: only long lines reach the far end.
      memory: Buffer.allocUnsafeSlow(FILL_BYTES),
      region: { index, generation: 0, at: 0 },
      end: 0,
      lineStart: 0,
      state: "free",
    }));
    this.#current = this.#fills[start.region]!;
    this.#lent = this.#current;
    this.#discarding = start.discarding;
    if (start.partial.length > 0 || start.discarding) this.#carry(start.partial);
    deps.outlet.onIdle(() => this.#sealIfDue());
  }

  /** What came so far. */
  get totals(): PipeTotals {
    return {
      lines: this.#lines,
      bytes: this.#bytes,
      cutLines: this.#cutLines,
      badGroupNames: this.#badGroupNames,
    };
  }

  /** The sequence that the next batch would get. */
  get nextSequence(): number {
    return this.#nextSequence;
  }

  /** Room for the next read, or undefined while everything is full: then wait for `room()`. */
  space(): Buffer | undefined {
    if (this.#isFull()) return undefined;
    this.#lent = this.#current;
    return this.#lent.memory.subarray(this.#lent.end, this.#lent.end + CHUNK_BYTES);
  }

  /** Resolves when there is space. */
  async room(): Promise<void> {
    while (this.#isFull()) {
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => this.#moved.push(resolve));
    }
  }

  /** Takes in the first `n` bytes of `space()`. */
  filled(n: number): void {
    const fill = this.#current;
    const { memory } = fill;
    let end = fill.end + n;
    this.#bytes += n;
    // Sealed while the kernel had the space. It has moved on by one fill at most: to go further it would need this read.
    if (this.#lent !== fill) this.#lent.memory.copy(memory, fill.end, this.#lent.end, this.#lent.end + n);
    if (this.#discarding || end - fill.lineStart > this.#config.maxLineBytes) {
      const limited = limitLines(memory, fill.lineStart, fill.end, end, this.#config.maxLineBytes, this.#discarding);
      if (limited.cut > 0) this.#countCut(limited.cut);
      if (limited.end === fill.end && limited.discarding === this.#discarding) return;
      this.#discarding = limited.discarding;
      end = limited.end;
    }
    const bytes = memory.subarray(fill.end, end);
    this.#write(fill, bytes);
    const lineEnd = endOfLastLine(bytes);
    if (lineEnd > 0) fill.lineStart = fill.end + lineEnd;
    fill.end = end;
    this.#sealIfDue();
  }

  /** Takes in bytes that stand elsewhere; waits while everything is full. */
  async take(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      await this.room();
      const n = bytes.copy(this.space()!, 0, at);
      this.filled(n);
      at += n;
    }
  }

  /** The stream is at its end: what is left becomes batches, a last line without newline too. Resolves when all are handed on. */
  async end(): Promise<void> {
    await this.room();
    const fill = this.#current;
    if (fill.end > fill.lineStart) {
      NEWLINE_BYTES.copy(fill.memory, fill.end);
      this.#write(fill, NEWLINE_BYTES);
      fill.end++;
      fill.lineStart = fill.end;
    }
    clearTimeout(this.#gathering);
    while (fill === this.#current && fill.lineStart > 0) {
      if (this.#failure !== undefined) throw this.#failure;
      if (!this.#seal()) await new Promise<void>((resolve) => this.#moved.push(resolve));
    }
    while (this.#publishing > 0 || this.#sealed.length > 0) {
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => this.#moved.push(resolve));
    }
    await this.#pumping;
    if (this.#failure !== undefined) throw this.#failure;
    await this.#reportLosses();
    this.#deps.intake?.forget();
    this.#sealer.close();
  }

  #write(fill: Fill, bytes: Buffer): void {
    this.#deps.intake?.write(fill.region, bytes, this.#discarding, this.#nextSequence, this.#carried);
    this.#carried = 0;
  }

  #isFull(): boolean {
    const fill = this.#current;
    if (fill.lineStart > 0 && fill.end >= SEAL_BYTES) return true;
    return fill.end + CHUNK_BYTES + 1 > FILL_BYTES || !this.#fitsIntake(fill);
  }

  #fitsIntake(fill: Fill): boolean {
    return this.#deps.intake?.hasRoom(fill.region, CHUNK_BYTES + 64) ?? true;
  }

  #sealIfDue(): void {
    const fill = this.#current;
    if (fill.end === 0) return;
    if (this.#isFull()) {
      this.#seal();
      return;
    }
    if (fill.lineStart === 0 || this.#sealed.length > 0 || this.#publishing > 0 || !this.#deps.outlet.idle) return;
    const waitMs = this.#gatherUntil - performance.now();
    if (waitMs <= 0) this.#seal();
    else this.#gathering ??= setTimeout(() => this.#gathered(), waitMs);
  }

  #gathered(): void {
    this.#gathering = undefined;
    this.#sealIfDue();
  }

  /** Hands the whole lines on and goes on in the next fill; false if none is free. */
  #seal(): boolean {
    const fill = this.#current;
    const next = this.#fills[(fill.region.index + 1) % REGIONS]!;
    if (next.state !== "free") return false;
    const portion = this.#batches.portion(fill.memory.subarray(0, fill.lineStart));
    this.#badGroupNames += portion.split?.badNames ?? 0;
    const firstSequence = this.#nextSequence;
    this.#nextSequence += portion.batches;
    fill.state = "sealed";
    this.#current = next;
    next.end = 0;
    next.lineStart = 0;
    // Before anything of this fill is done with: else a kill could lose the beginning of the line.
    if (fill.end > fill.lineStart || this.#discarding) this.#carry(fill.memory.subarray(fill.lineStart, fill.end));
    this.#sealed.push({ fill, portion, firstSequence });
    this.#pumping ??= this.#pump();
    return true;
  }

  #carry(partial: Buffer): void {
    const fill = this.#current;
    partial.copy(fill.memory);
    fill.end = partial.length;
    this.#carried = partial.length;
    this.#write(fill, fill.memory.subarray(0, fill.end));
  }

  async #pump(): Promise<void> {
    try {
      for (let next = this.#sealed[0]; next !== undefined; next = this.#sealed[0]) {
        await this.#publish(next);
        this.#sealed.shift();
      }
    } catch (thrown) {
      this.#fail(thrown);
    } finally {
      this.#pumping = undefined;
    }
  }

  /** Makes and hands on the batches of a fill. Returns when the last is made: the next fill is compressed meanwhile. */
  async #publish({ fill, portion, firstSequence }: Sealed): Promise<void> {
    let last: Promise<void> = Promise.resolve();
    this.#publishing++;
    for await (const batch of this.#batches.make(portion, firstSequence, () => this.#deps.outlet.losses())) {
      this.#lines += batch.count;
      this.#gatherUntil =
        performance.now() + Math.min(MAX_GATHER_MS, Math.max(0, batch.count - FEW_LINES) * GATHER_MS_A_LINE);
      this.#toldLosses = batch.losses;
      // Kept in the order of the calls, so the last one's end is the end of all.
      last = this.#deps.outlet.publish(batch);
      last.catch(() => {});
    }
    last.then(
      () => {
        this.#deps.intake?.clear(fill.region);
        fill.state = "free";
        this.#publishing--;
        this.#sealIfDue();
        this.#wake();
      },
      (thrown) => this.#fail(thrown),
    );
  }

  /** Losses are told in the next batch; if there is none, in an empty one. */
  async #reportLosses(): Promise<void> {
    const losses = this.#deps.outlet.losses();
    if (losses.length === 0 || losses === this.#toldLosses) return;
    const { group, sender, producer } = this.#config.labels;
    const label = { group, sender, producer, sequence: this.#nextSequence++, createdUs: this.#deps.nowUs(), losses };
    await this.#deps.outlet.publish(await this.#sealer.seal(label, EMPTY));
  }

  #countCut(lines: number): void {
    this.#cutLines += lines;
    this.#deps.report("warn", `cut ${lines} line(s) to ${this.#config.maxLineBytes} bytes`, {
      cutLines: this.#cutLines,
    });
  }

  #fail(thrown: unknown): void {
    this.#failure ??= thrown;
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#moved.splice(0)) resolve();
  }
}

const EMPTY = Buffer.alloc(0);
