/** The monitor at work: keys, figures and time change what is shown; a frame is drawn when something has. */
import type { Overview } from "../metrics/snapshot.ts";
import { follow } from "./follow.ts";
import { Keys } from "./keys.ts";
import type { Look } from "./line.ts";
import { groupsOf, type Nodes, type Wish } from "./nodes.ts";
import { Screen } from "./screen.ts";
import { newState, press, type Sort, type State } from "./state.ts";
import { Terminal } from "./terminal.ts";
import { type Feed, type Link, view } from "./view.ts";

export interface MonitorOptions {
  readonly wish: Wish;
  /** Between two updates of the figures at least, ms. */
  readonly intervalMs: number;
  readonly colour: boolean;
  readonly look: Look;
  /** The first figures, which are there before the screen is. */
  readonly first: Overview;
  readonly sort: Sort;
}

/** How it ended. */
export type End = { readonly kind: "quit" } | { readonly kind: "signal"; readonly signal: NodeJS.Signals };

/** The age of the figures is told to the second. */
const TICK_MS = 1000;
/** After so long an escape is the key and not the beginning of a sequence. */
const ESCAPE_MS = 50;
/** The node sends one a second, not on the dot. */
const SLACK_MS = 300;

/** Shows the monitor until it is told to end; the terminal is then as it was before. */
export async function monitor(
  nodes: Nodes,
  { wish, intervalMs, colour, look, first, sort }: MonitorOptions,
  { stdin, stdout }: { readonly stdin: NodeJS.ReadStream; readonly stdout: NodeJS.WriteStream },
): Promise<End> {
  const nowMs = () => performance.now();
  const terminal = new Terminal(stdin, stdout);
  const screen = new Screen(colour);
  const keys = new Keys();
  const over = Promise.withResolvers<End>();
  const closing = new AbortController();
  let following = new AbortController();
  let state: State = { ...newState(wish.groups, wish.spanS), sort };
  let feed: Feed = { link: { kind: "connecting", node: nodes.current.name }, overview: first, receivedMs: nowMs() };
  /** What was shown when it was paused. */
  let held: Feed | undefined;
  let known: string[] = [];
  /** What was asked for last has not come yet: it is shown at once. */
  let awaited = true;
  /** It has come, and is shown when the interval is over. */
  let latest: { readonly overview: Overview; readonly receivedMs: number } | undefined;
  let takenMs = nowMs();
  let due: NodeJS.Timeout | undefined;
  let ready = true;
  let planned: NodeJS.Immediate | undefined;
  let alone: NodeJS.Timeout | undefined;

  /** What an event runs: its failure is the monitor's. */
  const guarded =
    <A extends unknown[]>(run: (...args: A) => void) =>
    (...args: A) => {
      try {
        run(...args);
      } catch (thrown) {
        over.reject(thrown);
      }
    };
  const draw = guarded(() => {
    planned = undefined;
    if (!ready) return; // The terminal is slow: it gets the latest when it has taken the last.
    const size = terminal.size;
    const shown = held === undefined ? feed : { ...held, link: feed.link };
    const { lines, maxScroll } = view({ feed: shown, state, known, nowMs: nowMs() }, size, look);
    if (state.overlay.kind === "none" && state.scroll > maxScroll) state = { ...state, scroll: maxScroll };
    const bytes = screen.draw(lines, size.columns);
    if (bytes !== "") ready = terminal.write(bytes);
  });
  const plan = () => {
    planned ??= setImmediate(draw);
  };

  const know = (groups: readonly string[]) => {
    known = [...new Set([...known, ...groups])].toSorted();
  };
  const take = guarded(() => {
    clearTimeout(due);
    due = undefined;
    if (latest === undefined) return;
    feed = { ...feed, ...latest };
    know(latest.overview.groups.map(({ group }) => group));
    [latest, takenMs, awaited] = [undefined, nowMs(), false];
    plan();
  });
  /** Shows it now, or the latest that has come when the interval is over. */
  const adopt = (overview: Overview) => {
    latest = { overview, receivedMs: nowMs() };
    const waitMs = takenMs + intervalMs - SLACK_MS - nowMs();
    if (awaited || waitMs <= 0) take();
    else due ??= setTimeout(take, waitMs);
  };
  const startFollowing = () => {
    following.abort();
    following = new AbortController();
    const { signal } = following;
    const link = (next: Link) => {
      feed = { ...feed, link: next };
      plan();
    };
    if (!state.connected) return link({ kind: "disconnected" });
    [latest, awaited] = [undefined, true];
    follow(
      nodes,
      { ...wish, groups: state.groups, spanS: state.spanS },
      { link, overview: adopt },
      nowMs,
      signal,
    ).catch((thrown) => {
      if (!signal.aborted) over.reject(thrown);
    });
  };
  const askGroups = () => {
    groupsOf(nodes.current, closing.signal).then(
      (groups) => {
        know(groups);
        plan();
      },
      () => {}, // Those of the figures are known all the same, and the link tells when the node is gone.
    );
  };

  const pressed = (key: string) => {
    const wasPaused = state.paused;
    const { state: next, effect } = press(state, key, known, nodes.count);
    state = next;
    if (state.paused !== wasPaused) held = state.paused ? feed : undefined;
    plan();
    switch (effect) {
      case "none":
        return;
      case "quit":
        return over.resolve({ kind: "quit" });
      case "suspend":
        terminal.suspend();
        return screen.forget();
      case "redraw":
        return screen.forget();
      case "follow":
        return startFollowing();
      case "next-node":
        nodes.next();
        return startFollowing();
      case "ask-groups":
        return askGroups();
      default:
        effect satisfies never;
    }
  };

  const tick = setInterval(plan, TICK_MS);
  try {
    terminal.open({
      text: guarded((text) => {
        clearTimeout(alone);
        for (const key of keys.push(text)) pressed(key);
        if (keys.waiting)
          alone = setTimeout(
            guarded(() => keys.flush().forEach(pressed)),
            ESCAPE_MS,
          );
      }),
      resized: () => {
        screen.forget();
        plan();
      },
      drained: () => {
        ready = true;
        plan();
      },
      gone: () => over.resolve({ kind: "quit" }),
      signal: (signal) => over.resolve({ kind: "signal", signal }),
    });
    know(first.groups.map(({ group }) => group));
    draw();
    startFollowing();
    return await over.promise;
  } finally {
    clearInterval(tick);
    clearTimeout(due);
    clearTimeout(alone);
    clearImmediate(planned);
    following.abort();
    closing.abort();
    terminal.close();
  }
}
