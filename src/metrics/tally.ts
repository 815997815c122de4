/**
 * All that is counted of the requests of a span of time: of a server's minute, of an hour, of a whole report. Tallies
 * merge, and are written and read for other threads and for SQLite.
 */
import type { Agents } from "./agents.ts";
import { ByteReader, ByteWriter } from "./bytes-codec.ts";
import { Counts } from "./counts.ts";
import { FIXED } from "./hash.ts";
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
  readonly #keyBytes: number;
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
    this.#keyBytes = keyBytes;
    this.counts = new Counts(limits.visitorsPrecision);
    this.lists = {
      pages: list(listRows, 250, [REQUESTS, BYTES, NOT_FOUND, TIME_US]),
      referrers: list(listRows, 120),
      referringSites: list(listRows, 40),
      // Their hash is computed anyway, to tell visitors apart; so it is the fixed one.
      addresses: new TopList({ capacity: listRows, keyBytes, bytes: listRows * 80 + keyBytes }, FIXED),
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
    const { lists } = this;
    const { referrer } = request;
    // First all rows are looked for and then all counted in: what one look waits for from memory comes while the next goes on.
    const address = this.#addressRow(request);
    const page = rowIn(lists.pages, request.page);
    const referred = rowIn(lists.referrers, referrer);
    const siteStart = referrer.empty ? -1 : siteFrom(referrer.bytes, referrer.from, referrer.to);
    const site =
      siteStart < 0
        ? NONE
        : lists.referringSites.rowOf(
            referrer.bytes,
            referrer.view,
            siteStart,
            siteTo(referrer.bytes, siteStart, referrer.to),
          );
    this.counts.add(request);
    this.#named(this.#methods, this.#names.methods, request, request.method);
    this.#named(this.#protocols, this.#names.protocols, request, request.protocol);
    if (request.robot) this.#numbered(this.#robots, request, request.robotNumber);
    else {
      this.#numbered(this.#browsers, request, request.browserNumber);
      this.#numbered(this.#systems, request, request.systemNumber);
    }
    countIn(lists.vhosts, rowIn(lists.vhosts, request.vhost), request);
    countIn(lists.users, rowIn(lists.users, request.user), request);
    countIn(lists.referrers, referred, request);
    countIn(lists.referringSites, site, request);
    this.#countPage(page, request);
    this.#countAddress(address, request);
  }

  #countPage(row: number, request: OwnRequest): void {
    const { pages } = this.lists;
    countIn(pages, row, request);
    if (row === NONE || request.status < 400 || request.status >= 500) return;
    pages.rows[row + CLIENT_ERRORS] = Math.max(0, pages.rows[row + CLIENT_ERRORS]!) + 1;
  }

  #addressRow(request: OwnRequest): number {
    const { bytes, view, from, to } = request.address;
    if (from === to) return NONE;
    const { addresses } = this.lists;
    return to - from <= this.#keyBytes
      ? addresses.rowOfHashed(bytes, view, from, to, request.addressHigh, request.addressLow)
      : addresses.rowOf(bytes, view, from, to);
  }

  #countAddress(row: number, request: OwnRequest): void {
    const { address, country } = request;
    const { addresses } = this.lists;
    const { countryOf, countries } = this.#names;
    countIn(addresses, row, request);
    if (!country.empty) this.#named(this.#countries, countries, request, country);
    else if (countryOf !== undefined && row !== NONE) {
      // Looked up once for each row; the row remembers the number of the country's name.
      const { rows } = addresses;
      if (rows[row + AUX] === NONE) rows[row + AUX] = countries.numberOf(countryOf(address.toString()) ?? "(unknown)");
      this.#numbered(this.#countries, request, rows[row + AUX]!);
    }
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

/** Where the row of a field begins in its list; NONE if the line does not say it, or no row can be had. */
function rowIn(list: TopList, { bytes, view, from, to }: OwnRequest["page"]): number {
  return from === to ? NONE : list.rowOf(bytes, view, from, to);
}

function countIn(list: TopList, row: number, { bytes, status, durationUs }: OwnRequest): void {
  if (row !== NONE) count(list.rows, row, bytes, status, durationUs);
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
