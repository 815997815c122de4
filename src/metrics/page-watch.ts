/** The most popular pages, second by second, for the anomalies. */
import type { PageSecond } from "./parts.ts";
import type { Source } from "./source.ts";
import { CLIENT_ERRORS } from "./tally.ts";
import { BYTES, ERRORS, OVER, REQUESTS } from "./top-list.ts";

/** Pages of a group that are watched. */
const WATCHED = 40;

interface Watched {
  readonly group: string;
  readonly key: Buffer;
  readonly page: string;
  requests: number;
  bytes: number;
  serverErrors: number;
  clientErrors: number;
}

export class PageWatch {
  #watched: Watched[] = [];

  /** At a minute's end: those that were most popular in it, on all servers of a group, are watched in the next. */
  choose(sources: Iterable<Source>): void {
    const groups = new Map<string, Map<string, { key: Buffer; requests: number }>>();
    for (const { group, minute } of sources) {
      const pages = groups.get(group) ?? new Map<string, { key: Buffer; requests: number }>();
      groups.set(group, pages);
      const list = minute.lists.pages;
      for (const row of list.top(REQUESTS, WATCHED)) {
        const key = Buffer.from(list.keyAt(row));
        const name = key.toString("latin1");
        const seen = pages.get(name) ?? { key, requests: 0 };
        seen.requests += list.rows[row + REQUESTS]!;
        pages.set(name, seen);
      }
    }
    this.#watched = [];
    for (const [group, pages] of groups) {
      const best = [...pages.values()].sort((a, b) => b.requests - a.requests).slice(0, WATCHED);
      for (const { key } of best) {
        const page = key.toString("utf8");
        this.#watched.push({ group, key, page, requests: 0, bytes: 0, serverErrors: 0, clientErrors: 0 });
      }
    }
  }

  /** What happened to the watched pages since the last call. */
  second(sources: Iterable<Source>): PageSecond[] {
    const all = [...sources];
    return this.#watched.map((watched) => {
      const now = { requests: 0, bytes: 0, serverErrors: 0, clientErrors: 0 };
      for (const { group, minute } of all) {
        if (group !== watched.group) continue;
        const list = minute.lists.pages;
        const row = list.find(watched.key);
        if (row < 0) continue;
        now.requests += list.rows[row + REQUESTS]! - list.rows[row + OVER]!;
        now.bytes += list.rows[row + BYTES]!;
        now.serverErrors += list.rows[row + ERRORS]!;
        now.clientErrors += Math.max(0, list.rows[row + CLIENT_ERRORS]!);
      }
      const second = {
        group: watched.group,
        page: watched.page,
        // Less than before if the page was forgotten by a full list in between.
        requests: Math.max(0, now.requests - watched.requests),
        bytes: Math.max(0, now.bytes - watched.bytes),
        serverErrors: Math.max(0, now.serverErrors - watched.serverErrors),
        clientErrors: Math.max(0, now.clientErrors - watched.clientErrors),
      };
      Object.assign(watched, now);
      return second;
    });
  }
}
