/** Real Apaches that differ only in where their access log goes, and `ab` to keep them busy. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort, untilListening } from "./ports.ts";
import { type Program, start, usageOf } from "./program.ts";

export const APACHE = "/usr/sbin/apache2";
const MODULES = "/usr/lib/apache2/modules";
/** Connections at once. */
export const CONCURRENCY = 32;

const exec = promisify(execFile);

export type Log = "publisher" | "cat" | "file";
export type KeepAlive = "off" | "on";

export interface Server {
  readonly name: Log;
  readonly port: number;
  readonly program: Program;
  /** CPU seconds of the program that reads its access log; 0 if none does. */
  readonly logger: () => number;
  /** Requests that its log should hold. */
  requests: number;
}

/** `ab`, and what it needs in its environment. */
export interface Ab {
  readonly command: string;
  readonly env: NodeJS.ProcessEnv;
}

export interface Answered {
  readonly perSecond: number;
  readonly longestMs: number;
}

/** Starts one in `folder`; `log` is what CustomLog says. Resolves when it answers. */
export async function startApache(folder: string, name: Log, log: string): Promise<Server> {
  const root = join(folder, name);
  mkdirSync(join(root, "htdocs"), { recursive: true });
  writeFileSync(join(root, "htdocs", "index.html"), "hello\n");
  const port = await freePort();
  const modules = ["mpm_event", "authz_core"].map(
    (module) => `LoadModule ${module}_module ${MODULES}/mod_${module}.so`,
  );
  const user = userInfo().uid === 0 ? "User www-data\nGroup www-data\n" : "";
  writeFileSync(
    join(root, "apache.conf"),
    `${modules.join("\n")}
ServerRoot "${root}"
ServerName localhost
Listen 127.0.0.1:${port}
PidFile "${root}/pid"
DefaultRuntimeDir "${root}"
DocumentRoot "${root}/htdocs"
# One process with room: where threads run short, or a superfluous process goes, Apache closes kept connections.
StartServers 1
ServerLimit 1
ThreadLimit ${4 * CONCURRENCY}
ThreadsPerChild ${4 * CONCURRENCY}
MaxRequestWorkers ${4 * CONCURRENCY}
${user}KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 60
ErrorLog "${root}/error.log"
LogLevel warn
LogFormat "%h %l %u %t \\"%r\\" %>s %b \\"%{Referer}i\\" \\"%{User-Agent}i\\"" combined
CustomLog ${log} combined
`,
  );
  const program = start(APACHE, ["-f", join(root, "apache.conf"), "-DFOREGROUND"], { log: join(root, "log") });
  const errorLog = join(root, "error.log");
  const said = () => program.text() + (existsSync(errorLog) ? readFileSync(errorLog, "utf8") : "");
  await untilListening(port, said);
  return { name, port, program, logger: () => (name === "file" ? 0 : loggerCpu(program.pid)), requests: 0 };
}

/** CPU seconds of the program that an Apache pipes its log to: its only child that is no Apache. */
function loggerCpu(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").split(" ").filter(Boolean);
  const logger = children.find((child) => readFileSync(`/proc/${child}/comm`, "latin1").trim() !== "apache2");
  return usageOf(Number(logger)).cpuSeconds;
}

/** Sends requests by `ab`; throws if one was not answered well. */
export async function visit(ab: Ab, server: Server, keepAlive: KeepAlive, requests: number): Promise<Answered> {
  const options = ["-q", "-n", String(requests), "-c", String(CONCURRENCY), ...(keepAlive === "on" ? ["-k"] : [])];
  const { stdout } = await exec(ab.command, [...options, `http://127.0.0.1:${server.port}/index.html`], {
    env: { ...process.env, ...ab.env },
  });
  server.requests += requests;
  const found = (name: string) => Number(new RegExp(`^${name}:\\s+([\\d.]+)`, "m").exec(stdout)?.[1]);
  // The line about other answers than 200 is only there if there were some.
  const good = found("Complete requests") === requests && found("Failed requests") === 0 && !/^Non-2xx/m.test(stdout);
  if (!good) throw new Error(`not every request was answered well: ${stdout}`);
  return { perSecond: found("Requests per second"), longestMs: Number(/^ 100%\s+(\d+)/m.exec(stdout)?.[1]) };
}
