import { command, usageError } from "./command.ts";
import { EXIT } from "./exit.ts";
import { writerTo } from "./stdout.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;

export const completion = command({
  name: "completion",
  summary: "print a script that teaches a shell to complete logspread's commands and options",
  usage: "bash|zsh|fish",
  options: {},
  completePositionals: SHELLS,
  examples: [
    {
      line: "logspread completion bash > ~/.local/share/bash-completion/completions/logspread",
      does: "for bash, from its next start on",
    },
    { line: "logspread completion zsh > ~/.zfunc/_logspread", does: "for zsh, with ~/.zfunc in its $fpath" },
    { line: "logspread completion fish > ~/.config/fish/completions/logspread.fish", does: "for fish" },
  ],
  async run({ positionals }, io) {
    const shell = SHELLS.find((known) => known === positionals[0]);
    if (shell === undefined || positionals.length > 1) {
      throw usageError("logspread completion", "it takes the name of one shell", `Say one of ${SHELLS.join(", ")}`);
    }
    const { scripts } = await import("./completions.ts");
    const { commands } = await import("./commands.ts");
    const loaded = await Promise.all(commands.map((entry) => entry.load()));
    await writerTo(io.stdout)(scripts[shell](loaded));
    return EXIT.ok;
  },
});
