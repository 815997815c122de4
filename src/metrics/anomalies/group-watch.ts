/**
 * The servers and pages of one group together. Here single departures become findings: what all servers show is one finding,
 * what follows from another finding (the remaining servers' larger share when one is silent) is none.
 */
import type { PageSecond, ServerSecond } from "../parts.ts";
import type { AnomalyKind } from "../snapshot.ts";
import { ALL_SERVERS, type Finding } from "./book.ts";
import type { AnomaliesConfig } from "./config.ts";
import { shareEvidence } from "./cusum.ts";
import { PageWatch } from "./page-watch.ts";
import { againstPeers, LEAST_PEERS, median } from "./peers.ts";
import { RateWatch } from "./rate-watch.ts";
import { type Among, ServerWatch, type Thresholds, WINDOW_S } from "./server-watch.ts";
import { logMoments } from "./shift-test.ts";
import { bytes, percent, perSecond, seconds } from "./wording.ts";

/** A server or group must be silent for at least so long: publishers gather lines, and connections are made anew. */
const LEAST_SILENCE_S = 8;

/** Against peers: so many standard deviations, for so many seconds; over after as many within half of it. */
const PEER_Z = 8;
const PEER_S = 12;
const PEER_REQUESTS = 60;
/** For errors, besides: so much evidence of the window that the share is not the peers', nats. */
const PEER_EVIDENCE = 18;

/** The least that a server must differ from its peers: times as long or large; errors in 100 requests. */
const PEER_FACTOR = 2;
const PEER_ERRORS = 0.02;

/** Peers are never taken to be more alike than this: as logarithm, and as share. */
const LEAST_LOG_SIGMA = 0.08;
const LEAST_SHARE_SIGMA = 0.002;

/** A page with at least this part of a group's errors is what is wrong, not the servers. */
const DOMINANT = 0.6;

/** When a common cause is gone, its effects do not calm down all at once; so long they are still put down to it. */
const AFTERMATH_S = 60;
const NEVER = Number.NEGATIVE_INFINITY;

/** Pages that are watched at the same time, of which no more has been heard for this long, make room. */
const PAGE_FORGOTTEN_S = 3600;

const KINDS = ["errors", "time", "size", "rate"] as const;
type PeerKind = "errors" | "time" | "size";

/** How a server has stood among its peers, by kind. */
interface Standing {
  readonly watch: ServerWatch;
  readonly peers: Record<PeerKind, PeerStanding>;
}

interface PeerStanding {
  apart: boolean;
  apartS: number;
  /** Since when it stands apart, s; a level that has lasted for too long is said no more. */
  sinceS: number;
  value: number;
  usual: number;
}

export class GroupWatch {
  readonly #group: string;
  readonly #config: AnomaliesConfig;
  readonly #servers = new Map<string, Standing>();
  readonly #pages = new Map<string, PageWatch>();
  readonly #rate = new RateWatch();
  #requests = 0;
  /** When most servers last departed together, when a page last had most errors, and when servers last had them, s. */
  readonly #togetherS: Record<PeerKind, number> = { errors: NEVER, time: NEVER, size: NEVER };
  #culpritS = NEVER;
  #serverErrorsS = NEVER;
  /** Whose errors were told in the last second. */
  #failingPages: ReadonlySet<PageWatch> = new Set();

  constructor(group: string, config: AnomaliesConfig) {
    this.#group = group;
    this.#config = config;
  }

  get servers(): number {
    return this.#servers.size;
  }

  get pages(): number {
    return this.#pages.size;
  }

