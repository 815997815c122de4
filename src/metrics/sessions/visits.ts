/**
 * Visits: who is online, where they go, how long they stay. A visitor is known by the 64-bit hash that the engine makes of
 * the user, a cookie, or address and agent, so it does not matter which server answered which click. A visit is over when
 * the engine's clock has gone on for the idle time since its last request.
 *
 * All is a function of the requests and their bus times: a replay of the bus makes the same visits.
 *
 * Memory is bounded: visits are numbered slots of typed columns, in a list by their last request; clicks lie in a bounded
 * pool, texts once each in a bounded table. A hot path: `note` runs for every line and makes no object and no string.
 */
import { groupMatcher } from "../../message/names.ts";
import { mix } from "../hash.ts";
import { Intern, NONE } from "../intern.ts";
import type { SessionsPart } from "../parts.ts";
import type { Request, Slice } from "../request.ts";
import type { Click, Scope, SessionRow, Sessions, TopRow } from "../snapshot.ts";
import { assetTest } from "./assets.ts";
import { Clicks, grown, MAX_CLICKS_TOLD } from "./clicks.ts";
import type { SessionsConfig } from "./config.ts";
import { type EndedScope, EndedVisits, MAX_SERVERS_OF_VISIT } from "./ended.ts";
import { Numbers } from "./numbers.ts";
import { ViewCache } from "./view-cache.ts";
import { VisitorIds } from "./visitor-id.ts";

/**
 * The line's own time is believed if it is at most this long before the engine's clock (a long download, a publisher that
 * had to spool); otherwise that clock's time stands for it. It is never later than that clock.
 */
const MAX_LATE_US = 3600e6;

/** Different groups, servers and methods; what comes beyond shares the last number. */
const MAX_GROUPS = 1000;
const MAX_SERVERS = 4096;
const MAX_METHODS = 64;

/** Texts are cut to this. */
const MAX_TEXT_BYTES = 512;

/** Different texts (visitors, agents, paths) that there is room for: so many per open visit, one per ended one; and their mean length. */
const TEXTS_PER_VISIT = 4;
const MIN_TEXTS = 4096;
const MEAN_TEXT_BYTES = 80;

const ROBOT = 1;

export interface VisitsDeps {
  /** At least 16 bytes chosen by chance: keys the ids that visitors are shown by. */
  readonly salt: Buffer;
}

