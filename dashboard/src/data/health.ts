/** Whether the site is well, in a word and with the reason. */
import { percent, span, text } from "../text/figures.ts";
import { visible } from "../text/visible.ts";
import type { Feed } from "./feed.ts";

export interface Health {
  readonly level: "well" | "look" | "trouble" | "quiet" | "unknown";
  readonly words: string;
  readonly reason: string;
}

/** Shares of server errors over the last seconds from which on the site needs a look, and is in trouble. */
const LOOK_SHARE = 0.01;
const TROUBLE_SHARE = 0.05;
/** The metrics are behind, s. */
const BEHIND_S = 10;

export function healthOf({ overview, link }: Pick<Feed, "overview" | "link">): Health {
  if (link.kind === "lost") return { level: "unknown", words: "Not known", reason: link.why };
  if (overview === undefined) return { level: "unknown", words: "No figures yet", reason: "" };
  const { now, anomalies, lagS, totals } = overview;
  const open = anomalies.filter(({ closedUs }) => closedUs === null);
  const more = open.length > 1 ? ` (and ${open.length - 1} more)` : "";
  const first = open[0] === undefined ? "" : visible(open[0].text, 200) + more;
  if (now.errorShare >= TROUBLE_SHARE) {
    return { level: "trouble", words: "In trouble", reason: `${text(percent(now.errorShare))} of requests fail` };
  }
  if (open.length > 0) return { level: "look", words: "Needs a look", reason: first };
  if (now.errorShare >= LOOK_SHARE) {
    return { level: "look", words: "Needs a look", reason: `${text(percent(now.errorShare))} of requests fail` };
  }
  if (lagS > BEHIND_S) {
    return { level: "look", words: "Needs a look", reason: `the metrics are ${text(span(lagS))} behind` };
  }
  if (totals.requests === 0) return { level: "quiet", words: "Quiet", reason: "no requests in this time" };
  return { level: "well", words: "All is well", reason: "no anomaly is open" };
}
