/** Lines to requests: parses, applies privacy, looks up the agent. One object for all lines. */
import type { LineParser, Outcome } from "../formats/line-parser.ts";
import * as at from "../formats/record.ts";
import type { Agents } from "./agents.ts";
import { FIXED, hash64, mix, remix } from "./hash.ts";
import { NONE, viewOf } from "./intern.ts";
import { type Privacy, Scratch } from "./privacy.ts";
import type { Request } from "./request.ts";
import { OwnSlice } from "./slice.ts";

const DASH = 45;

/** As `Request`, with what the engine itself needs. */
export class OwnRequest implements Request {
  group = "";
  server = "";
  timeUs = 0;
  eventUs = Number.NaN;
  visitorHigh = 0;
  visitorLow = 0;
  /** Hash of the address: the fixed one of sketches, good enough for tables too. */
  addressHigh = 0;
  addressLow = 0;
  readonly address = new OwnSlice();
  readonly user = new OwnSlice();
  readonly method = new OwnSlice();
  readonly page = new OwnSlice();
  readonly protocol = new OwnSlice();
  readonly vhost = new OwnSlice();
  readonly referrer = new OwnSlice();
  readonly agent = new OwnSlice();
  /** As the format's own country field has it, or as looked up. */
  readonly country = new OwnSlice();
  robot = false;
  status = 0;
  bytes = -1;
  durationUs = -1;
  /** Numbers of names in `Agents`. */
  browserNumber = NONE;
  systemNumber = NONE;
  robotNumber = NONE;
}

/** Finds the country of an address, as two letters; undefined if it is not known. */
export type CountryOf = (address: string) => string | undefined;

export class RequestReader {
  readonly request = new OwnRequest();
  readonly #parser: LineParser;
  readonly #privacy: Privacy;
  readonly #agents: Agents;
  readonly #record = new at.AccessRecord();
  readonly #pageScratch = new Scratch();
  readonly #referrerScratch = new Scratch();
  readonly #cookie = new OwnSlice();
  readonly #hash = new Int32Array(2);
  #bytes: Buffer = Buffer.alloc(0);
  #view: DataView = viewOf(this.#bytes);

  constructor(parser: LineParser, privacy: Privacy, agents: Agents) {
    this.#parser = parser;
    this.#privacy = privacy;
    this.#agents = agents;
  }

  /** Reads the line from `from` to `to`, without its newline; `request` holds it if the outcome is a request. */
  read(line: Buffer, from: number, to: number): Outcome {
    const record = this.#record;
    const outcome = this.#parser.parse(line, from, to, record);
    if (outcome !== "ok" && outcome !== "truncated") return outcome;
    if (record.bytes !== this.#bytes) {
      this.#bytes = record.bytes;
      this.#view = viewOf(record.bytes);
    }
    const request = this.request;
    const { status } = record;
    request.status = status >= 100 && status < 600 ? status : 0;
    request.bytes = record.size;
    request.durationUs = record.durationUs;
    request.eventUs = record.timeUs === at.ABSENT ? Number.NaN : record.timeUs;
    this.#text(at.ADDRESS, request.address);
    this.#text(at.USER, request.user);
    this.#text(at.METHOD, request.method);
    this.#text(at.TARGET, request.page);
    if (request.page.empty) this.#text(at.PATH, request.page);
    this.#text(at.PROTOCOL, request.protocol);
    this.#text(at.VHOST, request.vhost);
    this.#text(at.REFERRER, request.referrer);
    this.#text(at.AGENT, request.agent);
    this.#text(at.COUNTRY, request.country);
    this.#text(at.COOKIE, this.#cookie);
    this.#agent(request);
    const privacy = this.#privacy;
    if (!privacy.keepsAll) {
      privacy.address(request.address);
      privacy.query(request.page, this.#pageScratch);
      privacy.query(request.referrer, this.#referrerScratch);
    }
    this.#visitor(request);
    return outcome;
  }

  #text(field: number, slice: OwnSlice): void {
    const extents = this.#record.extents;
    const from = extents[field * 2]!;
    const to = extents[field * 2 + 1]!;
    if (from < 0 || (to - from === 1 && this.#bytes[from] === DASH)) slice.clear();
    else slice.place(this.#bytes, this.#view, from, to);
  }

  #agent(request: OwnRequest): void {
    const { bytes, view, from, to } = request.agent;
    const agents = this.#agents;
    agents.look(bytes, view, from, to);
    request.browserNumber = agents.browser;
    request.systemNumber = agents.system;
    request.robotNumber = agents.robot;
    request.robot = agents.robot !== NONE;
  }

  /** The cookie that was asked for, else the user, else address and agent. */
  #visitor(request: OwnRequest): void {
    const hash = this.#hash;
    const { view, from, to } = request.address;
    hash64(view, from, to, FIXED, hash);
    const high = hash[0]!;
    const low = hash[1]!;
    request.addressHigh = high;
    request.addressLow = low;
    const who = this.#cookie.empty ? request.user : this.#cookie;
    if (who.empty) {
      request.visitorHigh = mix(high + Math.imul(this.#agents.high, 0x9e3779b1));
      request.visitorLow = remix(low + Math.imul(this.#agents.low, 0x85ebca6b));
      return;
    }
    hash64(who.view, who.from, who.to, FIXED, hash);
    request.visitorHigh = hash[0]!;
    request.visitorLow = hash[1]!;
  }
}
