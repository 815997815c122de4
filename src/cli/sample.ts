/** The annotated sample configuration, made of the schema, so that it cannot drift from it. */

/** What the sample needs to know of a JSON Schema. */
export interface Schema {
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
}

/** Settings that are shown in force: the least that does something. The others are commented out and show their default. */
const IN_FORCE: Readonly<Record<string, unknown>> = {
  "outputs.site.files.path": "/var/log/logspread/{group}/access-%Y-%m-%d.log",
};

/** What stands for names that a user chooses. */
const CHOSEN: Readonly<Record<string, string>> = { outputs: "site" };

/** What a setting without a default may look like. */
const EXAMPLES: Readonly<Record<string, unknown>> = {
  "node.name": "logs-1",
  data: "/var/lib/logspread",
  "bus.embedded.path": "/var/lib/logspread/bus",
  "outputs.site.files.format": "combined",
  "outputs.site.files.timestamp": "clf",
  "outputs.site.files.rewriteTimestamp": "clf",
  "outputs.site.files.rotate.bytes": "1GB",
  "outputs.site.files.retain.files": 30,
  "outputs.site.files.retain.age": "90d",
  "outputs.site.files.retain.bytes": "100GB",
  "outputs.site.files.currentLink": "/var/log/logspread/{group}/access.log",
  "metrics.cookie": "sessionid",
  "metrics.countries": "/var/lib/GeoIP/GeoLite2-Country.mmdb",
  "metrics.privacy.secret": "a long text that nobody guesses",
  "metrics.history.path": "/var/lib/logspread/metrics/history.sqlite",
  "metrics.notify.webhooks": [{ url: "https://chat.example.org/hooks/logs", headers: { Authorization: "Bearer ..." } }],
  "metrics.notify.exec": [{ command: ["/usr/local/bin/tell-operators"] }],
};

const WIDTH = 100;

/** The whole sample. `schemaFile` is where editors find the schema. */
export function sampleOf(schema: Schema, schemaFile: string): string {
  return [
    `# yaml-language-server: $schema=${schemaFile}`,
    "#",
    "# Configuration of a logspread node; made by `logspread check --sample`. A line that begins with # and a blank explains,",
    "# a setting behind a bare # shows its default, or an example where it has none. Editors complete and check the file by",
    `# the schema in the first line: logspread check --schema > ${schemaFile}`,
    "",
    ...settings(schema, [], ""),
  ].join("\n");
}

function settings(schema: Schema, path: readonly string[], indent: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, child]) => [
    ...setting(key, child, [...path, key], indent),
    ...(path.length === 0 ? [""] : []),
  ]);
}

function setting(key: string, schema: Schema, path: readonly string[], indent: string): string[] {
  const name = path.join(".");
  const about = schema.description === undefined ? [] : comment(schema.description, indent);
  const children = childrenOf(schema, path);
  if (children !== undefined) {
    const lines = settings({ properties: children }, path, `${indent}  `);
    const mark = isInForce(name) ? "" : "#";
    return [...about, `${indent}${mark}${key}:`, ...lines];
  }
  if (Object.hasOwn(IN_FORCE, name)) return [...about, `${indent}${key}: ${yaml(IN_FORCE[name])}`];
  const value = schema.default ?? EXAMPLES[name] ?? schema.enum?.[0];
  return [...about, `${indent}#${key}: ${yaml(value)}`];
}

/** The settings below one, or undefined if it has a value. Of a choice, one that is a map. */
function childrenOf(schema: Schema, path: readonly string[]): Readonly<Record<string, Schema>> | undefined {
  if (schema.properties !== undefined) return schema.properties;
  const chosen = CHOSEN[path.join(".")];
  if (chosen === undefined || typeof schema.additionalProperties !== "object") return undefined;
  return { [chosen]: schema.additionalProperties };
}

function isInForce(name: string): boolean {
  return Object.keys(IN_FORCE).some((forced) => forced.startsWith(`${name}.`));
}

function comment(text: string, indent: string): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1)!;
    if (line !== "" && indent.length + line.length + word.length + 3 > WIDTH) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines.map((line) => `${indent}# ${line}`);
}

/** JSON is YAML; plain words are nicer without quotes. */
function yaml(value: unknown): string {
  if (
    typeof value === "string" &&
    /^[A-Za-z0-9/][\w./-]*$/.test(value) &&
    !/^(true|false|null|yes|no|on|off|[\d.]+)$/i.test(value)
  ) {
    return value;
  }
  return JSON.stringify(value) ?? "";
}
