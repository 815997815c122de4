/** A thread that counts parts of files, one after another as they are given to it. */
import { parentPort, workerData } from "node:worker_threads";
import { parserFor } from "../formats/parser-for.ts";
import { reasonOf } from "../message/error.ts";
import { countriesOf } from "../metrics/countries.ts";
import { Counter } from "./counter.ts";
import { readPart } from "./input.ts";
import type { FromThread, ThreadSettings, ToThread } from "./thread-messages.ts";

const port = parentPort!;
const settings = workerData as ThreadSettings;
const tell = (message: FromThread): void => port.postMessage(message);
const counter = new Counter(settings, await countriesOf(settings.countries), settings.seed);

port.on("message", async (message: ToThread) => {
  if (message.kind === "end") {
    tell({ kind: "result", result: counter.encode() });
    port.close();
    return;
  }
  const { part, format } = message;
  try {
    const file = counter.file(part.path, parserFor(format, settings.parser));
    await readPart(part, file.take, (bytes) => tell({ kind: "read", bytes }));
    file.end();
    tell({ kind: "done" });
  } catch (error) {
    tell({ kind: "failed", path: part.path, why: reasonOf(error) });
  }
});