  /** Sequential tests other than of servers' errors. */
  get tests(): number {
    let tests = 2 + 3 * this.#pages.size;
    for (const { watch } of this.#servers.values()) tests += watch.tests;
    return tests;
  }

  /** Takes one second of the group. `spare` says how many servers and pages more may be watched. */
  observe(
    servers: readonly ServerSecond[],
    pages: readonly PageSecond[],
    thresholds: Thresholds,
    nowS: number,
    spare: { servers: number; pages: number },
  ): void {
    this.#observeServers(servers, thresholds, nowS, spare);
    this.#observePages(pages, thresholds, nowS, spare);
    this.#comparePeers(nowS);
    const adaptSinceS = nowS - this.#config.adaptAfter / 1000;
    for (const { watch } of this.#servers.values()) watch.adapt(adaptSinceS);
    for (const page of this.#pages.values()) page.adapt(adaptSinceS);
    this.#rate.adapt(adaptSinceS);
  }

  /** All that is out of the ordinary now. */
  *findings(thresholds: Thresholds, nowS: number): Generator<Finding> {
    const silent = new Set<ServerWatch>();
    const groupSilent = this.#isSilent(this.#rate, thresholds);
    for (const { watch } of this.#servers.values()) {
      if (watch.clockOff) yield this.#clockFinding(watch);
      if (this.#isSilent(watch, thresholds)) silent.add(watch);
    }
    if (groupSilent && this.#servers.size > 1) yield this.#groupSilence();
    else for (const watch of silent) yield this.#silenceFinding(watch);

    const culprit = this.#culpritPage(thresholds);
    if (culprit !== undefined) this.#culpritS = nowS;
    for (const kind of KINDS) {
      if (kind === "rate" && (silent.size > 0 || groupSilent)) continue; // the others' shares follow from it
      if (kind === "errors" && nowS - this.#culpritS <= AFTERMATH_S) continue;
      for (const finding of this.#serverFindings(kind, thresholds, nowS)) {
        if (kind === "errors") this.#serverErrorsS = nowS;
        yield finding;
      }
    }
    if (this.#rate.departed && !groupSilent) yield this.#rateFinding();
    yield* this.#pageFindings(nowS - this.#serverErrorsS <= AFTERMATH_S, culprit);
  }

  // Observation --------------------------------------------------------------------------------------------------------

  #observeServers(
    servers: readonly ServerSecond[],
    thresholds: Thresholds,
    nowS: number,
    spare: { servers: number },
  ): void {
    this.#requests = 0;
    for (const second of servers) {
      this.#requests += second.requests;
      if (this.#servers.has(second.server) || second.requests === 0 || spare.servers <= 0) continue;
      spare.servers--;
      this.#servers.set(second.server, { watch: new ServerWatch(second.server), peers: newPeers() });
    }
    const told = new Map(servers.map((second) => [second.server, second]));
    const measures = this.#measures(told, thresholds);
    for (const [server, { watch }] of this.#servers) {
      const second = told.get(server);
      if (second === undefined || watch.quietS * 1000 > this.#config.forgetAfter) {
        this.#servers.delete(server);
        continue;
      }
      watch.observe(second, this.#amongOf(watch, second, measures), thresholds, nowS);
      watch.observeClock(second.skewS, this.#config.clockSkew / 1000);
    }
    this.#rate.observe(this.#requests, thresholds.others, nowS);
  }

  /** The servers by whose requests a server's share is measured: known for long enough, and not falling silent. */
  #measures(told: ReadonlyMap<string, ServerSecond>, thresholds: Thresholds): Measures {
    const watches = new Set<ServerWatch>();
    let weight = 0;
    let requests = 0;
    for (const [server, { watch }] of this.#servers) {
      const second = told.get(server);
      if (second === undefined || !watch.ready || watch.silence > thresholds.others / 2) continue;
      watches.add(watch);
      weight += watch.weight;
      requests += second.requests;
    }
    return { watches, weight, requests };
  }

  #amongOf(watch: ServerWatch, second: ServerSecond, measures: Measures): Among {
    const isOne = measures.watches.has(watch);
    const others = measures.watches.size - (isOne ? 1 : 0);
    const groupRequests = this.#requests;
    if (!watch.ready || others === 0) return { groupRequests, sharedRequests: 0, share: Number.NaN };
    const weight = measures.weight + (isOne ? 0 : watch.weight);
    const sharedRequests = measures.requests + (isOne ? 0 : second.requests);
    return { groupRequests, sharedRequests, share: weight === 0 ? Number.NaN : watch.weight / weight };
  }

  #observePages(pages: readonly PageSecond[], thresholds: Thresholds, nowS: number, spare: { pages: number }): void {
    for (const second of pages) {
      let page = this.#pages.get(second.page);
      if (page === undefined) {
        if (second.requests === 0) continue;
        if (spare.pages <= 0 && !this.#forgetPage()) continue;
        spare.pages--;
        page = new PageWatch(second.page);
      } else this.#pages.delete(second.page);
      this.#pages.set(second.page, page); // the latest heard of stand last
      page.observe(second, thresholds.others, nowS);
    }
    for (const [name, page] of this.#pages) {
      page.turn(thresholds.others, nowS);
      if (nowS - page.lastS > PAGE_FORGOTTEN_S) this.#pages.delete(name);
    }
  }

  /** Forgets the page of which nothing was heard for longest, unless all are being heard of. */
  #forgetPage(): boolean {
    const first = this.#pages.keys().next();
    if (first.done) return false;
    this.#pages.delete(first.value);
    return true;
  }

  #comparePeers(nowS: number): void {
    if (this.#servers.size <= LEAST_PEERS) return;
    for (const kind of ["errors", "time", "size"] as const) {
      const levels = [...this.#servers.values()].map((standing) => ({
        standing,
        level: levelOf(standing.watch, kind),
      }));
      const known = levels.filter(({ level }) => level !== undefined);
      for (const { standing, level } of levels) {
        const peers = known.filter((other) => other.standing !== standing).map((other) => other.level!.value);
        this.#judge(standing.peers[kind], kind, level, peers, nowS);
      }
    }
  }

  #judge(
    standing: PeerStanding,
    kind: PeerKind,
    level: Level | undefined,
    peers: readonly number[],
    nowS: number,
  ): void {
    const against = level && againstPeers(level.value, peers, level.sigma);
    if (level === undefined || against === undefined) return;
    const above = level.value - against.usual;
    // While it stands apart, half of what made it so is enough.
    const part = standing.apart ? 0.5 : 1;
    const z = kind === "size" ? Math.abs(against.z) : against.z;
    const far =
      kind === "errors"
        ? above > PEER_ERRORS * part && isSureShare(level, against.usual, part)
        : (kind === "size" ? Math.abs(above) : above) > Math.log(PEER_FACTOR) * part;
    const apart = far && z > PEER_Z * part;
    if (apart === standing.apart) standing.apartS = 0;
    else if (++standing.apartS >= PEER_S) {
      standing.apart = apart;
      standing.apartS = 0;
      standing.sinceS = nowS;
    }
    standing.value = kind === "errors" ? level.value : Math.exp(level.value);
    standing.usual = kind === "errors" ? against.usual : Math.exp(against.usual);
    // A level of time or size that lasts is this server's own; one of errors is never right.
    if (kind !== "errors" && standing.apart && nowS - standing.sinceS > this.#config.adaptAfter / 1000) {
      standing.sinceS = NEVER;
    }
  }

  // Findings -----------------------------------------------------------------------------------------------------------

  *#serverFindings(kind: (typeof KINDS)[number], thresholds: Thresholds, nowS: number): Generator<Finding> {
    const all = [...this.#servers.values()].filter(({ watch }) => watch.recentRequests.sum > 0);
    const departed = all.filter(({ watch }) => watch.departed(kind, thresholds));
    const departing = all.filter(({ watch }) => watch.departed(kind, thresholds, 0.5));
    const enough = departing.length >= Math.max(3, Math.ceil(all.length / 2));
    if (departed.length > 0 && enough && kind !== "rate") this.#togetherS[kind] = nowS;
    const together = departed.length > 0 && kind !== "rate" && nowS - this.#togetherS[kind] <= AFTERMATH_S;
    if (together) yield this.#togetherFinding(kind, enough ? departing : departed);
    for (const { watch, peers } of all) {
      const peer = kind === "rate" ? undefined : peers[kind];
      const isApart = peer?.apart === true && peer.sinceS !== NEVER;
      if (!together && watch.departed(kind, thresholds)) yield this.#pastFinding(kind, watch);
      else if (isApart) yield this.#peerFinding(kind as PeerKind, watch.server, peer);
    }
  }

  #isSilent(watch: { readonly quietS: number; readonly silence: number }, thresholds: Thresholds): boolean {
    return watch.quietS >= LEAST_SILENCE_S && watch.silence >= thresholds.others;
  }

  #finding(kind: AnomalyKind, subject: string, value: number, expected: number, text: string): Finding {
    return { kind, group: this.#group, subject, value, expected, text };
  }

  #clockFinding({ server, skewS }: ServerWatch): Finding {
    const skew = skewS ?? 0;
    const text = `The clock of ${server} is ${seconds(Math.abs(skew))} ${skew > 0 ? "ahead" : "behind"}.`;
    return this.#finding("clock", server, skew, 0, text);
  }

  #silenceFinding(watch: ServerWatch): Finding {
    const expected = watch.missed / Math.max(1, watch.quietS);
    const text = `${watch.server} has sent nothing for some seconds; ${perSecond(expected)} were to be expected.`;
    return this.#finding("silent", watch.server, 0, expected, text);
  }