export class Visits implements SessionsPart {
  readonly #config: SessionsConfig;
  readonly #idleUs: number;
  readonly #onlineUs: number;
  readonly #ids: VisitorIds;
  readonly #isAsset: ReturnType<typeof assetTest>;
  readonly #clicks: Clicks;
  readonly #ended: EndedVisits;
  readonly #texts: Intern;
  /** `texts.refused` at which it is worth while to look for texts that nothing refers to any more. */
  #sweepAt = 1;
  readonly #groups = new Numbers(MAX_GROUPS);
  readonly #servers = new Numbers(MAX_SERVERS);
  readonly #methods: Intern;
  readonly #views = {
    visitor: new ViewCache(),
    agent: new ViewCache(),
    page: new ViewCache(),
    method: new ViewCache(),
  };

  /** The engine's clock. */
  #nowUs = 0;
  #endedEarly = 0;

  // Open visits: a table of slot + 1 by hash, and a list from the one that is idle for longest to the latest active.
  #table: Int32Array;
  #open = 0;
  #freeSlot = NONE;
  #room = 0;
  #oldest = NONE;
  #latest = NONE;
  /** The first of the list that is still online, and how many are from there on: people and robots. */
  #firstOnline = NONE;
  readonly #online = [0, 0];

  #high = new Int32Array(0);
  #low = new Int32Array(0);
  #before = new Int32Array(0);
  #after = new Int32Array(0);
  /** When the last request came, by the engine's clock: what the list is in order of. */
  #seenUs = new Float64Array(0);
  #startUs = new Float64Array(0);
  #lastUs = new Float64Array(0);
  #entryUs = new Float64Array(0);
  #exitUs = new Float64Array(0);
  #bytes = new Float64Array(0);
  #requests = new Uint32Array(0);
  #pages = new Uint32Array(0);
  #name = new Int32Array(0);
  #agent = new Int32Array(0);
  #entry = new Int32Array(0);
  #exit = new Int32Array(0);
  #group = new Uint16Array(0);
  #flags = new Uint8Array(0);
  #serverCount = new Uint8Array(0);
  #serversOf = new Uint16Array(0);

  constructor(config: SessionsConfig, { salt }: VisitsDeps) {
    const { maxVisits } = config;
    this.#config = config;
    this.#idleUs = config.idle * 1000;
    this.#onlineUs = Math.min(config.online, config.idle) * 1000;
    this.#ids = new VisitorIds(salt);
    this.#isAsset = assetTest(config.assets);
    this.#clicks = new Clicks(config.maxClicks, maxVisits);
    this.#ended = new EndedVisits(config.maxEnded);
    const seed = salt.readInt32LE(0);
    const entries = Math.max(MIN_TEXTS, maxVisits * TEXTS_PER_VISIT + config.maxEnded);
    this.#texts = new Intern({ entries, bytes: entries * MEAN_TEXT_BYTES, keyBytes: MAX_TEXT_BYTES }, seed);
    this.#methods = new Intern({ entries: MAX_METHODS, bytes: 1024, keyBytes: 16 }, seed);
    this.#table = new Int32Array(64);
    this.#grow();
  }

  /** Visits that are open. */
  get open(): number {
    return this.#open;
  }

  /** Bytes of memory held, about. */
  get memory(): number {
    return this.#room * 128 + this.#table.byteLength + this.#clicks.memory + this.#ended.memory + this.#texts.memory;
  }

  note(request: Request): void {
    this.#advance(request.timeUs);
    const group = this.#groups.numberOf(request.group);
    // A group is a site of its own: one person visits each of two.
    const high = request.visitorHigh ^ this.#groups.hashOf(group);
    const low = request.visitorLow;
    let visit = this.#find(high, low);
    if (visit === NONE) visit = this.#begin(high, low, group, request);
    else this.#moveToEnd(visit);

    const timeUs = this.#timeOf(request.eventUs);
    if (timeUs < this.#startUs[visit]!) this.#startUs[visit] = timeUs;
    if (timeUs > this.#lastUs[visit]!) this.#lastUs[visit] = timeUs;
    this.#requests[visit]!++;
    if (request.bytes > 0) this.#bytes[visit]! += request.bytes;
    const server = this.#servers.numberOf(request.server);
    this.#cross(visit, server);
    const { page } = request;
    const path = this.#textOf(page, this.#views.page);
    if (page.from !== page.to && !this.#isAsset(page.bytes, page.from, page.to)) this.#viewed(visit, path, timeUs);
    this.#clicks.append(visit, timeUs, path, server, request.status, this.#methodOf(request.method));
  }

  tick(nowUs: number): void {
    this.#advance(nowUs);
  }

  /** Ends all visits: nothing more will come, a report's input is at its end. */
  finish(): void {
    while (this.#oldest !== NONE) this.#end(this.#oldest);
  }

  snapshot(scope: Scope, rows: number): Sessions {
    const ended = this.#endedScope(scope);
    const { visits, meanPages, lengthS } = this.#ended.figures(ended);
    const [online, robotsOnline] = this.#onlineIn(scope, ended);
    return {
      online,
      robotsOnline,
      visits,
      meanLengthS: lengthS === null ? null : lengthS.mean,
      lengthS,
      meanPages,
      endedEarly: this.#endedEarly,
      rows: this.search("", scope, rows),
    };
  }

  top(list: "entryPages" | "exitPages", scope: Scope, limit: number): readonly TopRow[] {
    return this.#ended.top(list, this.#endedScope(scope), limit, (number) => this.#texts.text(number));
  }

  session(id: string): SessionRow | undefined {
    for (const [high, low] of this.#ids.hashesOf(id, this.#nowUs)) {
      const visit = this.#find(high, low);
      if (visit !== NONE) return this.#row(visit);
    }
    return undefined;
  }

  /** Open visits within `scope`, the latest active first, of which visitor, agent or a path kept contains `text` (in any case). */
  search(text: string, scope: Scope, limit: number): readonly SessionRow[] {
    const within = this.#endedScope(scope);
    const contains = text === "" ? undefined : this.#containing(text);
    const rows: SessionRow[] = [];
    for (let visit = this.#latest; visit !== NONE && rows.length < limit; visit = this.#before[visit]!) {
      if (this.#seenUs[visit]! < scope.fromUs) break;
      if (this.#startUs[visit]! > scope.toUs || !this.#isWithin(visit, within)) continue;
      if (contains === undefined || this.#mentions(visit, contains)) rows.push(this.#row(visit));
    }
    return rows;
  }

  // The hot path -------------------------------------------------------------------------------------------------------

  /** The clock goes on: who is idle for too long is gone. It never goes back: reports read files one after the other. */
  #advance(nowUs: number): void {
    if (nowUs <= this.#nowUs) return;
    this.#nowUs = nowUs;
    const onlineSince = nowUs - this.#onlineUs;
    for (let at = this.#firstOnline; at !== NONE && this.#seenUs[at]! < onlineSince; at = this.#firstOnline) {
      this.#online[this.#flags[at]! & ROBOT]!--;
      this.#firstOnline = this.#after[at]!;
    }
    const activeSince = nowUs - this.#idleUs;
    while (this.#oldest !== NONE && this.#seenUs[this.#oldest]! < activeSince) this.#end(this.#oldest);
  }

  #timeOf(eventUs: number): number {
    const now = this.#nowUs;
    return eventUs <= now && eventUs >= now - MAX_LATE_US ? eventUs : now;
  }

  #begin(high: number, low: number, group: number, request: Request): number {
    if (this.#open === this.#config.maxVisits) {
      this.#endedEarly++;
      this.#remove(this.#oldest);
    }
    if (this.#freeSlot === NONE) this.#grow();
    const visit = this.#freeSlot;
    this.#freeSlot = this.#after[visit]!;
    this.#high[visit] = high;
    this.#low[visit] = low;
    this.#startUs[visit] = Number.POSITIVE_INFINITY;
    this.#lastUs[visit] = Number.NEGATIVE_INFINITY;
    this.#entryUs[visit] = Number.POSITIVE_INFINITY;
    this.#exitUs[visit] = Number.NEGATIVE_INFINITY;
    this.#bytes[visit] = 0;
    this.#requests[visit] = 0;
    this.#pages[visit] = 0;
    this.#name[visit] = NONE;
    this.#agent[visit] = NONE;
    this.#entry[visit] = NONE;
    this.#exit[visit] = NONE;
    this.#group[visit] = group;
    this.#flags[visit] = request.robot ? ROBOT : 0;
    this.#serverCount[visit] = 0;
    this.#open++;
    this.#insert(visit);
    this.#link(visit);
    this.#clicks.open(visit);
    // Only now that the visit can be found: to make room for a text, those that no visit refers to are forgotten.
    const { user, address } = request;
    this.#name[visit] = this.#textOf(user.from === user.to ? address : user, this.#views.visitor);
    this.#agent[visit] = this.#textOf(request.agent, this.#views.agent);
    return visit;
  }

  #cross(visit: number, server: number): void {
    const from = visit * MAX_SERVERS_OF_VISIT;
    const count = this.#serverCount[visit]!;
    for (let i = 0; i < count; i++) if (this.#serversOf[from + i] === server) return;
    if (count === MAX_SERVERS_OF_VISIT) return;
    this.#serversOf[from + count] = server;
    this.#serverCount[visit] = count + 1;
  }

  /** Lines of one visitor come from several servers, each with its own delay: the first page is the one that began first. */
  #viewed(visit: number, path: number, timeUs: number): void {
    this.#pages[visit]!++;
    if (timeUs < this.#entryUs[visit]!) {
      this.#entryUs[visit] = timeUs;
      this.#entry[visit] = path;
    }
    if (timeUs >= this.#exitUs[visit]!) {
      this.#exitUs[visit] = timeUs;
      this.#exit[visit] = path;
    }
  }

  #methodOf({ bytes, from, to }: Slice): number {
    const number = this.#methods.intern(bytes, this.#views.method.of(bytes), from, to);
    return number === NONE ? MAX_METHODS : number;
  }

  /** The number of the text, or NONE if there is no room for it. */
  #textOf({ bytes, from, to }: Slice, views: ViewCache): number {
    const number = this.#texts.intern(bytes, views.of(bytes), from, to);
    if (number !== NONE || this.#texts.refused < this.#sweepAt) return number;
    this.#sweep();
    return this.#texts.intern(bytes, views.of(bytes), from, to);
  }

  // The list and the table ---------------------------------------------------------------------------------------------

  /** Puts `visit` at the end of the list: its last request is now. */
  #link(visit: number): void {
    this.#seenUs[visit] = this.#nowUs;
    this.#before[visit] = this.#latest;
    this.#after[visit] = NONE;
    if (this.#latest === NONE) this.#oldest = visit;
    else this.#after[this.#latest] = visit;
    this.#latest = visit;
    if (this.#firstOnline === NONE) this.#firstOnline = visit;
    this.#online[this.#flags[visit]! & ROBOT]!++;
  }

  #unlink(visit: number): void {
    const before = this.#before[visit]!;
    const after = this.#after[visit]!;
    if (this.#seenUs[visit]! >= this.#nowUs - this.#onlineUs) this.#online[this.#flags[visit]! & ROBOT]!--;
    if (this.#firstOnline === visit) this.#firstOnline = after;
    if (before === NONE) this.#oldest = after;
    else this.#after[before] = after;
    if (after === NONE) this.#latest = before;
    else this.#before[after] = before;
  }

  #moveToEnd(visit: number): void {
    if (this.#latest === visit) {
      // It may have left the online ones, of which there was none then.
      if (this.#firstOnline === NONE) {
        this.#firstOnline = visit;
        this.#online[this.#flags[visit]! & ROBOT]!++;
      }
      this.#seenUs[visit] = this.#nowUs;
      return;
    }
    this.#unlink(visit);
    this.#link(visit);
  }

  /** A visit is over. Of robots no figures are kept. */
  #end(visit: number): void {
    if ((this.#flags[visit]! & ROBOT) === 0) {
      const servers = visit * MAX_SERVERS_OF_VISIT;
      this.#ended.add(
        {
          endUs: Math.min(this.#seenUs[visit]! + this.#idleUs, this.#nowUs),
          lengthUs: this.#lastUs[visit]! - this.#startUs[visit]!,
          pages: this.#pages[visit]!,
          group: this.#group[visit]!,
          entry: this.#entry[visit]!,
          exit: this.#exit[visit]!,
        },
        this.#serversOf.subarray(servers, servers + this.#serverCount[visit]!),
      );
    }
    this.#remove(visit);
  }

  #remove(visit: number): void {
    this.#unlink(visit);
    this.#delete(visit);
    this.#clicks.close(visit);
    this.#after[visit] = this.#freeSlot;
    this.#freeSlot = visit;
    this.#open--;
  }

  #find(high: number, low: number): number {
    const mask = this.#table.length - 1;
    for (let at = home(high, low) & mask; ; at = (at + 1) & mask) {
      const visit = this.#table[at]! - 1;
      if (visit === NONE || (this.#high[visit] === high && this.#low[visit] === low)) return visit;
    }
  }

  #insert(visit: number): void {
    const mask = this.#table.length - 1;
    let at = home(this.#high[visit]!, this.#low[visit]!) & mask;
    while (this.#table[at] !== 0) at = (at + 1) & mask;
    this.#table[at] = visit + 1;
  }

  /** Takes `visit` out and moves those behind it that would not be found across the hole. */
  #delete(visit: number): void {
    const table = this.#table;
    const mask = table.length - 1;
    let hole = home(this.#high[visit]!, this.#low[visit]!) & mask;
    while (table[hole] !== visit + 1) hole = (hole + 1) & mask;
    for (let at = (hole + 1) & mask; table[at] !== 0; at = (at + 1) & mask) {
      const other = table[at]! - 1;
      const wanted = home(this.#high[other]!, this.#low[other]!) & mask;
      if (((at - wanted) & mask) < ((at - hole) & mask)) continue;
      table[hole] = other + 1;
      hole = at;
    }
    table[hole] = 0;
  }

  #grow(): void {
    const old = this.#room;
    const room = Math.min(Math.max(64, old * 2), this.#config.maxVisits);
    this.#high = grown(this.#high, new Int32Array(room));
    this.#low = grown(this.#low, new Int32Array(room));
    this.#before = grown(this.#before, new Int32Array(room));
    this.#after = grown(this.#after, new Int32Array(room));
    this.#seenUs = grown(this.#seenUs, new Float64Array(room));
    this.#startUs = grown(this.#startUs, new Float64Array(room));
    this.#lastUs = grown(this.#lastUs, new Float64Array(room));
    this.#entryUs = grown(this.#entryUs, new Float64Array(room));
    this.#exitUs = grown(this.#exitUs, new Float64Array(room));
    this.#bytes = grown(this.#bytes, new Float64Array(room));
    this.#requests = grown(this.#requests, new Uint32Array(room));
    this.#pages = grown(this.#pages, new Uint32Array(room));
    this.#name = grown(this.#name, new Int32Array(room));
    this.#agent = grown(this.#agent, new Int32Array(room));
    this.#entry = grown(this.#entry, new Int32Array(room));
    this.#exit = grown(this.#exit, new Int32Array(room));
    this.#group = grown(this.#group, new Uint16Array(room));
    this.#flags = grown(this.#flags, new Uint8Array(room));
    this.#serverCount = grown(this.#serverCount, new Uint8Array(room));
    this.#serversOf = grown(this.#serversOf, new Uint16Array(room * MAX_SERVERS_OF_VISIT));
    this.#clicks.grow(room);
    for (let visit = room - 1; visit >= old; visit--) {
      this.#after[visit] = this.#freeSlot;
      this.#freeSlot = visit;
    }
    this.#room = room;
    // At most half full.
    this.#table = new Int32Array(2 ** Math.ceil(Math.log2(room * 2)));
    for (let visit = this.#oldest; visit !== NONE; visit = this.#after[visit]!) this.#insert(visit);
  }

  /** Forgets the texts that no visit, open or ended, refers to, and numbers the others anew. */
  #sweep(): void {
    const columns = [this.#name, this.#agent, this.#entry, this.#exit];
    const kept = new Uint8Array(this.#texts.size);
    const mark = (number: number) => {
      if (number !== NONE) kept[number] = 1;
    };
    this.#forEachText(columns, mark);
    const numbers = new Int32Array(kept.length);
    let next = 0;
    for (let number = 0; number < kept.length; number++) numbers[number] = kept[number] === 1 ? next++ : NONE;
    this.#texts.retain(kept);
    this.#forEachText(columns, (number, column, at) => {
      if (number !== NONE) column[at] = numbers[number]!;
    });
    // It costs about as much as noting as many requests as there are texts: if it gained little, not again before long.
    this.#sweepAt = this.#texts.refused + (kept.length - next > next >> 3 ? 1 : 1 + (next >> 2));
  }

  #forEachText(columns: Int32Array[], visitText: (number: number, column: Int32Array, at: number) => void): void {
    for (let visit = this.#oldest; visit !== NONE; visit = this.#after[visit]!) {
      for (const column of columns) visitText(column[visit]!, column, visit);
      this.#clicks.forEachPlace(visit, (at) => {
        visitText(this.#clicks.path[at]!, this.#clicks.path, at);
        return true;
      });
    }
    for (const column of [this.#ended.entry, this.#ended.exit]) {
      for (let at = 0; at < column.length; at++) visitText(column[at]!, column, at);
    }
  }

  // What is told -------------------------------------------------------------------------------------------------------

  #endedScope(scope: Scope): EndedScope {
    const all = scope.groups.length === 0;
    const matches = groupMatcher(scope.groups);
    const groups = this.#groups.names.map((name) => all || matches(name));
    return {
      fromUs: scope.fromUs,
      toUs: scope.toUs,
      group: (group) => groups[group]!,
      servers:
        scope.servers.length === 0
          ? undefined
          : new Set(scope.servers.map((name) => this.#servers.find(name)).filter((number) => number !== NONE)),
    };
  }

  /** People and robots. Online is a matter of now, whatever time the scope spans. */
  #onlineIn(scope: Scope, within: EndedScope): [number, number] {
    if (scope.groups.length === 0 && scope.servers.length === 0) return [this.#online[0]!, this.#online[1]!];
    const counts: [number, number] = [0, 0];
    for (let visit = this.#firstOnline; visit !== NONE; visit = this.#after[visit]!) {
      if (this.#isWithin(visit, within)) counts[(this.#flags[visit]! & ROBOT) as 0 | 1]++;
    }
    return counts;
  }

  #isWithin(visit: number, { group, servers }: EndedScope): boolean {
    if (!group(this.#group[visit]!)) return false;
    if (servers === undefined) return true;
    const from = visit * MAX_SERVERS_OF_VISIT;
    for (let i = 0; i < this.#serverCount[visit]!; i++) if (servers.has(this.#serversOf[from + i]!)) return true;
    return false;
  }

  /** A test of text numbers that decodes each text once. */
  #containing(text: string): (number: number) => boolean {
    const wanted = text.toLowerCase();
    const known = new Uint8Array(this.#texts.size);
    return (number) => {
      if (number === NONE) return false;
      if (known[number] === 0) known[number] = this.#texts.text(number).toLowerCase().includes(wanted) ? 1 : 2;
      return known[number] === 1;
    };
  }

  #mentions(visit: number, contains: (text: number) => boolean): boolean {
    if (contains(this.#name[visit]!) || contains(this.#agent[visit]!)) return true;
    if (contains(this.#entry[visit]!) || contains(this.#exit[visit]!)) return true;
    let found = false;
    this.#clicks.forEachPlace(visit, (at) => {
      found = contains(this.#clicks.path[at]!);
      return !found;
    });
    return found;
  }

  #row(visit: number): SessionRow {
    const page = (number: number) => (number === NONE ? null : this.#texts.text(number));
    const servers = visit * MAX_SERVERS_OF_VISIT;
    const numbers = this.#serversOf.subarray(servers, servers + this.#serverCount[visit]!);
    return {
      id: this.#ids.idOf(this.#high[visit]!, this.#low[visit]!, this.#nowUs),
      group: this.#groups.names[this.#group[visit]!]!,
      visitor: page(this.#name[visit]!) ?? "",
      agent: page(this.#agent[visit]!) ?? "",
      robot: (this.#flags[visit]! & ROBOT) !== 0,
      startUs: this.#startUs[visit]!,
      lastUs: this.#lastUs[visit]!,
      requests: this.#requests[visit]!,
      pages: this.#pages[visit]!,
      bytes: this.#bytes[visit]!,
      servers: Array.from(numbers, (number) => this.#servers.names[number]!),
      entryPage: page(this.#entry[visit]!),
      exitPage: page(this.#exit[visit]!),
      clicks: this.#clicksOf(visit),
    };
  }

  #clicksOf(visit: number): Click[] {
    const { timeUs, server, method, path, status } = this.#clicks;
    const places: number[] = [];
    this.#clicks.forEachPlace(visit, (at) => places.push(at) > 0);
    places.sort((a, b) => timeUs[a]! - timeUs[b]!);
    return places.slice(-MAX_CLICKS_TOLD).map((at) => ({
      timeUs: timeUs[at]!,
      server: this.#servers.names[server[at]!]!,
      method: method[at] === MAX_METHODS ? "OTHER" : this.#methods.text(method[at]!),
      path: path[at] === NONE ? "" : this.#texts.text(path[at]!),
      status: status[at]!,
    }));
  }
}

/** Where in the table a hash belongs. */
function home(high: number, low: number): number {
  return mix(high ^ Math.imul(low, 0x9e3779b1));
}
