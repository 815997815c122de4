/** From the command line to a command: finds it in the list, loads its file only, and turns what it throws into an exit code. */
import module from "node:module";
import { userInfo } from "node:os";
import { type Command, type Io, usageError } from "./command.ts";
import { commands, type Entry } from "./commands.ts";
import { EXIT, exitCodeOf, textOf } from "./exit.ts";
import { ReaderGone, writerTo } from "./stdout.ts";

/** Runs the command that `argv` names and resolves to the exit code. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  try {
    const entry = commands.find(({ name }) => name === argv[0]);
    if (entry === undefined) return await withoutCommand(argv, io);
    if (entry.hangup === "survive") process.on("SIGHUP", () => {});
    if (entry.cached) rememberCompiledCode();
    return await (await loaded(entry)).run(argv.slice(1), io);
  } catch (error) {
    if (error instanceof ReaderGone) return EXIT.ok;
    io.stderr.write(`logspread: ${textOf(error)}\n`);
    return exitCodeOf(error);
  }
}

function loaded(entry: Entry): Promise<Command> {
  return entry.load();
}

async function withoutCommand(argv: readonly string[], io: Io): Promise<number> {
  const [first] = argv;
  if (first === "-V" || first === "--version" || first === "version") {
    const { version, versionReport } = await import("./version.ts");
    const print = writerTo(io.stdout);
    await print(argv.includes("--json") ? `${JSON.stringify(versionReport())}\n` : `logspread ${version()}\n`);
    return EXIT.ok;
  }
  const { overview } = await import("./help.ts");
  const help = async () => overview(await Promise.all(commands.map(loaded)));
  if (first === "-h" || first === "--help" || first === "help") {
    const named = commands.find(({ name }) => name === argv[1]);
    if (first === "help" && named !== undefined) return (await loaded(named)).run(["--help"], io);
    await writerTo(io.stdout)(await help());
    return EXIT.ok;
  }
  if (first === undefined) {
    io.stderr.write(await help());
    return EXIT.usage;
  }
  const { nearest } = await import("../node/nearest.ts");
  const names = commands.map(({ name }) => name);
  const near = nearest(first, names);
  throw usageError(
    `logspread ${first}`,
    first.startsWith("-") ? "a command comes before its options" : "there is no such command",
    near === undefined ? `The commands are: ${names.join(", ")}` : `Did you mean \`logspread ${near}\`?`,
  );
}

/**
 * Node keeps compiled code in a folder and starts faster from it. The default folder is in /tmp, where any user could
 * have put poisoned code for a publisher that a web server starts as root: so it is in the user's own home.
 */
function rememberCompiledCode(): void {
  let home: string;
  try {
    home = userInfo().homedir;
  } catch {
    return; // A user without an entry in the password file, as in some containers: start without.
  }
  module.enableCompileCache(`${home}/.cache/logspread`);
}
