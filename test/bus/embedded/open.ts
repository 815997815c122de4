import type { TestContext } from "node:test";
import { type EmbeddedConfig, embeddedConfig } from "../../../src/bus/embedded/config.ts";
import { EmbeddedBus } from "../../../src/bus/embedded/embedded.ts";
import type { Engine } from "../../conformance/bus.ts";
import { tempFolder } from "../../temp.ts";

export interface Opened extends Engine {
  readonly folder: string;
  /** What the engine reported. */
  readonly reports: string[];
}

/** An embedded bus in `folder`, or in a new one that goes with the test. */
export async function openEmbedded(
  t: TestContext,
  config: Partial<EmbeddedConfig> = {},
  folder = tempFolder(t),
): Promise<Opened> {
  const reports: string[] = [];
  const open = () =>
    EmbeddedBus.open(
      folder,
      { ...embeddedConfig.parse({}), ...config },
      { nowUs: () => Date.now() * 1000, report: (level, text) => void reports.push(`${level}: ${text}`) },
    );
  let bus = await open();
  t.after(() => bus.close());
  return {
    bus,
    folder,
    reports,
    reopen: async () => {
      await bus.close();
      bus = await open();
      return bus;
    },
  };
}
