/** Publishes numbered lines as fast as it can and prints each acknowledged sequence; is killed in the middle. */
import { writeSync } from "node:fs";
import { embeddedConfig } from "../../../src/bus/embedded/config.ts";
import { EmbeddedBus } from "../../../src/bus/embedded/embedded.ts";
import { batchOf } from "../../conformance/bus.ts";

const [folder, producerHex, start] = process.argv.slice(2) as [string, string, string];
const bus = await EmbeddedBus.open(
  folder,
  { ...embeddedConfig.parse({}), segmentBytes: 20_000 },
  { nowUs: () => Date.now() * 1000, report: () => undefined },
);
const producer = Buffer.from(producerHex, "hex");
for (let sequence = Number(start); ; sequence += 4) {
  const batches = [0, 1, 2, 3].map((i) => batchOf([`line ${sequence + i}`], { producer, sequence: sequence + i }));
  const made = await Promise.all(batches);
  await Promise.all(
    made.map(async (batch) => {
      await bus.publish(batch);
      writeSync(1, `${batch.sequence}\n`);
    }),
  );
}
