/**
 * A command of `logspread`: a file in this folder that exports one, and a line in commands.ts. Its --help, the errors for
 * wrong arguments and the shell completions come from what it says of itself.
 *
 * Every start of a publisher reads this file, and --help reads every command: import at the top of a command's file only
 * what is light, and what is heavy by `await import(...)` in `run`.
 */
import { type ParseArgsConfig, parseArgs } from "node:util";
import { LogspreadError, reasonOf } from "../message/error.ts";
import { writerTo } from "./stdout.ts";

/** What a command may touch of its process; `process` itself has this shape. Streams are made when first looked at. */
export interface Io {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: NodeJS.ProcessEnv;
}

/** A long option. Boolean options have no `value`; `--no-NAME` is an option of its own if a command wants it. */
export interface Option {
  readonly type: "string" | "boolean";
  readonly short?: string;
  /** May be given several times; the value is then an array. */
  readonly multiple?: boolean;
  /** What stands for the value in --help: URL, FILE, N. */
  readonly value?: string;
  readonly help: string;
  /** What a shell offers: the names of files or folders, or these words. */
  readonly complete?: "file" | "folder" | readonly string[];
}

export type Options = Readonly<Record<string, Option>>;

type ValueOf<O extends Option> = O["type"] extends "boolean" ? boolean : string;

/** The values of options, by their names; undefined where an option was not given. */
export type Values<O extends Options> = {
  readonly [K in keyof O]: (O[K]["multiple"] extends true ? readonly ValueOf<O[K]>[] : ValueOf<O[K]>) | undefined;
};

export interface Args<O extends Options> {
  readonly values: Values<O>;
  readonly positionals: readonly string[];
}

/** A command line that works as it stands, and what it does. */
export interface Example {
  readonly line: string;
  readonly does: string;
}

/** What a command says of itself. */
export interface Description {
  readonly name: string;
  /** One line, without a full stop. */
  readonly summary: string;
  /** What follows the name: "[options] GROUP...". */
  readonly usage: string;
  /** Paragraphs for --help, below the summary. */
  readonly details?: readonly string[];
  readonly options: Options;
  readonly examples: readonly Example[];
  /** What a shell offers for the positional arguments. */
  readonly completePositionals?: Option["complete"];
}

export interface Command extends Description {
  /** Parses `argv` (what follows the command's name), runs, and resolves to the exit code; see exit.ts for what it may throw. */
  run(argv: readonly string[], io: Io): Promise<number>;
}

/** Makes a command of its description and of `run`, which gets its arguments parsed and typed by the options. */
export function command<const O extends Options>(
  definition: Omit<Description, "options"> & {
    readonly options: O;
    run(args: Args<O>, io: Io): Promise<number>;
  },
): Command {
  const made: Command = {
    ...definition,
    async run(argv, io) {
      if (asksForHelp(argv)) {
        const { helpOf } = await import("./help.ts");
        await writerTo(io.stdout)(helpOf(made));
        return 0;
      }
      return definition.run(await parse(made, definition.options, argv), io);
    },
  };
  return made;
}

/** An error in how a command was called: told with the usage, exit code 2. */
export function usageError(what: string, why: string, fix: string): LogspreadError {
  return new LogspreadError("BAD_ARGUMENT", { what, why, fix });
}

function asksForHelp(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  return (end === -1 ? argv : argv.slice(0, end)).some((arg) => arg === "--help" || arg === "-h");
}

async function parse<O extends Options>(described: Description, options: O, argv: readonly string[]): Promise<Args<O>> {
  try {
    const config: ParseArgsConfig = { options, args: joinNegatives(options, argv), allowPositionals: true };
    const { values, positionals } = parseArgs(config);
    return { values: values as Values<O>, positionals }; // parseArgs is strict: it has checked them against `options`
  } catch (error) {
    const reason = reasonOf(error);
    const unknown = /^Unknown option '-?-([^']+)'/.exec(reason)?.[1];
    const { nearest } = await import("../node/nearest.ts");
    const near = unknown === undefined ? undefined : nearest(unknown, Object.keys(options));
    throw usageError(
      `logspread ${described.name}`,
      reason.split(/\.( |$)|\.?\n/m)[0]!,
      near === undefined ? `See \`logspread ${described.name} --help\`` : `Did you mean --${near}?`,
    );
  }
}

/** Lets `--from -10m` stand for `--from=-10m`, which parseArgs would call ambiguous. */
function joinNegatives(options: Options, argv: readonly string[]): string[] {
  const joined: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const arg = argv[i]!;
    if (arg === "--") return joined.concat(argv.slice(i));
    const next = argv[i + 1];
    if (options[arg.slice(2)]?.type === "string" && arg.startsWith("--") && next !== undefined && /^-\d/.test(next)) {
      joined.push(`${arg}=${next}`);
      i++;
    } else joined.push(arg);
  }
  return joined;
}
