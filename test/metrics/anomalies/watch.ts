/** Traffic under watch, with a clock that runs as fast as it goes. */
import { Anomalies } from "../../../src/metrics/anomalies/anomalies.ts";
import type { AnomalyEvent } from "../../../src/metrics/anomalies/book.ts";
import { type AnomaliesConfig, anomaliesConfig } from "../../../src/metrics/anomalies/config.ts";
import type { Second } from "../../../src/metrics/parts.ts";
import { type Fault, START_S, type TrafficOptions, trafficOf } from "./traffic.ts";

export interface Told {
  /** Seconds from the start, after which it was told. */
  readonly s: number;
  /** "opened errors www3" */
  readonly what: string;
  readonly event: AnomalyEvent;
}

export function watchOf(options: TrafficOptions, config: Partial<AnomaliesConfig> = {}) {
  const told: Told[] = [];
  let s = 0;
  const anomalies = new Anomalies(
    { ...anomaliesConfig.parse({}), ...config },
    {
      tell: (event) => {
        const { kind, subject } = event.anomaly;
        told.push({ s, what: `${event.event} ${kind} ${subject}`, event });
      },
    },
  );
  const traffic = trafficOf(options);
  return {
    anomalies,
    told: told as readonly Told[],
    /** What was told, in short. */
    get whats(): string[] {
      return told.map(({ what }) => what);
    },
    get nowS(): number {
      return s;
    },
    /** Goes on for so many seconds; `change` may alter each second before it is observed. */
    run(seconds: number, fault?: Fault, change: (second: Second) => Second = (second) => second): void {
      for (const until = s + seconds; s < until; ) {
        const second = traffic.next(fault);
        s++;
        anomalies.observe(change(second));
      }
    },
    /** The scope of all that may have happened. */
    ever: { groups: [], servers: [], fromUs: START_S * 1e6, toUs: Number.POSITIVE_INFINITY },
  };
}
