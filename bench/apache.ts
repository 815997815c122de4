import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Benchmark, Surroundings } from "./benchmark.ts";
import { debianTools } from "./debian-tools.ts";
import { GROUP, type NodeUnderTest, startNode } from "./logspread/node.ts";
import { freePort, untilListening } from "./ports.ts";
import { type Program, start } from "./program.ts";
import { median } from "./statistics.ts";
import { until } from "./wait.ts";

const APACHE = "/usr/sbin/apache2";
const MODULES = "/usr/lib/apache2/modules";
const CONCURRENCY = 32;
/** Requests of one measurement, by whether connections are kept: about two seconds of either. */
const REQUESTS = { off: 20_000, on: 50_000 };
const MIN_ROUNDS = 7;

const exec = promisify(execFile);

/** An Apache that differs from the others only in where its access log goes. */
interface Server {
  readonly name: "publisher" | "cat" | "file";
  readonly port: number;
  readonly program: Program;
  /** Requests that its log should hold. */
  requests: number;
}

type KeepAlive = keyof typeof REQUESTS;

export const apache: Benchmark = {
  name: "apache",
  measures: "requests/s of Apache (mpm_event, a tiny static file, CPU saturated) with three kinds of access log",
  doesNotMeasure: [
    "a web server on a machine of its own: `ab`, the publisher, the node and Apache share this machine's cores",
    "requests that take work: with a tiny file the log's share of each request is as large as it gets",
    "which request is in the log, only how many: test/apache proves each one's arrival",
  ],

  async run(surroundings) {
    if (!existsSync(APACHE))
      return { tables: [], targets: [], faults: [], missing: [`everything: there is no ${APACHE}`] };
    const tools = await debianTools(["apache2-utils"], surroundings.say);
    const ab = { command: join(tools.root, "usr/bin/ab"), env: tools.env };
    const { folder } = surroundings;
    const node = await startNode(surroundings, join(folder, "node"), { file: join(folder, "consolidated") });
    const servers = [
      await startApache(surroundings, "publisher", publisherLog(surroundings, node)),
      await startApache(surroundings, "cat", `"|$exec cat >/dev/null"`),
      await startApache(surroundings, "file", `"${join(folder, "file", "access.log")}"`),
    ];
    const { short } = surroundings;
    const rounds = short ? 1 : Math.max(MIN_ROUNDS, surroundings.rounds);
    const rates = new Map<string, number[]>();
    // Once round for warming up, not counted.
    for (let round = 0; round <= rounds; round++) {
      for (const keepAlive of ["off", "on"] as const) {
        for (const server of servers) {
          const rate = await requestsPerSecond(ab, server, keepAlive, short ? 2000 : REQUESTS[keepAlive]);
          if (round === 0) continue;
          const key = `${server.name} ${keepAlive}`;
          rates.set(key, [...(rates.get(key) ?? []), rate]);
        }
      }
      surroundings.say(`round ${round} of ${rounds}`);
    }
    const faults = await stopAndCount(servers, folder);
    await node.program.end();
    const rate = (name: Server["name"], keepAlive: KeepAlive) => median(rates.get(`${name} ${keepAlive}`)!);
    /** The median of the rounds' own ratios: what disturbs one round disturbs both its sides. */
    const against = (name: Server["name"], keepAlive: KeepAlive) => {
      const others = rates.get(`${name} ${keepAlive}`)!;
      return median(rates.get(`publisher ${keepAlive}`)!.map((own, round) => (100 * own) / others[round]!));
    };
    const modes: readonly KeepAlive[] = ["off", "on"];
    return {
      tables: modes.map((keepAlive) => ({
        title: `keep-alive ${keepAlive}, ${CONCURRENCY} at once, medians of ${rounds} rounds in turn`,
        columns: ["log", "requests/s", "slowest", "fastest", "the publisher's Apache reaches"],
        rows: servers.map(({ name }) => {
          const all = rates.get(`${name} ${keepAlive}`)!;
          const ratio = name === "publisher" ? "" : `${against(name, keepAlive).toFixed(1)} %`;
          return [name, rate(name, keepAlive), Math.min(...all), Math.max(...all), ratio];
        }),
      })),
      targets: modes.flatMap((keepAlive) => [
        target(`against cat, keep-alive ${keepAlive}`, against("cat", keepAlive), 97),
        target(`against a plain file, keep-alive ${keepAlive}`, against("file", keepAlive), 93),
      ]),
      faults,
    };
  },
};

function target(what: string, got: number, atLeast: number) {
  return { what, got, wanted: { atLeast }, unit: "%" };
}

function publisherLog({ node, program, folder }: Surroundings, { url }: NodeUnderTest): string {
  const spool = join(folder, "spool");
  return `"|${node} ${program} publish --group ${GROUP} --to ${url} --spool ${spool}"`;
}

async function startApache({ folder }: Surroundings, name: Server["name"], log: string): Promise<Server> {
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
${user}KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 5
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
  return { name, port, program, requests: 0 };
}

async function requestsPerSecond(
  ab: { command: string; env: NodeJS.ProcessEnv },
  server: Server,
  keepAlive: KeepAlive,
  requests: number,
): Promise<number> {
  const options = ["-q", "-n", String(requests), "-c", String(CONCURRENCY), ...(keepAlive === "on" ? ["-k"] : [])];
  const { stdout } = await exec(ab.command, [...options, `http://127.0.0.1:${server.port}/index.html`], {
    env: { ...process.env, ...ab.env },
  });
  server.requests += requests;
  const found = (name: string) => Number(new RegExp(`^${name}:\\s+([\\d.]+)`, "m").exec(stdout)?.[1]);
  if (found("Complete requests") !== requests || found("Failed requests") !== 0)
    throw new Error(`ab failed: ${stdout}`);
  return found("Requests per second");
}

async function stopAndCount(servers: readonly Server[], folder: string): Promise<string[]> {
  const logs = { publisher: join(folder, "consolidated"), file: join(folder, "file", "access.log") };
  const faults: string[] = [];
  for (const { name, requests, program } of servers) {
    if (name !== "cat") {
      const lines = () => (existsSync(logs[name]) ? countLines(logs[name]) : 0);
      await until(`the log of ${name}`, () => lines() >= requests, 10_000).catch(() => {});
      if (lines() !== requests) faults.push(`${name}: ${lines()} lines for ${requests} requests`);
    }
    await program.end();
  }
  return faults;
}

function countLines(path: string): number {
  const bytes = readFileSync(path);
  let count = 0;
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) count++;
  return count;
}
