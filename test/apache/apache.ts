import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { linesOf } from "../end-to-end/node-process.ts";
import { freePort } from "../end-to-end/port.ts";
import { publishersOf } from "../end-to-end/processes.ts";
import { tempFolder } from "../temp.ts";
import { waitFor } from "../wait.ts";

const APACHE = "/usr/sbin/apache2";
const MODULES = "/usr/lib/apache2/modules";

export interface ApacheSetup {
  /** Appears in every path that is asked for, so that the server's lines are known in a file of several. */
  readonly name: string;
  /**
   * `event`: Debian's own choice, many threads: two of them may write to one log in another order than to another.
   * `prefork`, here with one process: whatever is logged has one order, in each log. It takes one connection at a time.
   */
  readonly mpm: "event" | "prefork";
  /** What stands in the configuration about logging. */
  readonly logging: string;
}

/** Why these tests cannot run here, or false. As root only: the point is that Apache starts its piped programs as root. */
export const skipApache =
  process.getuid?.() !== 0
    ? "needs root, as Apache does to start its publishers as root"
    : !existsSync(APACHE) && "needs Debian's apache2-bin";

/** A real Debian Apache in a folder of its own. It goes with the test. */
export class Apache {
  readonly folder: string;
  readonly url: string;
  readonly name: string;
  #child: ChildProcess | undefined;

  private constructor(folder: string, url: string, name: string) {
    this.folder = folder;
    this.url = url;
    this.name = name;
  }

  /** Configures an Apache on a free port, and starts it. */
  static async start(t: TestContext, setup: ApacheSetup): Promise<Apache> {
    const folder = tempFolder(t);
    chmodSync(folder, 0o755); // www-data reads the pages
    const port = await freePort();
    const apache = new Apache(folder, `http://127.0.0.1:${port}`, setup.name);
    const site = join(folder, "htdocs", setup.name);
    mkdirSync(site, { recursive: true });
    writeFileSync(join(site, "page"), "hello\n");
    writeFileSync(join(site, "slow"), Buffer.alloc(SLOW_BYTES, "."));
    writeFileSync(join(folder, "apache.conf"), configuration(folder, port, setup));
    t.after(() => apache.kill());
    await apache.start();
    return apache;
  }

  /** What Apache itself wrote to a file beside the pipe: what happened, in truth. */
  plainLines(): string[] {
    return linesOf(join(this.folder, "plain.log"));
  }

  /** What is in its error log, unless that is a pipe too. */
  errors(): string {
    return linesOf(join(this.folder, "error.log")).join("\n");
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  /** Starts it, again if it was stopped; resolves when it answers. */
  async start(): Promise<void> {
    // In a session of its own: prefork sends its signals to its whole process group.
    const child = spawn(APACHE, [...this.#where(), "-DFOREGROUND"], { detached: true, stdio: "ignore" });
    this.#child = child;
    await waitFor(async () => {
      if (child.exitCode !== null) throw new Error(`Apache ended with ${child.exitCode}: ${this.errors()}`);
      return existsSync(join(this.folder, "apache.pid")) && this.#answers();
    });
  }

  #answers(): Promise<boolean> {
    return new Promise((resolve) => {
      http
        .get(`${this.url}/${this.name}/started`, { agent: false }, (response) => {
          response.resume().on("end", () => resolve(true));
        })
        .on("error", () => resolve(false));
    });
  }

  /** `apachectl graceful`: resolves when the new generation is there, by default: its publishers. */
  async graceful(isThere?: () => boolean): Promise<void> {
    const before = new Set(this.publishers());
    this.#tell("graceful");
    await waitFor(isThere ?? (() => this.publishers().some((pid) => !before.has(pid))));
  }

  /** `apachectl stop`: resolves when Apache is gone. Publishers may still be finishing. */
  async stop(how: "stop" | "graceful-stop" = "stop"): Promise<void> {
    const exited = once(this.#child!, "exit");
    this.#tell(how);
    await exited;
  }

  #tell(what: string): void {
    const { status, stderr } = spawnSync(APACHE, [...this.#where(), "-k", what], { encoding: "utf8" });
    if (status !== 0) throw new Error(`apache2 -k ${what}: ${stderr}`);
  }

  #where(): string[] {
    return ["-d", this.folder, "-f", join(this.folder, "apache.conf")];
  }

  /** Process ids of the publishers that this Apache has started and not yet seen ending. */
  publishers(): number[] {
    return publishersOf(this.pid);
  }

  /** kill -9 for Apache and all that it started. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child?.pid === undefined) return;
    const gone = child.exitCode !== null || child.signalCode !== null ? undefined : once(child, "exit");
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
    await gone;
  }
}

const COMBINED = `%h %l %u %t \\"%r\\" %>s %O \\"%{Referer}i\\" \\"%{User-Agent}i\\"`;

/** At SLOW_KIB_PER_S a request for it takes about two seconds, longer than a graceful restart needs. */
const SLOW_BYTES = 200 * 1024;
const SLOW_KIB_PER_S = 100;

function configuration(folder: string, port: number, { mpm, logging }: ApacheSetup): string {
  const modules = [`mpm_${mpm}`, "authz_core", "env", "logio", "ratelimit", "unixd"];
  const loaded = modules
    .filter((name) => existsSync(join(MODULES, `mod_${name}.so`))) // some are compiled in
    .map((name) => `LoadModule ${name}_module ${join(MODULES, `mod_${name}.so`)}`);
  const sized = {
    event: ["StartServers 2", "ThreadsPerChild 16", "MaxRequestWorkers 64"],
    prefork: ["StartServers 1", "MinSpareServers 1", "MaxSpareServers 1", "MaxRequestWorkers 1"],
  };
  return [
    `ServerRoot ${folder}`,
    `ServerName ${new URL(`http://127.0.0.1:${port}`).hostname}`,
    `Listen 127.0.0.1:${port}`,
    `PidFile ${join(folder, "apache.pid")}`,
    `DefaultRuntimeDir ${folder}`,
    ...loaded,
    "User www-data",
    "Group www-data",
    ...sized[mpm],
    `DocumentRoot ${join(folder, "htdocs")}`,
    `ErrorLog ${join(folder, "error.log")}`,
    "LogLevel warn",
    `<LocationMatch "/slow$">`,
    "  SetOutputFilter RATE_LIMIT",
    `  SetEnv rate-limit ${SLOW_KIB_PER_S}`,
    "</LocationMatch>",
    `LogFormat "${COMBINED}" combined`,
    // Which thread wrote it: what one thread logs has one order, in each log.
    `LogFormat "${COMBINED} %{pid}P:%{tid}P" combined_thread`,
    logging,
    "",
  ].join("\n");
}
