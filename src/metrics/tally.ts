/**
 * All that is counted of the requests of a span of time: of a server's minute, of an hour, of a whole report. Tallies
 * merge, and are written and read for other threads and for SQLite.
 */
import { REASONS, type Reason } from "../formats/line-parser.ts";
import type { Agents } from "./agents.ts";
import { ByteReader, ByteWriter } from "./bytes-codec.ts";
import { Distinct } from "./distinct.ts";
import { NONE } from "./intern.ts";
import { count, NameCounts, Names } from "./names.ts";
import { Quantiles } from "./quantiles.ts";
import type { CountryOf, OwnRequest } from "./request-reader.ts";
import { siteFrom, siteTo } from "./site.ts";
import { AUX, BYTES, NOT_FOUND, REQUESTS, TIME_US, TopList } from "./top-list.ts";

/** Grows by one with every change that an older program could not read. */
const VERSION = 1;

export interface TallyLimits {
  /** Rows of each list of keys. */
  readonly listRows: number;
  readonly keyBytes: number;
  readonly visitorsPrecision: number;
}

/** What one engine's tallies share: the names that are known as numbers. */
export interface TallyNames {
  readonly agents: Agents;
  readonly methods: Names;
  readonly protocols: Names;
  readonly countries: Names;
  /** Finds the country of an address; undefined: no file was configured. */
  readonly countryOf: CountryOf | undefined;
  readonly seed: number;
}

export function tallyNames(agents: Agents, countryOf: CountryOf | undefined, seed: number): TallyNames {
  return {
    agents,
    methods: new Names(64, seed),
    protocols: new Names(32, seed),
    countries: new Names(300, seed),
    countryOf,
    seed,
  };
}

/** The lists of a tally; several top lists of a snapshot may be views of one. */
export const LISTS = [
  "pages",
  "referrers",
  "referringSites",
  "addresses",
  "vhosts",
  "users",
  "methods",
  "protocols",
  "browsers",
  "systems",
  "robots",
  "countries",
] as const;

export type ListName = (typeof LISTS)[number];

export class Tally {
  requests = 0;
  bytes = 0;
  robots = 0;
  /** First and last request's time, µs. */
  firstUs = Number.POSITIVE_INFINITY;
  lastUs = 0;
  /** By status, 0 for unknown. */
  readonly statuses = new Float64Array(600);
  /** Lines without a request, by the number of the reason in REASONS. */
  readonly unparsed = new Float64Array(REASONS.length);
  readonly time = new Quantiles();
  readonly size = new Quantiles();
  readonly visitors: Distinct;
  readonly lists: Readonly<Record<ListName, TopList>>;
  readonly #names: TallyNames;
  readonly #methods: NameCounts;
  readonly #protocols: NameCounts;
  readonly #browsers: NameCounts;
  readonly #systems: NameCounts;
  readonly #robots: NameCounts;
  readonly #countries: NameCounts;

  constructor(limits: TallyLimits, names: TallyNames) {
    const { listRows, keyBytes } = limits;
    const list = (rows: number, perKey: number, measures?: ConstructorParameters<typeof TopList>[2]) =>
      new TopList({ capacity: rows, keyBytes, bytes: rows * perKey * 2 + keyBytes }, names.seed, measures);
    const few = Math.min(listRows, 500);
    this.#names = names;
    this.visitors = new Distinct(limits.visitorsPrecision);
    this.lists = {
      pages: list(listRows, 250, [REQUESTS, BYTES, NOT_FOUND, TIME_US]),
      referrers: list(listRows, 120),
      referringSites: list(listRows, 40),
      addresses: list(listRows, 40),
      vhosts: list(few, 40),
      users: list(few, 40),
      methods: list(64, 48),
      protocols: list(64, 48),
      browsers: list(256, 48),
      systems: list(256, 48),
      robots: list(few, 48),
      countries: list(300, 48),
    };
    this.#methods = new NameCounts(names.methods);
    this.#protocols = new NameCounts(names.protocols);
    this.#browsers = new NameCounts(names.agents.browsers);
    this.#systems = new NameCounts(names.agents.systems);
    this.#robots = new NameCounts(names.agents.robots);
    this.#countries = new NameCounts(names.countries);
  }

