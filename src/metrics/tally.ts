/**
 * All that is counted of the requests of a span of time: of a server's minute, of an hour, of a whole report. Tallies
 * merge, and are written and read for other threads and for SQLite.
 */
import type { Agents } from "./agents.ts";
import { ByteReader, ByteWriter } from "./bytes-codec.ts";
import { Counts } from "./counts.ts";
import { NONE } from "./intern.ts";
import { count, NameCounts, Names } from "./names.ts";
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

/** In the rows of `pages` of a tally that counts requests: those answered with 4xx; below 0 if none. Not encoded, not merged. */
export const CLIENT_ERRORS = AUX;

export type ListName = (typeof LISTS)[number];

export class Tally {
  readonly counts: Counts;
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
    this.counts = new Counts(limits.visitorsPrecision);
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
    this.counts.add(request);
    const lists = this.lists;
    this.#page(request);
    this.#address(request);
    const { referrer } = request;
    if (!referrer.empty) {
      this.#inList(lists.referrers, request, referrer);
      const from = siteFrom(referrer.bytes, referrer.from, referrer.to);
      if (from >= 0) {
        const to = siteTo(referrer.bytes, from, referrer.to);
        const list = lists.referringSites;
        const row = list.rowOf(referrer.bytes, referrer.view, from, to);
        if (row !== NONE) count(list.rows, row, request.bytes, request.status, request.durationUs);
      }
    }
    this.#inList(lists.vhosts, request, request.vhost);
    this.#inList(lists.users, request, request.user);
    this.#named(this.#methods, this.#names.methods, request, request.method);
    this.#named(this.#protocols, this.#names.protocols, request, request.protocol);
    if (request.robot) this.#numbered(this.#robots, request, request.robotNumber);
    else {
      this.#numbered(this.#browsers, request, request.browserNumber);
      this.#numbered(this.#systems, request, request.systemNumber);
    }
  }

  #inList(list: TopList, request: OwnRequest, key: OwnRequest["page"]): void {
    if (key.from === key.to) return;
    const row = list.rowOf(key.bytes, key.view, key.from, key.to);
    if (row !== NONE) count(list.rows, row, request.bytes, request.status, request.durationUs);
  }

  #page(request: OwnRequest): void {
    const { page, status } = request;
    if (page.empty) return;
    const list = this.lists.pages;
    const row = list.rowOf(page.bytes, page.view, page.from, page.to);
    if (row === NONE) return;
    count(list.rows, row, request.bytes, status, request.durationUs);
    if (status >= 400 && status < 500)
      list.rows[row + CLIENT_ERRORS] = Math.max(0, list.rows[row + CLIENT_ERRORS]!) + 1;
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
    this.counts.clear();
    for (const name of LISTS) this.lists[name].clear();
  }

  /** Adds another tally of the same kind. */
  merge(other: Tally): void {
    this.settle();
    other.settle();
    this.counts.merge(other.counts);
    for (const name of LISTS) this.lists[name].merge(other.lists[name]);
  }

  /** With the best `rows` rows of each list. */
  encode(rows: number): Buffer {
    this.settle();
    const into = new ByteWriter();
    into.integer(VERSION);
    into.bytes(written((part) => this.counts.encode(part)));
    into.integer(LISTS.length);
    for (const name of LISTS) into.bytes(written((part) => this.lists[name].encode(part, rows)));
    return into.finish();
  }

  /** Adds what `encode` wrote. Throws BAD_FRAME if it cannot be read; then this tally is of no use any more. */
  mergeEncoded(bytes: Uint8Array): void {
    this.settle();
    const from = openTally(bytes);
    this.counts.mergeEncoded(new ByteReader(from.bytes()));
    const lists = from.integer();
    for (let i = 0; i < Math.min(lists, LISTS.length); i++) {
      this.lists[LISTS[i]!].mergeEncoded(new ByteReader(from.bytes()));
    }
  }

  /** Bytes of memory held by the lists. */
  get memory(): number {
    return LISTS.reduce((sum, name) => sum + this.lists[name].memory, 0);
  }
}

function written(write: (into: ByteWriter) => void): Buffer {
  const into = new ByteWriter();
  write(into);
  return into.finish();
}

/** The counts of an encoded tally are added to `to`. Throws BAD_FRAME. */
export function mergeCounts(bytes: Uint8Array, to: Counts): void {
  to.mergeEncoded(new ByteReader(openTally(bytes).bytes()));
}

/** The reader of an encoded tally's list. Throws BAD_FRAME. */
export function openList(bytes: Uint8Array, name: ListName): ByteReader {
  const from = openTally(bytes);
  from.bytes();
  const lists = from.integer();
  const wanted = LISTS.indexOf(name);
  for (let i = 0; i < lists; i++) {
    const list = from.bytes();
    if (i === wanted) return new ByteReader(list);
  }
  throw from.damaged(`it has no list ${name}`);
}

function openTally(bytes: Uint8Array): ByteReader {
  const from = new ByteReader(bytes);
  const version = from.integer();
  if (version !== VERSION) throw from.damaged(`version ${version} is not known`);
  return from;
}
