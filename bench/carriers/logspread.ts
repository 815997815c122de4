import { join } from "node:path";
import type { Surroundings } from "../benchmark.ts";
import { startNode } from "../logspread/node.ts";
import { startPublisher } from "../logspread/publisher.ts";
import type { Carrier } from "./carrier.ts";

/** Pipe, publisher with its spool, HTTP over loopback, bus with fsync before every acknowledgement, exactly-once file. */
export function logspread(surroundings: Surroundings): Carrier {
  return {
    name: "logspread",
    async open(folder, output) {
      const node = await startNode(surroundings, join(folder, "node"), { file: output });
      const publisher = startPublisher(surroundings, join(folder, "publisher"), node.url);
      return {
        target: publisher.pipe.path,
        usage: () =>
          new Map([
            ["publish", publisher.program.usage()],
            ["up", node.program.usage()],
          ]),
        keptBytes: node.busBytes,
        async close() {
          await publisher.finish();
          await node.program.end();
        },
      };
    },
  };
}
