/**
 * What is out of the ordinary: servers against their peers and their own past, pages whose size or errors jump, servers gone
 * silent, clocks that are off. Pure: fed once a second, it says the same whenever the same seconds are fed.
 *
 * Thresholds follow from the number of tests and from one wish: that undisturbed traffic gives no more than one false alarm
 * in thirty days. docs/metrics.md ("Anomalies") tells the method; cusum.ts and shift-test.ts its two tests.
 */
import type { AnomaliesPart, PageSecond, Second, ServerSecond } from "../parts.ts";
import type { Anomaly, Scope } from "../snapshot.ts";
import { type AnomalyEvent, Book, type Finding } from "./book.ts";
import type { AnomaliesConfig } from "./config.ts";
import { thresholdFor } from "./cusum.ts";
import { GroupWatch } from "./group-watch.ts";
import type { Thresholds } from "./server-watch.ts";

export interface AnomaliesDeps {
  /** Told of each anomaly when it begins and when it is over, within `observe`. */
  readonly tell: (event: AnomalyEvent) => void;
}

/** Half of the false alarms that are allowed go to the errors of servers: they come in small numbers and matter most. */
const ERRORS_PART = 0.5;

export class Anomalies implements AnomaliesPart {
  readonly #config: AnomaliesConfig;
  readonly #book: Book;
  readonly #groups = new Map<string, GroupWatch>();

  constructor(config: AnomaliesConfig, { tell }: AnomaliesDeps) {
    this.#config = config;
    this.#book = new Book(config.history, tell);
  }

  observe({ startS, servers, pages }: Second): void {
    const thresholds = this.#thresholds();
    const byGroup = Map.groupBy(servers, ({ group }: ServerSecond) => group);
    const pagesByGroup = Map.groupBy(pages, ({ group }: PageSecond) => group);
    const spare = { servers: this.#config.maxServers, pages: this.#config.maxPages };
    for (const watch of this.#groups.values()) {
      spare.servers -= watch.servers;
      spare.pages -= watch.pages;
    }
    const findings: Finding[] = [];
    for (const [group, seconds] of byGroup) {
      let watch = this.#groups.get(group);
      if (watch === undefined) {
        if (spare.servers <= 0) continue;
        watch = new GroupWatch(group, this.#config);
        this.#groups.set(group, watch);
      }
      watch.observe(seconds, pagesByGroup.get(group) ?? [], thresholds, startS, spare);
      findings.push(...watch.findings(thresholds, startS));
    }
    for (const [group, watch] of this.#groups) {
      if (watch.servers === 0 || !byGroup.has(group)) this.#groups.delete(group);
    }
    this.#book.settle(findings, (startS + 1) * 1e6);
  }

  within(scope: Scope): readonly Anomaly[] {
    return this.#book.within(scope);
  }

  #thresholds(): Thresholds {
    let servers = 0;
    let tests = 0;
    for (const watch of this.#groups.values()) {
      servers += watch.servers;
      tests += watch.tests;
    }
    return { errors: thresholdFor(servers, ERRORS_PART), others: thresholdFor(tests, 1 - ERRORS_PART) };
  }
}
