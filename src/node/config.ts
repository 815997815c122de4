/** The node's configuration: the parts' own pieces composed to one schema, from which types, JSON Schema and sample come. */
import { z } from "zod";
import { embeddedConfig } from "../bus/embedded/config.ts";
import { MAX_RAW_BYTES } from "../message/batch.ts";
import { duration, size } from "../message/schema.ts";
import { metricsConfig } from "../outputs/metrics/config.ts";
import { type Address, isLoopback, parseAddress } from "./address.ts";
import { METRICS_OUTPUT, outputConfigs } from "./parts.ts";

/** An output's name is its cursor's name and its folder's: nothing that could lead out of one. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

const LISTEN = 'write an address such as "127.0.0.1:4804", or a list of them';

const listen = z
  .union([z.string(), z.array(z.string()).min(1)], { error: LISTEN })
  .transform((written, context): readonly Address[] =>
    [written].flat().map((text) => {
      const parsed = parseAddress(text);
      if (parsed.kind !== "fault") return parsed;
      context.addIssue({ code: "custom", message: `cannot listen at ${JSON.stringify(text)}: ${parsed.why}` });
      return z.NEVER;
    }),
  );

/** Largest message that a batch can hold, with room for its newline or length. */
const MAX_MESSAGE_BYTES = MAX_RAW_BYTES - 1024;

const limits = z.strictObject({
  bodyBytes: size().prefault("1GiB").describe("longest body of a publish of text or NDJSON, after decompression"),
  framesBytes: size().prefault("32MiB").describe("longest body of a publish of frames"),
  messageBytes: size()
    .refine((bytes) => bytes >= 1 && bytes <= MAX_MESSAGE_BYTES, `between 1 and ${MAX_MESSAGE_BYTES} bytes`)
    .prefault("1MiB")
    .describe("longest message; a longer line is refused with its number"),
  inFlightBytes: size()
    .prefault("64MiB")
    .describe("most bytes of publishes that wait for the disk; more are refused with 429"),
  connections: z.int().min(1).default(10_000).describe("connections at once, of each address"),
  bodyIdle: duration().prefault("5m").describe("longest pause within the body of a publish"),
  shutdown: duration().prefault("10s").describe("longest time that stopping may take"),
});

/** The schema of logspread.yaml. What depends on the machine (`node.name`, `data`) is filled in by loadConfig. */
export const nodeSchema = z
  .strictObject({
    node: z
      .strictObject({
        name: z
          .string()
          .regex(/^[^\s/,*?]{1,100}$/u, "a name is 1 to 100 characters without blanks and / , * ?")
          .optional()
          .describe("name of this node in the ledger and the metrics; default: the host's name"),
      })
      .prefault({})
      .describe("this node"),
    listen: listen
      .prefault("127.0.0.1:4804")
      .describe('where to listen: "HOST:PORT", the path of a unix socket, or a list of them'),
    insecure: z
      .boolean()
      .default(false)
      .describe("listen beyond this machine although anyone who reaches the port may read and publish"),
    data: z
      .string()
      .min(1)
      .optional()
      .describe("folder for all that must last; default: /var/lib/logspread for root, else ~/.local/state/logspread"),
    bus: z
      .strictObject({ embedded: embeddedConfig.prefault({}).describe("the engine within this process") })
      .prefault({})
      .describe("where messages are kept"),
    limits: limits.prefault({}).describe("what a client may ask of this node"),
    log: z
      .strictObject({
        level: z
          .enum(["debug", "info", "warn", "error"])
          .default("info")
          .describe("least level of the node's own log, on standard error"),
      })
      .prefault({})
      .describe("the node's own log"),
    outputs: z
      .record(z.string().regex(NAME, "a name is 1 to 64 letters, digits and _ -"), outputConfigs)
      .default({})
      .describe("what reads the bus: a name of your choice, then the kind of output with its settings"),
    metrics: metricsConfig
      .optional()
      .describe(
        "live metrics of access logs, for the dashboard, the monitor and Prometheus; `metrics: {}` turns them on",
      ),
  })
  .superRefine((config, context) => {
    if (config.metrics !== undefined && Object.hasOwn(config.outputs, METRICS_OUTPUT)) {
      context.addIssue({
        code: "custom",
        path: ["outputs", METRICS_OUTPUT],
        message: "the metrics have this name",
        params: { fix: "choose another name for the output" },
      });
    }
    if (config.insecure) return;
    const open = config.listen.find((a) => !isLoopback(a));
    if (open === undefined || open.kind !== "tcp") return;
    context.addIssue({
      code: "custom",
      path: ["listen"],
      message: `${open.host}:${open.port} can be reached from other machines, and there is no authentication`,
      params: {
        fix: "listen at 127.0.0.1, or write `insecure: true` if the network around the node keeps strangers out",
      },
    });
  });

export type ParsedConfig = z.output<typeof nodeSchema>;

/** Complete, typed and trusted: past this, nothing is looked up or defaulted again. */
export interface NodeConfig extends ParsedConfig {
  readonly node: { readonly name: string };
  readonly data: string;
}

/** The JSON Schema of what may be written, for editors. */
export function jsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(nodeSchema, { io: "input" });
  return { ...schema, title: "logspread.yaml", description: "Configuration of a logspread node" };
}
