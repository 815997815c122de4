/** What the person at the monitor has chosen, and what a key makes of it. Pure. */
import { groupMatcher } from "../message/names.ts";
import { TOP_LISTS, type TopList } from "../metrics/snapshot.ts";

export const TABS = ["servers", "pages", "codes", "sessions", "anomalies"] as const;
export type Tab = (typeof TABS)[number];

export const SORTS = ["requests", "bytes", "errors", "time", "name"] as const;
export type Sort = (typeof SORTS)[number];

/** Spans that + and - go through, s. */
export const SPANS_S = [60, 300, 900, 3600, 21_600, 86_400] as const;

export type Overlay =
  | { readonly kind: "none" }
  | { readonly kind: "help" }
  | { readonly kind: "groups"; readonly at: number };

export interface State {
  readonly tab: Tab;
  /** Which list stands in the panel of pages. */
  readonly list: TopList;
  readonly sort: Sort;
  /** Rows of the panel above the first that is shown. */
  readonly scroll: number;
  readonly spanS: number;
  /** Joined: names and patterns; empty for all. */
  readonly groups: readonly string[];
  readonly paused: boolean;
  readonly connected: boolean;
  readonly overlay: Overlay;
  /** Answer to the last key, until the next. */
  readonly notice: string;
}

/** What a key asks for beside the change of state. */
export type Effect =
  | "none"
  | "quit"
  | "suspend"
  /** Draw everything anew: something else wrote on the screen. */
  | "redraw"
  /** Follow what the state says now. */
  | "follow"
  | "next-node"
  /** Ask the node which groups there are. */
  | "ask-groups";

export interface Pressed {
  readonly state: State;
  readonly effect: Effect;
}

export function newState(groups: readonly string[], spanS: number): State {
  return {
    tab: "servers",
    list: "pages",
    sort: "requests",
    scroll: 0,
    spanS,
    groups,
    paused: false,
    connected: true,
    overlay: { kind: "none" },
    notice: "",
  };
}

const PAGE = 10;

/** `known` are the groups that there are, as the list of them shows them; `nodes` says how many nodes there are to choose from. */
export function press(before: State, key: string, known: readonly string[], nodes: number): Pressed {
  const state = { ...before, notice: "" };
  if (key === "ctrl-c") return { state, effect: "quit" };
  if (key === "ctrl-z") return { state, effect: "suspend" };
  if (key === "ctrl-l") return { state, effect: "redraw" };
  if (state.overlay.kind === "groups") return inGroups(state, state.overlay.at, key, known);
  if (state.overlay.kind === "help" && key !== "q") {
    return { state: { ...state, overlay: { kind: "none" } }, effect: "none" };
  }
  const changed = (change: Partial<State>, effect: Effect = "none"): Pressed => ({
    state: { ...state, ...change },
    effect,
  });
  switch (key) {
    case "q":
      return changed({}, "quit");
    case "?":
    case "h":
      return changed({ overlay: { kind: "help" } });
    case "g":
      return changed({ overlay: { kind: "groups", at: 0 } }, "ask-groups");
    case "s":
      return changed({ sort: next(SORTS, state.sort, 1), tab: "servers", scroll: 0 });
    case "t":
    case "tab":
    case "right":
      return changed({ tab: next(TABS, state.tab, 1), scroll: 0 });
    case "backtab":
    case "left":
      return changed({ tab: next(TABS, state.tab, -1), scroll: 0 });
    case "1":
    case "2":
    case "3":
    case "4":
    case "5":
      return changed({ tab: TABS[Number(key) - 1]!, scroll: 0 });
    case "l":
      return changed({ tab: "pages", list: next(TOP_LISTS, state.list, state.tab === "pages" ? 1 : 0), scroll: 0 });
    case "p":
    case " ":
      return changed({ paused: !state.paused });
    case "+":
    case "=":
      return spanned(
        state,
        SPANS_S.find((s) => s > state.spanS),
      );
    case "-":
      return spanned(
        state,
        SPANS_S.findLast((s) => s < state.spanS),
      );
    case "c":
      return changed({ connected: !state.connected }, "follow");
    case "n":
      if (nodes > 1) return changed({ connected: true }, "next-node");
      return changed({ notice: "there is one node only: name others with --to URL,URL" });
    case "up":
    case "k":
      return changed({ scroll: Math.max(0, state.scroll - 1) });
    case "down":
    case "j":
      return changed({ scroll: state.scroll + 1 });
    case "pageup":
      return changed({ scroll: Math.max(0, state.scroll - PAGE) });
    case "pagedown":
      return changed({ scroll: state.scroll + PAGE });
    case "home":
      return changed({ scroll: 0 });
    case "end":
      return changed({ scroll: Number.MAX_SAFE_INTEGER });
    default:
      return changed({});
  }
}

function spanned(state: State, spanS: number | undefined): Pressed {
  if (spanS === undefined) return { state: { ...state, notice: "there is no other span that way" }, effect: "none" };
  return { state: { ...state, spanS }, effect: "follow" };
}

/** In the list of groups: the first row is all of them, then one each. */
function inGroups(state: State, at: number, key: string, known: readonly string[]): Pressed {
  const last = known.length;
  const move = (to: number): Pressed => ({
    state: { ...state, overlay: { kind: "groups", at: Math.max(0, Math.min(last, to)) } },
    effect: "none",
  });
  const join = (groups: readonly string[]): Pressed => ({ state: { ...state, groups, scroll: 0 }, effect: "follow" });
  switch (key) {
    case "up":
    case "k":
      return move(at - 1);
    case "down":
    case "j":
      return move(at + 1);
    case "pageup":
      return move(at - PAGE);
    case "pagedown":
      return move(at + PAGE);
    case "home":
      return move(0);
    case "end":
      return move(last);
    case "a":
      return join([]);
    case " ":
    case "x": {
      const group = known[at - 1];
      if (group === undefined) return join([]);
      const joined = known.filter((name) => isJoined(state, name));
      if (!joined.includes(group)) return join([...state.groups, group]);
      const rest = joined.filter((name) => name !== group);
      if (rest.length > 0) return join(rest);
      return { state: { ...state, notice: "it is the only one joined: join another first" }, effect: "none" };
    }
    case "q":
    case "g":
    case "enter":
    case "escape":
      return { state: { ...state, overlay: { kind: "none" } }, effect: "none" };
    default:
      return { state, effect: "none" };
  }
}

/** Whether `group` is among what is shown. */
export function isJoined({ groups }: Pick<State, "groups">, group: string): boolean {
  return groups.length === 0 || groupMatcher(groups)(group);
}

function next<T>(all: readonly T[], one: T, by: number): T {
  return all[(all.indexOf(one) + by + all.length) % all.length]!;
}
