/** The completion scripts, made of what the commands say of themselves. */
import type { Command, Option } from "./command.ts";

export const scripts = { bash, zsh, fish };

const OVERALL = ["--help", "--version"];

function bash(commands: readonly Command[]): string {
  const names = commands.map(({ name }) => name);
  const cases = commands.map((command) => {
    const values = optionsOf(command).flatMap(([name, option]) => {
      if (option.type === "boolean") return [];
      const flags = option.short ? `--${name}|-${option.short}` : `--${name}`;
      return [
        `        ${command.name}:${flags.replace("|", `|${command.name}:`)}) ${bashReply(option.complete)}; return ;;`,
      ];
    });
    return values.join("\n");
  });
  const words = commands.map(
    (c) => `        ${c.name}) words=${quote(["--help", ...optionsOf(c).map(([name]) => `--${name}`)].join(" "))} ;;`,
  );
  const positionals = commands.map((c) => `        ${c.name}) ${bashReply(c.completePositionals)} ;;`);
  return `# bash completion of logspread; made by \`logspread completion bash\`
_logspread() {
    local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command=\${COMP_WORDS[1]} words=
    COMPREPLY=()
    if (( COMP_CWORD == 1 )); then
        COMPREPLY=( $(compgen -W ${quote([...names, ...OVERALL].join(" "))} -- "$cur") )
        return
    fi
    case "$command:$prev" in
${cases.filter((text) => text !== "").join("\n")}
    esac
    if [[ $cur == -* ]]; then
        case "$command" in
${words.join("\n")}
        esac
        COMPREPLY=( $(compgen -W "$words" -- "$cur") )
        return
    fi
    case "$command" in
${positionals.join("\n")}
    esac
}
complete -F _logspread logspread
`;
}

function bashReply(complete: Option["complete"]): string {
  if (complete === undefined) return ":";
  if (complete === "file") return 'compopt -o filenames; COMPREPLY=( $(compgen -f -- "$cur") )';
  if (complete === "folder") return 'compopt -o filenames; COMPREPLY=( $(compgen -d -- "$cur") )';
  return `COMPREPLY=( $(compgen -W ${quote(complete.join(" "))} -- "$cur") )`;
}

function zsh(commands: readonly Command[]): string {
  const list = commands.map((c) => `        ${quote(`${c.name}:${c.summary}`)}`).join("\n");
  const cases = commands.map((c) => {
    const specs = optionsOf(c).flatMap(([name, option]) => zshSpecs(name, option));
    const all = [...specs, quote("(- *)--help[print help]"), quote(`*:${zshAction(c.completePositionals, c.usage)}`)];
    return `        ${c.name})\n            _arguments -s \\\n                ${all.join(" \\\n                ")}\n            ;;`;
  });
  return `#compdef logspread
# zsh completion of logspread; made by \`logspread completion zsh\`
_logspread() {
    local -a commands
    commands=(
${list}
    )
    if (( CURRENT == 2 )); then
        _describe -t commands command commands
        _values option '--help[print help]' '--version[print the version]'
        return
    fi
    local name=$words[2]
    shift words
    (( CURRENT-- ))
    case $name in
${cases.join("\n")}
    esac
}
if [[ $funcstack[1] == _logspread ]]; then
    _logspread "$@"
else
    compdef _logspread logspread
fi
`;
}

function zshSpecs(name: string, option: Option): string[] {
  const help = option.help.replace(/[[\]:\\]/g, "\\$&");
  const value = option.type === "boolean" ? "" : `:${option.value ?? "value"}:${zshAction(option.complete, "")}`;
  const repeat = option.multiple ? "*" : "";
  const long = quote(`${repeat}--${name}${value === "" ? "" : "="}[${help}]${value}`);
  if (option.short === undefined) return [long];
  return [long, quote(`${repeat}-${option.short}${value === "" ? "" : "+"}[${help}]${value}`)];
}

function zshAction(complete: Option["complete"], label: string): string {
  const before = label === "" ? "" : `${label.replace(/[:\\]/g, "\\$&")}:`;
  if (complete === undefined) return `${before} `;
  if (complete === "file") return `${before}_files`;
  if (complete === "folder") return `${before}_files -/`;
  return `${before}(${complete.join(" ")})`;
}

function fish(commands: readonly Command[]): string {
  const lines = [
    "# fish completion of logspread; made by `logspread completion fish`",
    "complete -c logspread -f",
    "complete -c logspread -n __fish_use_subcommand -s h -l help -d 'print help'",
    "complete -c logspread -n __fish_use_subcommand -s V -l version -d 'print the version'",
  ];
  for (const c of commands) {
    const when = `-n '__fish_seen_subcommand_from ${c.name}'`;
    lines.push(`complete -c logspread -n __fish_use_subcommand -a ${c.name} -d ${fishQuote(c.summary)}`);
    lines.push(`complete -c logspread ${when} -s h -l help -d 'print help'`);
    for (const [name, option] of optionsOf(c)) {
      const short = option.short ? ` -s ${option.short}` : "";
      const value = option.type === "boolean" ? "" : ` -r${fishArguments(option.complete)}`;
      lines.push(`complete -c logspread ${when}${short} -l ${name}${value} -d ${fishQuote(option.help)}`);
    }
    const positionals = fishArguments(c.completePositionals);
    if (positionals !== "") lines.push(`complete -c logspread ${when}${positionals}`);
  }
  return `${lines.join("\n")}\n`;
}

function fishArguments(complete: Option["complete"]): string {
  if (complete === undefined) return "";
  if (complete === "file") return " -F";
  if (complete === "folder") return " -a '(__fish_complete_directories)'";
  return ` -a ${fishQuote(complete.join(" "))}`;
}

function optionsOf(command: Command): [string, Option][] {
  return Object.entries(command.options);
}

/** Single quotes for bash and zsh. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Inside its single quotes fish knows backslashes. */
function fishQuote(text: string): string {
  return `'${text.replace(/['\\]/g, "\\$&")}'`;
}
