/** Answers that go on, read piece by piece; memory is bounded by the longest single piece. */
import { get } from "./api.ts";

/** A piece that is longer than this is no event of ours. */
const MAX_PIECE = 16 * 1024 * 1024;

/** The lines of an answer, many at a time. Not reading on is the backpressure. */
export async function* lines(address: string, accept: string, signal: AbortSignal): AsyncGenerator<string[]> {
  const response = await get(address, accept, signal);
  const reader = response.body!.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const pieces = (rest + decoder.decode(value, { stream: true })).split("\n");
      rest = pieces.pop()!;
      if (rest.length > MAX_PIECE) throw new Error("the node sent a line that has no end");
      if (pieces.length > 0) yield pieces;
    }
  } finally {
    // Else the connection would stay; browsers have six of them for a node.
    reader.cancel().catch(() => {});
  }
}

export interface Event {
  readonly name: string;
  readonly data: string;
}

/** Server-sent events. Unlike EventSource it tells why a stream was refused, and the caller decides when to try again. */
export async function* events(address: string, signal: AbortSignal): AsyncGenerator<Event> {
  let name = "message";
  let data: string[] = [];
  for await (const some of lines(address, "text/event-stream", signal)) {
    for (const raw of some) {
      const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
      if (line === "") {
        if (data.length > 0) yield { name, data: data.join("\n") };
        name = "message";
        data = [];
        continue;
      }
      const colon = line.indexOf(":");
      const field = colon === -1 ? line : line.slice(0, colon);
      const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "data") data.push(value);
      else if (field === "event") name = value;
    }
  }
}