  /** Counts a request. */
  add(request: OwnRequest): void {
    const { status, bytes, durationUs, timeUs } = request;
    this.requests++;
    this.statuses[status]!++;
    if (timeUs < this.firstUs) this.firstUs = timeUs;
    if (timeUs > this.lastUs) this.lastUs = timeUs;
    if (bytes >= 0) {
      this.bytes += bytes;
      this.size.add(bytes);
    }
    if (durationUs >= 0) this.time.add(durationUs);
    this.visitors.add(request.visitorHigh, request.visitorLow);
    const lists = this.lists;
    this.#inList(lists.pages, request, request.page);
    this.#address(request);
    const { referrer } = request;
    if (!referrer.empty) {
      this.#inList(lists.referrers, request, referrer);
      const from = siteFrom(referrer.bytes, referrer.from, referrer.to);
      if (from >= 0) {
        const to = siteTo(referrer.bytes, from, referrer.to);
        const list = lists.referringSites;
        const row = list.rowOf(referrer.bytes, referrer.view, from, to);
        if (row !== NONE) count(list.rows, row, bytes, status, durationUs);
      }
    }
    this.#inList(lists.vhosts, request, request.vhost);
    this.#inList(lists.users, request, request.user);
    this.#named(this.#methods, this.#names.methods, request, request.method);
    this.#named(this.#protocols, this.#names.protocols, request, request.protocol);
    if (request.robot) {
      this.robots++;
      this.#numbered(this.#robots, request, request.robotNumber);
    } else {
      this.#numbered(this.#browsers, request, request.browserNumber);
      this.#numbered(this.#systems, request, request.systemNumber);
    }
  }

