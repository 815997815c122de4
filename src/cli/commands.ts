/** The one list of commands. `load` keeps what a command needs out of the start of every other. */
import type { Command } from "./command.ts";

export interface Entry {
  readonly name: string;
  /**
   * What SIGHUP does: `survive` for what runs as a service (it may come before the command is loaded, so main.ts listens
   * first), `end` for what runs at a terminal, whose closing sends it.
   */
  readonly hangup: "survive" | "end";
  /** Whether compiled code is kept for the next start: 30 ms faster, and 2 MB that a publisher at every web server saves. */
  readonly cached: boolean;
  load(): Promise<Command>;
}

export const commands: readonly Entry[] = [
  { name: "up", hangup: "survive", cached: true, load: async () => (await import("./up.ts")).up },
  { name: "publish", hangup: "survive", cached: false, load: async () => (await import("./publish.ts")).publish },
  { name: "tail", hangup: "end", cached: true, load: async () => (await import("./tail.ts")).tail },
  { name: "groups", hangup: "end", cached: true, load: async () => (await import("./groups.ts")).groups },
  { name: "mon", hangup: "end", cached: true, load: async () => (await import("./mon.ts")).mon },
  { name: "check", hangup: "end", cached: true, load: async () => (await import("./check.ts")).check },
  { name: "verify", hangup: "end", cached: true, load: async () => (await import("./verify.ts")).verify },
  { name: "formats", hangup: "end", cached: true, load: async () => (await import("./formats.ts")).formats },
  { name: "parse", hangup: "end", cached: true, load: async () => (await import("./parse.ts")).parse },
  { name: "report", hangup: "end", cached: true, load: async () => (await import("./report.ts")).report },
  { name: "demo", hangup: "end", cached: true, load: async () => (await import("./demo.ts")).demo },
  { name: "completion", hangup: "end", cached: true, load: async () => (await import("./completion.ts")).completion },
];
