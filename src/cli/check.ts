import { harmlessText } from "../outputs/harmless.ts";
import { command, usageError } from "./command.ts";
import { EXIT } from "./exit.ts";
import { writerTo } from "./stdout.ts";

/** Where the sample looks for the schema: beside itself. */
const SCHEMA_FILE = "logspread.schema.json";

export const check = command({
  name: "check",
  summary: "check a configuration and say what it would do, or print a sample or the schema",
  usage: "[options] [FILE]",
  details: [
    "Without FILE it checks what `logspread up` would use. Everything that is wrong is told at once, each with its place, key and mend; then the exit code is 78. Nothing is started, made or changed.",
  ],
  options: {
    sample: { type: "boolean", help: "print a sample configuration with every setting explained" },
    schema: { type: "boolean", help: `print the JSON Schema, for editors that complete and check YAML` },
  },
  completePositionals: "file",
  examples: [
    { line: "logspread check /etc/logspread/logspread.yaml", does: "before a restart" },
    { line: "logspread check --sample > logspread.yaml", does: "begin a configuration" },
    { line: `logspread check --schema > ${SCHEMA_FILE}`, does: "let editors help with it" },
  ],
  async run({ values, positionals }, io) {
    if (positionals.length > 1) {
      throw usageError(
        `logspread check ${positionals.join(" ")}`,
        "it takes one file",
        "conf.d/*.yaml beside it is read as well",
      );
    }
    const write = writerTo(io.stdout);
    if (values.sample || values.schema) {
      const { jsonSchema } = await import("../node/config.ts");
      const { sampleOf } = await import("./sample.ts");
      if (values.schema) await write(`${JSON.stringify(jsonSchema(), null, 2)}\n`);
      else await write(sampleOf(jsonSchema(), SCHEMA_FILE));
      return EXIT.ok;
    }
    const { ConfigError, textOfFault } = await import("../node/config-error.ts");
    const { serviceConfig } = await import("./service.ts");
    const { planOf } = await import("./plan.ts");
    try {
      const { config, files } = await serviceConfig({ config: positionals[0] }, io);
      const { lines, warnings } = planOf(config, Date.now() * 1000);
      const from = files.length === 0 ? "There is no configuration: all is default" : `${files.join(", ")}: right`;
      await write(`${[from, ...lines].map(harmlessText).join("\n")}\n`);
      for (const warning of warnings) io.stderr.write(`logspread: warning: ${harmlessText(warning)}\n`);
      return EXIT.ok;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      for (const fault of error.faults) io.stderr.write(`${harmlessText(textOfFault(fault))}\n`);
      return EXIT.config;
    }
  },
});