  #inList(list: TopList, request: OwnRequest, key: OwnRequest["page"]): void {
    if (key.from === key.to) return;
    const row = list.rowOf(key.bytes, key.view, key.from, key.to);
    if (row !== NONE) count(list.rows, row, request.bytes, request.status, request.durationUs);
  }

  #address(request: OwnRequest): void {
    const { address, country } = request;
    if (!country.empty) this.#named(this.#countries, this.#names.countries, request, country);
    if (address.empty) return;
    const list = this.lists.addresses;
    const row = list.rowOf(address.bytes, address.view, address.from, address.to);
    if (row === NONE) return;
    count(list.rows, row, request.bytes, request.status, request.durationUs);
    const { countryOf, countries } = this.#names;
    if (countryOf === undefined || !country.empty) return;
    // Looked up once for each row; the row remembers the number of the country's name.
    if (list.rows[row + AUX] === NONE) {
      list.rows[row + AUX] = countries.numberOf(countryOf(address.toString()) ?? "(unknown)");
    }
    this.#numbered(this.#countries, request, list.rows[row + AUX]!);
  }

  #named(counts: NameCounts, names: Names, request: OwnRequest, key: OwnRequest["page"]): void {
    if (key.from === key.to) return;
    this.#numbered(counts, request, names.number(key.bytes, key.view, key.from, key.to));
  }

  #numbered(counts: NameCounts, request: OwnRequest, number: number): void {
    if (number === NONE) return;
    const row = counts.rowOf(number);
    count(counts.rows, row, request.bytes, request.status, request.durationUs);
  }

  addUnparsed(reason: Reason): void {
    this.unparsed[REASONS.indexOf(reason)]!++;
  }

  /** Nothing was counted. */
  get empty(): boolean {
    return this.requests === 0 && this.unparsed.every((n) => n === 0);
  }

  /** Requests by class of status, 0 for unknown. */
  classes(): [number, number, number, number, number, number] {
    const classes: [number, number, number, number, number, number] = [0, 0, 0, 0, 0, 0];
    for (let status = 0; status < 600; status++) classes[Math.floor(status / 100) as 0]! += this.statuses[status]!;
    return classes;
  }

  /** Moves what is counted by number into the lists, so that they are complete. Call before reading `lists`. */
  settle(): void {
    this.#methods.drain(this.lists.methods);
    this.#protocols.drain(this.lists.protocols);
    this.#browsers.drain(this.lists.browsers);
    this.#systems.drain(this.lists.systems);
    this.#robots.drain(this.lists.robots);
    this.#countries.drain(this.lists.countries);
  }

  clear(): void {
    this.settle();
    this.requests = 0;
    this.bytes = 0;
    this.robots = 0;
    this.firstUs = Number.POSITIVE_INFINITY;
    this.lastUs = 0;
    this.statuses.fill(0);
    this.unparsed.fill(0);
    this.time.clear();
    this.size.clear();
    this.visitors.clear();
    for (const name of LISTS) this.lists[name].clear();
  }

  /** Adds another tally of the same kind. */
  merge(other: Tally): void {
    this.settle();
    other.settle();
    this.#addCounts(other.requests, other.bytes, other.robots, other.firstUs, other.lastUs);
    for (let i = 0; i < this.statuses.length; i++) this.statuses[i]! += other.statuses[i]!;
    for (let i = 0; i < this.unparsed.length; i++) this.unparsed[i]! += other.unparsed[i]!;
    this.time.merge(other.time);
    this.size.merge(other.size);
    this.visitors.merge(other.visitors);
    for (const name of LISTS) this.lists[name].merge(other.lists[name]);
  }

  #addCounts(requests: number, bytes: number, robots: number, firstUs: number, lastUs: number): void {
    this.requests += requests;
    this.bytes += bytes;
    this.robots += robots;
    this.firstUs = Math.min(this.firstUs, firstUs);
    this.lastUs = Math.max(this.lastUs, lastUs);
  }

  /** With the best `rows` rows of each list. */
  encode(rows: number): Buffer {
    this.settle();
    const into = new ByteWriter();
    into.integer(VERSION);
    into.number(this.requests);
    into.number(this.bytes);
    into.number(this.robots);
    into.number(this.firstUs);
    into.number(this.lastUs);
    writeCounts(into, this.statuses);
    writeCounts(into, this.unparsed);
    this.time.encode(into);
    this.size.encode(into);
    this.visitors.encode(into);
    into.integer(LISTS.length);
    for (const name of LISTS) this.lists[name].encode(into, rows);
    return into.finish();
  }

  /** Adds what `encode` wrote. Throws BAD_FRAME if it cannot be read; then this tally is of no use any more. */
  mergeEncoded(bytes: Uint8Array): void {
    this.settle();
    const from = new ByteReader(bytes);
    const version = from.integer();
    if (version !== VERSION) throw from.damaged(`version ${version} is not known`);
    this.#addCounts(from.number(), from.number(), from.number(), from.number(), from.number());
    readCounts(from, this.statuses);
    readCounts(from, this.unparsed);
    this.time.mergeEncoded(from);
    this.size.mergeEncoded(from);
    this.visitors.mergeEncoded(from);
    const lists = from.integer();
    for (let i = 0; i < lists; i++) this.lists[LISTS[i]!].mergeEncoded(from);
  }
}

/** Pairs of place and count, for what is not 0. */
function writeCounts(into: ByteWriter, counts: Float64Array): void {
  for (let i = 0; i < counts.length; i++) {
    if (counts[i] === 0) continue;
    into.integer(i + 1);
    into.number(counts[i]!);
  }
  into.integer(0);
}

function readCounts(from: ByteReader, counts: Float64Array): void {
  for (let place = from.integer(); place > 0; place = from.integer()) {
    const count = from.number();
    if (place <= counts.length) counts[place - 1]! += count;
  }
}
