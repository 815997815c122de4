/** Counts the lines of files, by the time that they say themselves. One a thread. */
import type { LineParser, Reason } from "../formats/line-parser.ts";
import { NEWLINE } from "../message/lines.ts";
import { Agents } from "../metrics/agents.ts";
import { ByteReader, ByteWriter } from "../metrics/bytes-codec.ts";
import type { PrivacyConfig } from "../metrics/config.ts";
import type { Counts } from "../metrics/counts.ts";
import { Privacy } from "../metrics/privacy.ts";
import { type CountryOf, type OwnRequest, RequestReader } from "../metrics/request-reader.ts";
import { Tally, tallyNames } from "../metrics/tally.ts";
import { type UnparsedLine, UnparsedSamples } from "../metrics/unparsed.ts";
import { Steps } from "./steps.ts";

export interface CounterSettings {
  readonly privacy: PrivacyConfig;
  /** Only requests from here to there, µs since the epoch; the ends are -Infinity and Infinity. */
  readonly fromUs: number;
  readonly toUs: number;
}

/** Values that each list follows exactly; beyond it, those seen least are forgotten, and the others' bounds say so. */
const LIST_ROWS = 100_000;
/** Standard error 0.8 %. */
const VISITORS_PRECISION = 14;
const KEY_BYTES = 1024;
const AGENTS = 50_000;

export class Counter {
  readonly tally: Tally;
  readonly steps = new Steps();
  readonly samples: UnparsedSamples;
  lines = 0;
  /** Lines that belong to the format and are no request, such as `#Fields:`. */
  headers = 0;
  /** Requests whose line was cut or departs from the format; they count. */
  truncated = 0;
  /** Requests outside of the time asked for; they count nowhere else. */
  outside = 0;
  readonly #agents: Agents;
  readonly #privacy: Privacy;
  readonly #settings: CounterSettings;
  readonly #files = new Map<string, Counts>();

  constructor(settings: CounterSettings, countryOf: CountryOf | undefined, seed: number) {
    this.#settings = settings;
    this.#agents = new Agents(AGENTS, seed);
    this.#privacy = new Privacy(settings.privacy, seed);
    const limits = { listRows: LIST_ROWS, keyBytes: KEY_BYTES, visitorsPrecision: VISITORS_PRECISION };
    this.tally = new Tally(limits, tallyNames(this.#agents, countryOf, seed));
    this.samples = new UnparsedSamples(this.#privacy.keepsAll);
  }

  /** A function that counts lines of a file in a format; call `end` after the last. */
  file(
    name: string,
    parser: LineParser,
  ): { readonly take: (bytes: Buffer, to: number) => void; readonly end: () => void } {
    const reader = new RequestReader(parser, this.#privacy, this.#agents);
    const before = this.tally.counts.copy();
    return {
      take: (bytes, to) => this.#take(reader, name, bytes, to),
      end: () => {
        const own = this.tally.counts.since(before);
        const known = this.#files.get(name);
        if (known === undefined) this.#files.set(name, own);
        else known.merge(own);
      },
    };
  }

  #take(reader: RequestReader, name: string, bytes: Buffer, to: number): void {
    const { request } = reader;
    const { tally, steps } = this;
    const { fromUs, toUs } = this.#settings;
    const all = fromUs === Number.NEGATIVE_INFINITY && toUs === Number.POSITIVE_INFINITY;
    let lines = 0;
    for (let at = 0; at < to; ) {
      const newline = bytes.indexOf(NEWLINE, at);
      const end = newline === -1 || newline >= to ? to : newline;
      lines++;
      const outcome = reader.read(bytes, at, end);
      if (outcome === "ok" || outcome === "truncated") {
        if (outcome === "truncated") this.truncated++;
        request.timeUs = request.eventUs;
        if (all || this.#within(request)) {
          tally.add(request);
          steps.add(request);
        } else this.outside++;
      } else if (outcome === "header") this.headers++;
      else this.#unparsed(name, outcome, bytes.subarray(at, end));
      at = end + 1;
    }
    this.lines += lines;
    this.#agents.allow(lines);
  }

  /** A request that says no time is in no span of time. */
  #within({ eventUs }: OwnRequest): boolean {
    return eventUs >= this.#settings.fromUs && eventUs < this.#settings.toUs;
  }

  #unparsed(server: string, reason: Reason, line: Buffer): void {
    this.tally.counts.addUnparsed(reason);
    this.samples.add({ group: "", server, timeUs: 0, reason, line });
  }

  /** What was counted by file; only requests, bytes, statuses and distributions. */
  get files(): ReadonlyMap<string, Counts> {
    return this.#files;
  }

  /** For the main thread. */
  encode(): CounterResult {
    const steps = new ByteWriter();
    this.steps.encode(steps);
    const files = [...this.#files].map(([name, counts]) => {
      const into = new ByteWriter();
      counts.encode(into);
      return { name, counts: into.finish() };
    });
    const { lines, headers, truncated, outside } = this;
    return {
      tally: this.tally.encode(Number.POSITIVE_INFINITY),
      steps: steps.finish(),
      files,
      samples: this.samples.latest(),
      lines,
      headers,
      truncated,
      outside,
    };
  }

  /** Adds what another thread's counter found. */
  merge(result: CounterResult): void {
    this.tally.mergeEncoded(result.tally);
    this.steps.mergeEncoded(new ByteReader(result.steps));
    for (const { name, counts } of result.files) {
      const own = this.#files.get(name) ?? this.tally.counts.none();
      own.mergeEncoded(new ByteReader(counts));
      this.#files.set(name, own);
    }
    for (const sample of result.samples) this.samples.add({ ...sample, line: Buffer.from(sample.line) });
    this.lines += result.lines;
    this.headers += result.headers;
    this.truncated += result.truncated;
    this.outside += result.outside;
  }
}

/** As it is posted from thread to thread. */
export interface CounterResult {
  readonly tally: Uint8Array;
  readonly steps: Uint8Array;
  readonly files: readonly { readonly name: string; readonly counts: Uint8Array }[];
  readonly samples: readonly UnparsedLine[];
  readonly lines: number;
  readonly headers: number;
  readonly truncated: number;
  readonly outside: number;
}