  #groupSilence(): Finding {
    const text = `No server of ${this.#group} has sent anything for some seconds; ${perSecond(this.#rate.hourly)} were to be expected.`;
    return this.#finding("silent", ALL_SERVERS, 0, this.#rate.hourly, text);
  }

  #rateFinding(): Finding {
    const value = this.#rate.recentRequests.sum / WINDOW_S;
    const text = `${this.#group} gets ${perSecond(value)}; ${perSecond(this.#rate.usual)} were usual in the last minutes.`;
    return this.#finding("rate", ALL_SERVERS, value, this.#rate.usual, text);
  }

  #pastFinding(kind: (typeof KINDS)[number], watch: ServerWatch): Finding {
    const [value, expected] = this.#levels(kind, watch);
    return this.#finding(
      kind,
      watch.server,
      value,
      expected,
      sentence(kind, watch.server, value, expected, "usual for it"),
    );
  }

  #peerFinding(kind: PeerKind, server: string, standing: PeerStanding): Finding {
    const unit = kind === "time" ? 1e6 : 1; // peers are compared in µs, findings tell seconds
    const value = standing.value / unit;
    const usual = standing.usual / unit;
    return this.#finding(
      kind,
      server,
      value,
      usual,
      sentence(kind, server, value, usual, "usual for the other servers"),
    );
  }

  #togetherFinding(kind: PeerKind, standings: readonly Standing[]): Finding {
    const levels = standings.map(({ watch }) => this.#levels(kind, watch));
    const value = median(levels.map(([now]) => now));
    const expected = median(levels.map(([, usual]) => usual));
    const count = `${standings.length} of ${this.#servers.size} servers`;
    return this.#finding(kind, ALL_SERVERS, value, expected, sentence(kind, count, value, expected, "usual for them"));
  }

  /** What is, and what is usual. */
  #levels(kind: (typeof KINDS)[number], watch: ServerWatch): [value: number, expected: number] {
    switch (kind) {
      case "errors":
        return [watch.recentErrors.sum / Math.max(1, watch.recentRequests.sum), watch.errors.usual];
      case "time":
        return [watch.geometricTime / 1e6, watch.times.usual / 1e6];
      case "size":
        return [watch.geometricSize, watch.sizes.usual];
      case "rate": {
        let weight = 0;
        for (const { watch: each } of this.#servers.values()) weight += each.weight;
        const expected = (watch.weight / Math.max(watch.weight, weight)) * this.#rate.recentRequests.sum;
        return [watch.recentRequests.sum / WINDOW_S, expected / WINDOW_S];
      }
    }
  }

  /** The page that makes most of the errors of this group, if it shows more of them than is usual and no single server does. */
  #culpritPage(thresholds: Thresholds): PageWatch | undefined {
    let errors = 0;
    let departing = 0;
    for (const { watch } of this.#servers.values()) {
      errors += watch.recentErrors.sum;
      if (watch.departed("errors", thresholds, 0.5)) departing++;
    }
    const servers = this.#servers.size;
    if (departing < Math.min(servers, Math.max(2, servers / 2))) return undefined;
    for (const page of this.#pages.values()) {
      const { raised, score } = page.errors.alarm;
      const suspect = raised || score >= thresholds.others / 2;
      if (suspect && errors > 0 && page.recentServerErrors.sum >= DOMINANT * errors) return page;
    }
    return undefined;
  }

  *#pageFindings(serverErrors: boolean, culprit: PageWatch | undefined): Generator<Finding> {
    const failing = new Set<PageWatch>();
    for (const watch of this.#pages.values()) {
      const { page } = watch;
      if (watch.errors.alarm.raised) {
        // Where servers answer with errors, their pages do. What was told before stays told.
        if (serverErrors && watch !== culprit && !this.#failingPages.has(watch)) continue;
        failing.add(watch);
        const usual = watch.errors.usual;
        const text = `${percent(watch.errorShare)} of the requests for ${page} fail; ${percent(usual)} is usual.`;
        yield this.#finding("page-errors", page, watch.errorShare, usual, text);
      } else if (watch.sizeDeparted) {
        const usual = watch.usualSize;
        const text = `${page} has ${bytes(watch.size)} on average; ${bytes(usual)} is usual.`;
        yield this.#finding("page-size", page, watch.size, usual, text);
      }
    }
    this.#failingPages = failing;
  }
}

