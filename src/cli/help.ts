/** The text of --help, made of what the commands say of themselves. */
import type { Command, Description } from "./command.ts";

const WIDTH = 96;

/** The page of one command. */
export function helpOf(command: Description): string {
  const options = [
    ...Object.entries(command.options).map(([name, option]) => {
      const value = option.type === "string" ? ` ${option.value ?? "VALUE"}` : "";
      const repeat = option.multiple ? " (may be repeated)" : "";
      return [`${option.short ? `-${option.short}, ` : "    "}--${name}${value}`, option.help + repeat] as const;
    }),
    ["-h, --help", "print this"] as const,
  ];
  return [
    wrap(`logspread ${command.name}: ${command.summary}`, 0),
    `Usage: logspread ${command.name} ${command.usage}`.trimEnd(),
    ...(command.details ?? []).map((paragraph) => wrap(paragraph, 0)),
    `Options:\n${table(options)}`,
    `Examples:\n${command.examples.map(({ line, does }) => `  # ${does}\n  ${line}`).join("\n")}`,
    "",
  ].join("\n\n");
}

/** The page of `logspread --help`. */
export function overview(commands: readonly Command[]): string {
  return [
    "logspread: log lines of many web servers, in one agreed order, to as many readers as care to attach",
    "Usage: logspread COMMAND [options]",
    `Commands:\n${table(commands.map(({ name, summary }) => [name, summary]))}`,
    `Options:\n${table([
      ["-h, --help", "print this; `logspread COMMAND --help` tells more, with examples"],
      ["-V, --version", "print the version; with --json also what it runs on"],
    ])}`,
    [
      "Exit codes: 0 ok, 1 failed or something was found, 2 wrong arguments, 69 no node answers, 74 disk or file,",
      "78 wrong configuration, 128+n ended by signal n",
    ].join("\n"),
    "",
  ].join("\n\n");
}

function table(rows: readonly (readonly [string, string])[]): string {
  const indent = Math.min(Math.max(...rows.map(([left]) => left.length)) + 4, 34);
  return rows
    .map(([left, right]) => {
      const text = wrap(right, indent);
      const start = `  ${left}`;
      return start.length + 2 > indent ? `${start}\n${" ".repeat(indent)}${text}` : start.padEnd(indent) + text;
    })
    .join("\n");
}

/** Breaks `text` at blanks; lines after the first are indented. */
function wrap(text: string, indent: number): string {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1)!;
    if (line !== "" && indent + line.length + 1 + word.length > WIDTH) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines.join(`\n${" ".repeat(indent)}`);
}
