/** The thread that `metrics` and `replay` start. */
import { constants, setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import type { Report } from "../../message/report.ts";
import type { AnomalyEvent } from "../../metrics/anomalies/book.ts";
import { countriesOf } from "../../metrics/countries.ts";
import { Notifier, systemPauses } from "../../metrics/notify/notifier.ts";
import { PortBus } from "../bus-port/bus-port.ts";
import { postedError } from "../bus-port/messages.ts";
import { Answers } from "./answers.ts";
import { countersIn } from "./counters.ts";
import { Feed } from "./feed.ts";
import { History } from "./history.ts";
import type { FromThread, MetricsTask, Replay, ToThread } from "./messages.ts";
import { openParts } from "./parts.ts";
import { showReplay } from "./show-replay.ts";

/** Seconds that a replay keeps one by one, at most. */
const REPLAY_SECONDS = 900;

// In Linux this is the thread's own: where cores are scarce, accepting goes before counting.
if (process.platform === "linux") setPriority(constants.priority.PRIORITY_BELOW_NORMAL);

const port = parentPort!;
const { config, historyPath, node, simulated, counters: shared, startPosition, replay } = workerData as MetricsTask;
const tell = (message: FromThread, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);
const bus = new PortBus(tell);
const stop = new AbortController();
const report: Report = (level, text, fields) => tell({ kind: "report", level, text, fields });
/** What `port` is to do with messages that are not for the bus, once that is known. */
let take: (message: Extract<ToThread, { kind: "tick" | "ask" }>) => void = () => {};

port.on("message", (message: ToThread) => {
  if (message.kind === "abort") stop.abort(new Error("the metrics are stopped"));
  else if (message.kind === "tick" || message.kind === "ask") take(message);
  else bus.take(message);
});

function encoded(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

async function countLive(): Promise<void> {
  const counters = countersIn(shared);
  const history = History.open(historyPath, config.history, report);
  const notifier = new Notifier(config.notify, {
    node,
    nowUs: () => Date.now() * 1000,
    report,
    pauses: systemPauses,
  });
  try {
    const countryOf = await countriesOf(config.countries);
    // What was told of before the restart is not told of again.
    const notify = (event: AnomalyEvent): void => {
      if (feed.live) notifier.tell(event);
    };
    const parts = openParts(config, { countryOf, tell: notify, report });
    const feed = new Feed(config, { parts, history, counters, report, startPosition });
    const answers = new Answers({ parts, history, simulated, lagS: () => feed.lagS });
    take = (message) => {
      if (message.kind === "tick") {
        feed.tick(message.nowUs, message.lastPosition);
        const { sent, failed, dropped } = notifier.counters;
        counters.notificationsSent = sent;
        counters.notificationsFailed = failed;
        counters.notificationsDropped = dropped;
        return;
      }
      const { id, query } = message;
      try {
        const text = answers.answer(query);
        if (text === undefined) tell({ kind: "told", id, text });
        else {
          const bytes = encoded(text);
          tell({ kind: "told", id, text: bytes }, [bytes.buffer]);
        }
      } catch (error) {
        tell({ kind: "failed", id, error: postedError(error) });
      }
    };
    tell({ kind: "ready" });
    await feed.run(bus, stop.signal);
  } finally {
    take = () => {};
    await notifier.close();
    history.close();
  }
}

async function countAgain(what: Replay): Promise<void> {
  const countryOf = await countriesOf(config.countries);
  const lengthS = Math.ceil((what.toUs - what.fromUs) / 1e6);
  const parts = openParts(
    config,
    { countryOf, tell: () => {}, report: () => {} },
    {
      seconds: Math.min(Math.max(lengthS, config.seconds), REPLAY_SECONDS),
      minutes: Math.max(config.minutes, Math.ceil(lengthS / 60) + 1),
    },
  );
  const show = (text: string): void => {
    const bytes = encoded(text);
    tell({ kind: "shown", text: bytes }, [bytes.buffer]);
  };
  await showReplay(what, bus, { config, parts, simulated, report, show }, stop.signal);
}

let failed: unknown;
try {
  await (replay === undefined ? countLive() : countAgain(replay));
} catch (error) {
  if (!stop.signal.aborted) failed = error;
}
tell({ kind: "ended", error: failed === undefined ? undefined : postedError(failed) });
port.close();
