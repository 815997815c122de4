/**
 * The live metrics: batches in, snapshots out. Time is the bus's: a batch belongs to the second at which the bus accepted
 * it, so the same stretch of the bus gives the same figures whenever it is read. Synchronous, without clocks and I/O; runs
 * in a worker thread.
 */
import type { LineParser, Reason } from "../formats/line-parser.ts";
import { NEWLINE } from "../message/lines.ts";
import { Agents } from "./agents.ts";
import type { EngineConfig } from "./config.ts";
import { KeptMinutes, type Rollup } from "./kept-minutes.ts";
import { buildOverview, type OverviewOptions, topOf } from "./overview.ts";
import { PageWatch } from "./page-watch.ts";
import type { AnomaliesPart, ServerSecond, SessionsPart } from "./parts.ts";
import { Privacy } from "./privacy.ts";
import { type CountryOf, RequestReader } from "./request-reader.ts";
import { Scoped } from "./scoped.ts";
import type { Overview, Scope, TopList, TopRow } from "./snapshot.ts";
import { Source } from "./source.ts";
import { Tally, type TallyNames, tallyNames } from "./tally.ts";
import { type UnparsedLine, UnparsedSamples } from "./unparsed.ts";

export interface EngineDeps {
  /** The parser of a group's lines. Asked once for each server, as a parser may remember header lines. */
  readonly parserOf: (group: string, server: string) => LineParser;
  readonly sessions?: SessionsPart;
  readonly anomalies?: AnomaliesPart;
  /** Finds the country of an address. */
  readonly countryOf?: CountryOf;
  /** 32 bits by chance: seeds the hash tables. */
  readonly seed: number;
}

/** Where a batch comes from. */
export interface BatchSource {
  readonly group: string;
  readonly server: string;
  readonly busTimeUs: number;
  /** When the sender made it, by the sender's clock. */
  readonly createdUs: number;
}

/** What can be asked about a stretch of the past; as of the engine itself. */
export type Past = Pick<Engine, "overview" | "top">;

/** What servers and groups beyond the bound are counted as. */
const OTHER = "(other)";

/** After a longer gap in bus time its seconds are not told one by one. */
const MAX_QUIET_S = 86_400;

export class Engine {
  readonly #config: EngineConfig;
  readonly #deps: EngineDeps;
  readonly #privacy: Privacy;
  readonly #agents: Agents;
  readonly #names: TallyNames;
  readonly #sources = new Map<string, Source>();
  readonly #readers = new Map<string, RequestReader>();
  readonly #minutes: KeptMinutes;
  readonly #pages = new PageWatch();
  readonly #samples: UnparsedSamples;
  readonly #scoped: Scoped;
  #nowUs = 0;
  /** The second under way, s since the epoch; 0 before the first batch. */
  #nowS = 0;

  constructor(config: EngineConfig, deps: EngineDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#privacy = new Privacy(config.privacy, deps.seed);
    this.#agents = new Agents(config.agents, deps.seed);
    this.#names = tallyNames(this.#agents, deps.countryOf, deps.seed);
    this.#minutes = new KeptMinutes(config.minutes, config.minutesBytes);
    this.#samples = new UnparsedSamples(this.#privacy.keepsAll);
    this.#scoped = new Scoped(this.#sources, this.#minutes, config, this.#names);
  }

  /** How far the metrics have come, µs of bus time. */
  get nowUs(): number {
    return this.#nowUs;
  }

  /** Start of the minute under way, s since the epoch; what is before it is finished. */
  get minuteS(): number {
    return this.#nowS - (this.#nowS % 60);
  }

  /** The latest lines that did not parse, made unrecognisable if privacy asks for anything. Bytes may be harmful to a terminal. */
  get unparsed(): readonly UnparsedLine[] {
    return this.#samples.latest();
  }

  /** Counts `lines`, each of which ends in "\n" (the last may lack it). Batches come in the order of bus time. */
  add(source: BatchSource, lines: Buffer): void {
    this.advance(source.busTimeUs);
    const own = this.#sourceOf(source.group, source.server);
    own.lastSeenUs = this.#nowUs;
    own.measureSkew(source.createdUs, source.busTimeUs);
    const reader = this.#readerOf(own);
    const { request } = reader;
    request.group = source.group;
    request.server = source.server;
    request.timeUs = this.#nowUs;
    const { minute, seconds } = own;
    const { sessions } = this.#deps;
    let requests = 0;
    for (let at = 0; at < lines.length; ) {
      const newline = lines.indexOf(NEWLINE, at);
      const end = newline === -1 ? lines.length : newline;
      const outcome = reader.read(lines, at, end);
      if (outcome === "ok" || outcome === "truncated") {
        requests++;
        minute.add(request);
        seconds.add(request);
        sessions?.note(request);
      } else if (outcome !== "header") this.#unparsed(own, outcome, lines.subarray(at, end));
      at = end + 1;
    }
    this.#agents.allow(requests);
  }

