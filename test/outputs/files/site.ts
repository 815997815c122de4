/** A bus with a clock moved by hand, and file outputs that read from it: what the tests of the file output stand on. */
import fs from "node:fs";
import fsp from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import zlib from "node:zlib";
import type { z } from "zod";
import { embeddedConfig } from "../../../src/bus/embedded/config.ts";
import { EmbeddedBus } from "../../../src/bus/embedded/embedded.ts";
import { newProducer } from "../../../src/message/batch.ts";
import { batchOfLines, batchOfMessages } from "../../../src/message/body.ts";
import { groupMatcher } from "../../../src/message/names.ts";
import { filesConfig } from "../../../src/outputs/files/config.ts";
import { type FilesCounters, newFilesCounters } from "../../../src/outputs/files/counters.ts";
import { files } from "../../../src/outputs/files/files.ts";

/** What a test configures; `name` is the output's. */
export type Options = Partial<z.input<typeof filesConfig>> & { readonly name?: string };

/** 2026-11-24 10:00:00 UTC, µs. */
export const TEN = Date.UTC(2026, 10, 24, 10) * 1000;
export const SECOND = 1_000_000;
export const DAY = 86_400 * SECOND;

/** The first line of what `condition` is not true of in time is the test's failure. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, ms = 20_000): Promise<void> {
  for (const end = Date.now() + ms; !(await condition()); ) {
    if (Date.now() > end) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
}

export interface Running {
  readonly counters: FilesCounters;
  readonly reports: string[];
  readonly ended: Promise<void>;
  /** Waits until everything that is on the bus now is written. */
  caughtUp(): Promise<void>;
  reopen(): Promise<void>;
  /** Ends the output as a node does, everything durable. */
  stop(): Promise<void>;
}

export class Site {
  readonly folder: string;
  readonly out: string;
  readonly state: string;
  readonly bus: EmbeddedBus;
  nowUs = TEN;
  readonly #producer = newProducer();
  #sequence = 0;

  private constructor(folder: string, out: string, bus: EmbeddedBus) {
    this.folder = folder;
    this.out = out;
    this.state = join(folder, "state");
    this.bus = bus;
  }

  /** `out`: where the files go; default: a folder that is not there yet. */
  static async open(t: TestContext, out?: string): Promise<Site> {
    const folder = fs.mkdtempSync(join(tmpdir(), "logspread-files-"));
    let site: Site | undefined;
    const nowUs = (): number => site?.nowUs ?? TEN;
    const config = embeddedConfig.parse({ fsync: "never" });
    const bus = await EmbeddedBus.open(join(folder, "bus"), config, { nowUs, report: () => {} });
    site = new Site(folder, out ?? join(folder, "out"), bus);
    t.after(async () => {
      await bus.close();
      fs.rmSync(folder, { recursive: true, force: true });
    });
    return site;
  }

  /** Publishes one batch of lines (without their newlines). */
  async publish(lines: readonly (string | Buffer)[], group = "web", sender = "apache@www1"): Promise<void> {
    const label = { group, sender, producer: this.#producer, sequence: ++this.#sequence, createdUs: this.nowUs };
    const bytes = Buffer.concat(lines.flatMap((line) => [Buffer.from(line as string), Buffer.from("\n")]));
    await this.bus.publish(await batchOfLines(label, bytes));
  }

  /** Publishes messages that may hold newlines. */
  async publishMessages(messages: readonly string[]): Promise<void> {
    const label = {
      group: "web",
      sender: "apache@www1",
      producer: this.#producer,
      sequence: ++this.#sequence,
      createdUs: this.nowUs,
    };
    await this.bus.publish(
      await batchOfMessages(
        label,
        messages.map((message) => Buffer.from(message)),
      ),
    );
  }

  /** Starts a file output; `boot` is the machine's boot. Paths in `options` are below `out`. */
  run(t: TestContext, { name = "files", ...options }: Options, { boot = "boot-1", state = this.state } = {}): Running {
    const config = { ...filesConfig.parse({ fsyncInterval: "20ms", path: this.at("access.log"), ...options }), name };
    const counters = newFilesCounters();
    const reports: string[] = [];
    const stop = new AbortController();
    const reopen = new EventTarget();
    const deps = {
      stateFolder: state,
      bootId: boot,
      counters,
      report: (_: string, text: string, fields: Record<string, unknown> = {}) =>
        void reports.push(`${text} ${JSON.stringify(fields)}`),
      reopen,
    };
    const ended = files(config, this.bus, deps, stop.signal);
    let failed: unknown;
    ended.catch((error: unknown) => {
      failed = error;
    });
    const check = (): boolean => {
      if (failed !== undefined && !stop.signal.aborted) throw failed;
      return true;
    };
    const running: Running = {
      counters,
      reports,
      ended,
      caughtUp: async () => {
        const wanted = groupMatcher(config.groups);
        const groups = (await this.bus.status()).groups.filter(({ group }) => wanted(group));
        const lastPosition = Math.max(0, ...groups.map((group) => group.lastPosition));
        await until(`position ${lastPosition} is written`, () => check() && counters.position >= lastPosition);
      },
      reopen: async () => {
        const before = counters.reopens;
        reopen.dispatchEvent(new Event("reopen"));
        await until("files are reopened", () => check() && counters.reopens > before);
      },
      stop: async () => {
        stop.abort(new Error("stopped by the test"));
        await ended.catch((error: unknown) => {
          if (error !== stop.signal.reason) throw error;
        });
      },
    };
    t.after(() => running.stop().catch(() => {}));
    return running;
  }

  /** Runs an output over all that is on the bus and ends it. */
  async write(t: TestContext, options: Options, more: { boot?: string; state?: string } = {}): Promise<Running> {
    const running = this.run(t, options, more);
    await running.caughtUp();
    await running.stop();
    return running;
  }

  at(path: string): string {
    return join(this.out, path);
  }

  text(path = "access.log"): string {
    return fs.readFileSync(this.at(path), "utf8");
  }

  /** Every file below `out`, decompressed, by relative path. */
  async tree(folder = this.out): Promise<Record<string, string>> {
    return readTree(folder);
  }
}

export async function readTree(folder: string): Promise<Record<string, string>> {
  const tree: Record<string, string> = {};
  for (const name of (await fsp.readdir(folder, { recursive: true })).sort()) {
    const path = join(folder, name);
    if (!(await fsp.lstat(path)).isFile()) continue;
    const bytes = await fsp.readFile(path);
    tree[name] = (
      name.endsWith(".gz") ? zlib.gunzipSync(bytes) : name.endsWith(".zst") ? zlib.zstdDecompressSync(bytes) : bytes
    ).toString("latin1");
  }
  return tree;
}

/** A line of a combined log with this time and number. */
export function accessLine(us: number, number: number, host = "192.0.2.7"): string {
  const date = new Date(us / 1000).toUTCString(); // "Tue, 24 Nov 2026 10:00:00 GMT"
  const [, day, month, year, time] = date.split(" ");
  return `${host} - - [${day}/${month}/${year}:${time} +0000] "GET /${number} HTTP/1.1" 200 17 "-" "curl/8"`;
}

/** mulberry32: small, and the same on every machine; for tests that print their seed. */
export function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}
