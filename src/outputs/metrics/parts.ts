/** An engine with all that belongs to it, as the configuration says. */
import { randomBytes } from "node:crypto";
import type { LineParser, Outcome } from "../../formats/line-parser.ts";
import { type Format, parserFor } from "../../formats/parser-for.ts";
import type { AccessRecord } from "../../formats/record.ts";
import { groupMatcher } from "../../message/names.ts";
import type { Report } from "../../message/report.ts";
import { Anomalies, type AnomaliesDeps } from "../../metrics/anomalies/anomalies.ts";
import type { EngineConfig } from "../../metrics/config.ts";
import { Engine } from "../../metrics/engine.ts";
import type { CountryOf } from "../../metrics/request-reader.ts";
import { Visits } from "../../metrics/sessions/visits.ts";
import { AutoParser } from "./auto-parser.ts";
import type { MetricsConfig } from "./config.ts";
import { Traffic } from "./traffic.ts";

/** A parser that counts what it could not read. */
export class CountedParser implements LineParser {
  readonly group: string;
  readonly server: string;
  readonly #parser: LineParser;
  unparsed = 0;

  constructor(group: string, server: string, parser: LineParser) {
    this.group = group;
    this.server = server;
    this.#parser = parser;
  }

  get name(): string {
    return this.#parser.name;
  }

  get marks(): "start" | "end" {
    return this.#parser.marks;
  }

  get sizeKind(): "body" | "wire" {
    return this.#parser.sizeKind;
  }

  get fields(): readonly string[] {
    return this.#parser.fields;
  }

  parse(bytes: Buffer, from: number, to: number, into: AccessRecord): Outcome {
    const outcome = this.#parser.parse(bytes, from, to, into);
    if (outcome !== "ok" && outcome !== "truncated" && outcome !== "header") this.unparsed++;
    return outcome;
  }
}

export interface MetricsParts {
  readonly engine: Engine;
  readonly visits: Visits;
  readonly anomalies: Anomalies;
  readonly traffic: Traffic;
  /** One a server and group. */
  readonly parsers: readonly CountedParser[];
}

export interface PartsDeps {
  readonly countryOf: CountryOf | undefined;
  readonly tell: AnomaliesDeps["tell"];
  readonly report: Report;
}

/** Parsers that are counted; those of servers that come later are not. */
const MAX_PARSERS = 20_000;

/** `bounds` replaces the configuration's. */
export function openParts(
  config: MetricsConfig,
  { countryOf, tell, report }: PartsDeps,
  bounds: Partial<EngineConfig> = {},
): MetricsParts {
  const visits = new Visits(config.sessions, { salt: randomBytes(16) });
  const anomalies = new Anomalies(config.anomalies, { tell });
  const traffic = new Traffic(visits, config.prometheusVhosts);
  const parsers: CountedParser[] = [];
  const formatOf = formatsOf(config);
  const { cookie } = config;
  const parserOf = (group: string, server: string): LineParser => {
    const format = formatOf(group);
    const parser =
      format === "auto"
        ? new AutoParser({ cookie }, (name) => report("info", `lines of ${server} to ${group} are in format ${name}`))
        : parserFor(format, { cookie });
    const counted = new CountedParser(group, server, parser);
    if (parsers.length < MAX_PARSERS) parsers.push(counted);
    return counted;
  };
  const seed = randomBytes(4).readUInt32LE(0);
  const engine = new Engine({ ...config, ...bounds }, { parserOf, sessions: traffic, anomalies, countryOf, seed });
  return { engine, visits, anomalies, traffic, parsers };
}

function formatsOf({ format, formats }: MetricsConfig): (group: string) => Format {
  const rules = Object.entries(formats).map(([pattern, own]) => ({ matches: groupMatcher([pattern]), own }));
  return (group) => rules.find(({ matches }) => matches(group))?.own ?? format;
}