  #unparsed(source: Source, reason: Reason, line: Buffer): void {
    source.minute.counts.addUnparsed(reason);
    this.#samples.add({ group: source.group, server: source.server, timeUs: this.#nowUs, reason, line });
  }

  /** Bus time has come to `nowUs`: what is before its second is finished. Never goes back. */
  advance(nowUs: number): void {
    if (nowUs <= this.#nowUs) return;
    const second = Math.floor(nowUs / 1e6);
    if (this.#nowS === 0) this.#nowS = second;
    if (second - this.#nowS > MAX_QUIET_S) {
      this.#endSecond();
      this.#endMinute(this.minuteS);
      this.#nowS = second;
    }
    while (this.#nowS < second) {
      this.#endSecond();
      this.#nowS++;
      if (this.#nowS % 60 === 0) this.#endMinute(this.#nowS - 60);
    }
    this.#nowUs = nowUs;
  }

  #endSecond(): void {
    const servers: ServerSecond[] = [];
    const { anomalies, sessions } = this.#deps;
    for (const source of this.#sources.values()) {
      const { time, size } = source.minute.counts;
      const past = source.seconds.end(this.#nowS, source.minute.counts);
      if (anomalies !== undefined) {
        servers.push({
          group: source.group,
          server: source.server,
          requests: past?.requests ?? 0,
          bytes: past?.bytes ?? 0,
          classes: past?.classes ?? [0, 0, 0, 0, 0, 0],
          timed: past?.time.count ?? 0,
          timeSumUs: past?.time.sum ?? 0,
          timeLogSum: source.timeLogs.since(time),
          sized: source.sizeLogs.count(size),
          sizeLogSum: source.sizeLogs.since(size),
          timeBins: source.seconds.timeBins,
          sizeBins: source.seconds.sizeBins,
          skewS: source.skewS,
          lastSeenUs: source.lastSeenUs,
        });
      }
    }
    if (anomalies !== undefined) {
      anomalies.observe({ startS: this.#nowS, servers, pages: this.#pages.second(this.#sources.values()) });
    }
    for (const source of this.#sources.values()) source.seconds.clearBins();
    sessions?.tick((this.#nowS + 1) * 1e6);
  }

  #endMinute(startS: number): void {
    this.#pages.choose(this.#sources.values());
    for (const [key, source] of this.#sources) {
      const { minute, group, server } = source;
      if (!minute.counts.empty) {
        this.#minutes.add({ group, server, startS, bytes: minute.encode(this.#config.minuteRows) });
      } else if (this.#nowUs - source.lastSeenUs > this.#config.minutes * 60e6) this.#forgetSource(key);
      source.newMinute();
    }
  }

  #forgetSource(key: string): void {
    this.#sources.delete(key);
    this.#readers.delete(key);
  }

  /** The finished rollups of the minute that starts at `startS`, one a server: for history, or for another engine. */
  minute(startS: number): readonly Rollup[] {
    return this.#minutes.at(startS);
  }

  /** Starts of the finished minutes in memory, oldest first. */
  get minutes(): readonly number[] {
    return this.#minutes.starts();
  }

  /** Takes finished minutes back. A minute of a server that is there already is replaced, so loading twice counts once. */
  load(rollups: Iterable<Rollup>): void {
    for (const rollup of rollups) this.#minutes.add(rollup);
  }

  /** Takes finished minutes in place of all that are in memory. */
  restore(rollups: Iterable<Rollup>): void {
    this.#minutes.clear();
    this.load(rollups);
  }

  /** Everything about `scope`. By whole minutes, but for scopes within the last `seconds` seconds. */
  overview(scope: Scope, options: OverviewOptions): Overview {
    return buildOverview(this.#scoped, scope, this.#nowUs, options, this.#deps);
  }

  /** One top list. */
  top(list: TopList, scope: Scope, limit: number): readonly TopRow[] {
    return topOf(this.#scoped, list, scope, this.#nowUs, limit, this.#deps);
  }

  /** The same of finished minutes (or hours, days) from history in place of those in memory; with the minute under way. */
  past(rollups: Iterable<Rollup>): Past {
    const kept = new KeptMinutes(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
    for (const rollup of rollups) kept.add(rollup);
    const scoped = new Scoped(this.#sources, kept, this.#config, this.#names);
    return {
      overview: (scope, options) => buildOverview(scoped, scope, this.#nowUs, options, this.#deps),
      top: (list, scope, limit) => topOf(scoped, list, scope, this.#nowUs, limit, this.#deps),
    };
  }

  /** Several rollups of a server as one, with `rows` rows of each list. Throws BAD_FRAME for one that cannot be read. */
  merged(rollups: Iterable<Uint8Array>, rows: number): Buffer {
    const tally = new Tally({ ...this.#config, listRows: Math.max(rows, this.#config.listRows) * 2 }, this.#names);
    for (const bytes of rollups) tally.mergeEncoded(bytes);
    return tally.encode(rows);
  }

  /** Bytes of memory that the tables hold. */
  get memory(): number {
    let bytes = this.#minutes.bytes + this.#agents.memory;
    for (const { minute } of this.#sources.values()) bytes += minute.memory;
    return bytes;
  }

  #sourceOf(group: string, server: string): Source {
    const key = `${group}\0${server}`;
    const found = this.#sources.get(key);
    if (found !== undefined) return found;
    if (this.#sources.size >= this.#config.sources) {
      if (server !== OTHER) return this.#sourceOf(group, OTHER);
      // So many groups that these, too, are counted together.
      if (this.#sources.size >= this.#config.sources * 2 && group !== OTHER) return this.#sourceOf(OTHER, OTHER);
    }
    const made = new Source(group, server, this.#config.seconds, this.#config, this.#names);
    this.#sources.set(key, made);
    this.#readers.set(key, new RequestReader(this.#deps.parserOf(group, server), this.#privacy, this.#agents));
    return made;
  }

  #readerOf(source: Source): RequestReader {
    return this.#readers.get(`${source.group}\0${source.server}`)!;
  }
}
