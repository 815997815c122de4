/** Keeps the page's overview fresh: follows the node, notices when it is gone, comes back by itself. */
import type { Overview } from "../../../src/metrics/snapshot.ts";
import { addressOf, filtersOf, getJson, isoOf, Refusal, timesOf } from "./api.ts";
import { events } from "./stream.ts";
import type { View } from "./view.ts";

export type Link =
  | { readonly kind: "connecting" }
  /** Follows. */
  | { readonly kind: "live" }
  /** A fixed stretch of time is shown; there is nothing to follow. */
  | { readonly kind: "still" }
  /** A replay has come to its end. */
  | { readonly kind: "ended" }
  | { readonly kind: "lost"; readonly why: string; readonly sinceMs: number; readonly retryAtMs: number }
  /** The node is there and will not answer this; trying again is of no use until something changes. */
  | { readonly kind: "refused"; readonly refusal: Refusal };

export interface Feed {
  readonly link: Link;
  /** The latest, kept while the node is away. */
  readonly overview: Overview | undefined;
  /** When it came, ms. */
  readonly receivedMs: number;
  /** Sessions online over the last updates, which the overview does not have over time. */
  readonly online: readonly number[];
}

export const NO_FEED: Feed = { link: { kind: "connecting" }, overview: undefined, receivedMs: 0, online: [] };

/** Rows of each top list in an overview. */
const TOP = 10;
/** The node sends one overview a second; after this long without one it counts as gone, ms. */
const SILENCE_MS = 6000;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 5000;
/** How often what was refused is asked for again: metrics may be switched on, ms. */
const REFUSED_RETRY_MS = 5000;
/** A page that nobody sees stops following after so long, ms. */
const HIDDEN_MS = 60_000;
const MAX_ONLINE = 60;

/** Follows `view` until `signal` aborts, and tells each change. */
export async function follow(view: View, tell: (change: Partial<Feed>) => void, signal: AbortSignal): Promise<void> {
  let retryMs = FIRST_RETRY_MS;
  let lostMs: number | undefined;
  let online: number[] = [];
  /** The view that is asked for: a replay that broke off goes on where it was. */
  let wanted = view;
  const show = (overview: Overview) => {
    const { range } = wanted;
    if (range.kind === "replay") {
      wanted = { ...view, range: { ...range, fromS: Math.min(overview.scope.toUs / 1e6, range.toS - 1) } };
    }
    retryMs = FIRST_RETRY_MS;
    lostMs = undefined;
    online = [...online, overview.sessions.online].slice(-MAX_ONLINE);
    tell({
      overview,
      online,
      receivedMs: Date.now(),
      link: { kind: view.range.kind === "fixed" ? "still" : "live" },
    });
  };
  while (!signal.aborted) {
    try {
      await untilSeen(signal);
      const ended = await once(wanted, show, signal);
      if (signal.aborted) return;
      if (view.range.kind === "fixed") return;
      if (view.range.kind === "replay" && ended) return tell({ link: { kind: "ended" } });
      throw new Refusal(0, "ENDED", "the node ended the stream");
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Hidden) continue;
      const refusal = error instanceof Refusal ? error : new Refusal(0, "UNREADABLE", String(error));
      if (refusal.status >= 400 && refusal.status < 500) {
        tell({ link: { kind: "refused", refusal } });
        await pause(REFUSED_RETRY_MS, signal);
        continue;
      }
      lostMs ??= Date.now();
      const retryAtMs = Date.now() + retryMs;
      tell({ link: { kind: "lost", why: refusal.message, sinceMs: lostMs, retryAtMs } });
      await pause(retryMs, signal);
      retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
    }
  }
}

/** Thrown when the page was hidden for long; it goes on when it is seen again. */
class Hidden extends Error {}

/** One connection: resolves at its end, to whether there is nothing more to come. */
async function once(view: View, show: (overview: Overview) => void, signal: AbortSignal): Promise<boolean> {
  const { range } = view;
  const filters = filtersOf(view);
  if (range.kind === "fixed") {
    const address = addressOf("v1/metrics/overview", { ...filters, ...timesOf(range, undefined), top: TOP });
    show(await getJson<Overview>(address, signal));
    return true;
  }
  const address =
    range.kind === "last"
      ? addressOf("v1/metrics/live", { ...filters, span: range.spanS })
      : addressOf("v1/metrics/replay", {
          ...filters,
          from: isoOf(range.fromS),
          to: isoOf(range.toS),
          speed: range.speed,
        });
  const own = new AbortController();
  let why: Error = new Refusal(0, "SILENT", "nothing came from the node");
  const abort = () => own.abort();
  signal.addEventListener("abort", abort);
  let watchdog = setTimeout(abort, SILENCE_MS * 2);
  let hidden: ReturnType<typeof setTimeout> | undefined;
  const onVisibility = () => {
    clearTimeout(hidden);
    if (!document.hidden) return;
    hidden = setTimeout(() => {
      why = new Hidden();
      abort();
    }, HIDDEN_MS);
  };
  document.addEventListener("visibilitychange", onVisibility);
  try {
    for await (const { name, data } of events(address, own.signal)) {
      clearTimeout(watchdog);
      watchdog = setTimeout(abort, SILENCE_MS);
      if (name === "overview") show(JSON.parse(data) as Overview);
      else if (name === "end") return true;
    }
    return false;
  } catch (error) {
    if (own.signal.aborted && !signal.aborted) throw why;
    if (error instanceof TypeError) throw new Refusal(0, "UNREACHABLE", "the connection to the node broke");
    throw error;
  } finally {
    clearTimeout(watchdog);
    clearTimeout(hidden);
    signal.removeEventListener("abort", abort);
    document.removeEventListener("visibilitychange", onVisibility);
  }
}

/** Resolves when the page is visible. */
async function untilSeen(signal: AbortSignal): Promise<void> {
  if (!document.hidden) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      if (document.hidden && !signal.aborted) return;
      document.removeEventListener("visibilitychange", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    document.addEventListener("visibilitychange", done);
    signal.addEventListener("abort", done);
  });
}

/** Waits; the network's return or the button "Try now" end it early. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer);
      for (const name of ["online", RETRY_NOW]) window.removeEventListener(name, done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    for (const name of ["online", RETRY_NOW]) window.addEventListener(name, done);
    signal.addEventListener("abort", done);
  });
}

const RETRY_NOW = "logspread-retry-now";

export function retryNow(): void {
  window.dispatchEvent(new Event(RETRY_NOW));
}
