/** What webhooks and programs get: one JSON object. */
import { isoOfUs } from "../../message/time.ts";
import type { AnomalyEvent } from "../anomalies/book.ts";
import type { Anomaly } from "../snapshot.ts";

export interface Notification {
  readonly event: AnomalyEvent["event"];
  /** When it opened or closed, ISO 8601. */
  readonly time: string;
  /** The same for both events of an anomaly, so that a pager can put them together. */
  readonly key: string;
  /** Which node tells it. */
  readonly node: string;
  readonly anomaly: Anomaly;
}

export function notificationOf({ event, anomaly }: AnomalyEvent, node: string): Notification {
  const { kind, group, subject, openedUs } = anomaly;
  return {
    event,
    time: isoOfUs(eventUs({ event, anomaly })),
    key: [kind, group, subject, String(openedUs)].join("/"),
    node,
    anomaly,
  };
}

/** When the event happened, µs since the epoch. */
export function eventUs({ event, anomaly }: AnomalyEvent): number {
  return event === "closed" && anomaly.closedUs !== null ? anomaly.closedUs : anomaly.openedUs;
}
