/** Sums and distributions of the requests of a span of time, without lists. */
import { REASONS, type Reason } from "../formats/line-parser.ts";
import type { ByteReader, ByteWriter } from "./bytes-codec.ts";
import { Distinct } from "./distinct.ts";
import { Quantiles } from "./quantiles.ts";
import type { OwnRequest } from "./request-reader.ts";
import type { Totals } from "./snapshot.ts";

export type Classes = [number, number, number, number, number, number];

export class Counts {
  requests = 0;
  bytes = 0;
  robots = 0;
  /** First and last request's time, µs. */
  firstUs: number = Number.POSITIVE_INFINITY;
  lastUs = 0;
  /** By status, 0 for unknown. */
  readonly statuses: Float64Array = new Float64Array(600);
  /** Lines without a request, by the number of the reason in REASONS. */
  readonly unparsed: Float64Array = new Float64Array(REASONS.length);
  /** Durations, µs. */
  readonly time: Quantiles;
  /** Bytes of answers. */
  readonly size: Quantiles;
  readonly visitors: Distinct;

  constructor(visitorsPrecision: number, bits = 6) {
    this.visitors = new Distinct(visitorsPrecision);
    this.time = new Quantiles(bits);
    this.size = new Quantiles(bits);
  }

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
    if (request.robot) this.robots++;
  }

  addUnparsed(reason: Reason): void {
    this.unparsed[REASONS.indexOf(reason)]!++;
  }

  /** Nothing was counted. */
  get empty(): boolean {
    return this.requests === 0 && this.unparsed.every((n) => n === 0);
  }

  /** Requests by class of status, 0 for unknown. */
  classes(): Classes {
    const classes: Classes = [0, 0, 0, 0, 0, 0];
    for (let status = 0; status < 600; status++) classes[Math.floor(status / 100) as 0]! += this.statuses[status]!;
    return classes;
  }

  /** New ones of the same precision. */
  none(): Counts {
    return new Counts(this.visitors.p, this.time.bits);
  }

  /** A copy, without visitors. */
  copy(): Counts {
    const made = this.none();
    made.#addSums(this.requests, this.bytes, this.robots, this.firstUs, this.lastUs);
    made.statuses.set(this.statuses);
    made.unparsed.set(this.unparsed);
    made.time.copy(this.time);
    made.size.copy(this.size);
    return made;
  }

  /** What has been counted since `earlier`, an older copy; visitors, and who came first and last, cannot be told. */
  since(earlier: Counts): Counts {
    const made = new Counts(this.visitors.p, this.time.bits);
    made.requests = this.requests - earlier.requests;
    made.bytes = this.bytes - earlier.bytes;
    made.robots = this.robots - earlier.robots;
    for (let i = 0; i < this.statuses.length; i++) made.statuses[i] = this.statuses[i]! - earlier.statuses[i]!;
    for (let i = 0; i < this.unparsed.length; i++) made.unparsed[i] = this.unparsed[i]! - earlier.unparsed[i]!;
    made.time.merge(this.time.since(earlier.time, this.time.bits));
    made.size.merge(this.size.since(earlier.size, this.size.bits));
    return made;
  }

  clear(): void {
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
  }

  merge(other: Counts): void {
    this.#addSums(other.requests, other.bytes, other.robots, other.firstUs, other.lastUs);
    for (let i = 0; i < this.statuses.length; i++) this.statuses[i]! += other.statuses[i]!;
    for (let i = 0; i < this.unparsed.length; i++) this.unparsed[i]! += other.unparsed[i]!;
    this.time.merge(other.time);
    this.size.merge(other.size);
    this.visitors.merge(other.visitors);
  }

  #addSums(requests: number, bytes: number, robots: number, firstUs: number, lastUs: number): void {
    this.requests += requests;
    this.bytes += bytes;
    this.robots += robots;
    this.firstUs = Math.min(this.firstUs, firstUs);
    this.lastUs = Math.max(this.lastUs, lastUs);
  }

  encode(into: ByteWriter): void {
    into.number(this.requests);
    into.number(this.bytes);
    into.number(this.robots);
    into.number(this.firstUs);
    into.number(this.lastUs);
    writePlaces(into, this.statuses);
    writePlaces(into, this.unparsed);
    this.time.encode(into);
    this.size.encode(into);
    this.visitors.encode(into);
  }

  mergeEncoded(from: ByteReader): void {
    this.#addSums(from.number(), from.number(), from.number(), from.number(), from.number());
    readPlaces(from, this.statuses);
    readPlaces(from, this.unparsed);
    this.time.mergeEncoded(from);
    this.size.mergeEncoded(from);
    this.visitors.mergeEncoded(from);
  }

  /** For a snapshot. */
  totals(): Totals {
    const classes = this.classes();
    const unparsed: Record<string, number> = {};
    for (const [i, reason] of REASONS.entries()) if (this.unparsed[i]! > 0) unparsed[reason] = this.unparsed[i]!;
    return {
      requests: this.requests,
      bytes: this.bytes,
      classes,
      errorShare: shareOf(classes[5], this.requests),
      visitors: Math.round(this.visitors.count()),
      visitorsError: this.visitors.error,
      robots: this.robots,
      unparsed,
      time: this.time.shape(1e-6),
      size: this.size.shape(1),
    };
  }
}

/** `part` of `whole`, 0 of nothing. */
export function shareOf(part: number, whole: number): number {
  return whole > 0 ? part / whole : 0;
}

/** Pairs of place and count, for what is not 0. */
function writePlaces(into: ByteWriter, counts: Float64Array): void {
  for (let i = 0; i < counts.length; i++) {
    if (counts[i] === 0) continue;
    into.integer(i + 1);
    into.number(counts[i]!);
  }
  into.integer(0);
}

function readPlaces(from: ByteReader, counts: Float64Array): void {
  for (let place = from.integer(); place > 0; place = from.integer()) {
    const count = from.number();
    if (place <= counts.length) counts[place - 1]! += count;
  }
}