function sentence(kind: (typeof KINDS)[number], who: string, value: number, expected: number, usual: string): string {
  switch (kind) {
    case "errors":
      return `${percent(value)} of the answers of ${who} are errors (5xx); ${percent(expected)} is ${usual}.`;
    case "time":
      return `${who} takes ${seconds(value)} for a typical request; ${seconds(expected)} is ${usual}.`;
    case "size":
      return `A typical answer of ${who} has ${bytes(value)}; ${bytes(expected)} is ${usual}.`;
    case "rate":
      return `${who} gets ${perSecond(value)}; ${perSecond(expected)} is its usual share.`;
  }
}

/** What a server's share of the requests is measured by. */
interface Measures {
  readonly watches: ReadonlySet<ServerWatch>;
  readonly weight: number;
  readonly requests: number;
}

interface Level {
  /** Share of errors, or logarithm of µs or bytes. */
  readonly value: number;
  /** How exactly it is known. */
  readonly sigma: number;
  /** Requests that say so. */
  readonly count: number;
}

/** A few errors among few requests make a large share by chance: the likelihood says whether they do. */
function isSureShare({ value, count }: Level, usual: number, part: number): boolean {
  const most = Math.min(0.9, 1.5 * usual + LEAST_SHARE_SIGMA);
  if (value <= most) return false;
  const capped = Math.min(0.99, value);
  return shareEvidence(capped * count, count, most, capped) > PEER_EVIDENCE * part;
}

/** How a server has been doing lately; undefined if too few requests say so. */
function levelOf(watch: ServerWatch, kind: PeerKind): Level | undefined {
  if (kind === "errors") {
    const requests = watch.recentRequests.sum;
    if (requests < PEER_REQUESTS) return undefined;
    return { value: watch.recentErrors.sum / requests, sigma: LEAST_SHARE_SIGMA, count: requests };
  }
  const { count, mean, variance } = logMoments(kind === "time" ? watch.recentTimes.sum : watch.recentSizes.sum);
  if (count < PEER_REQUESTS) return undefined;
  return { value: mean, sigma: Math.max(LEAST_LOG_SIGMA, Math.sqrt(variance / count)), count };
}

function newPeers(): Record<PeerKind, PeerStanding> {
  const standing = (): PeerStanding => ({ apart: false, apartS: 0, sinceS: 0, value: 0, usual: 0 });
  return { errors: standing(), time: standing(), size: standing() };
}
