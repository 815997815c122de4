/** The programs that are measured: started, watched by what the kernel says of them, and ended. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";

/** What the kernel counts of a process, all its threads together. */
export interface Usage {
  readonly cpuSeconds: number;
  readonly rssMB: number;
  readonly peakRssMB: number;
}

export interface ProgramOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** A file descriptor for its standard input or output; nothing if not given. */
  readonly stdin?: number;
  readonly stdout?: number;
  /** File for what it says, standard error and, if not redirected, standard output. */
  readonly log: string;
}

export interface Program {
  readonly pid: number;
  readonly log: string;
  /** Resolves to its exit code, 128+n if a signal ended it. */
  readonly ended: Promise<number>;
  usage(): Usage;
  /** Sends the signal and waits for its end. */
  end(signal?: NodeJS.Signals): Promise<number>;
  /** What it said. */
  text(): string;
}

const running = new Set<ChildProcess>();

/** Kills what still runs, with all that it started, so that a failed benchmark leaves nothing behind. */
export function killAll(): void {
  for (const { pid } of running) if (pid !== undefined) process.kill(-pid, "SIGKILL");
}

export function start(command: string, args: readonly string[], options: ProgramOptions): Program {
  const log = openSync(options.log, "a");
  const child = spawn(command, args, {
    env: { ...process.env, ...options.env },
    detached: true, // a process group of its own, for killAll
    stdio: [options.stdin ?? "ignore", options.stdout ?? log, log],
  });
  closeSync(log);
  running.add(child);
  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      running.delete(child);
      resolve(code ?? (signal === "SIGKILL" ? 137 : 143));
    });
  });
  ended.catch(() => {});
  return {
    pid: child.pid ?? -1,
    log: options.log,
    ended,
    usage: () => usageOf(child.pid!),
    end(signal = "SIGTERM") {
      child.kill(signal);
      return ended;
    },
    text: () => readFileSync(options.log, "utf8"),
  };
}

/** Runs a program to its end; throws with what it said if it fails. */
export async function runToEnd(command: string, args: readonly string[], options: ProgramOptions): Promise<void> {
  const program = start(command, args, options);
  const code = await program.ended;
  if (code !== 0) throw new Error(`${command} ended with exit code ${code}: ${program.text().slice(-2000)}`);
}

/** Ticks of the kernel's clock for user space: 100 a second on Linux. */
const TICKS_A_SECOND = 100;

/** Of a process that runs now. */
export function usageOf(pid: number): Usage {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The name, in brackets, may hold anything; what follows it is state, ppid, ... utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const kB = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? Number.NaN);
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND,
    rssMB: kB("VmRSS") / 1024,
    peakRssMB: kB("VmHWM") / 1024,
  };
}
