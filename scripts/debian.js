/** The Debian programs that the tests drive; a test that talks to the real thing needs the real thing. */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { Failure, run, script } from "./run.js";

/** The one list. `program` tells whether it is there; `why` is for whoever wonders. */
const NEEDED = [
  { program: "/usr/sbin/apache2", package: "apache2-bin", why: "real web servers log through the publisher" },
  {
    program: "/usr/sbin/logrotate",
    package: "logrotate",
    why: "the file output goes on after logrotate renamed a file",
  },
  {
    program: "/usr/bin/strace",
    package: "strace",
    why: "that fdatasync comes before the acknowledgement is seen from outside",
  },
  { program: "/usr/bin/curl", package: "curl", why: "the documented commands are run as they stand" },
  {
    program: "/usr/bin/python3",
    package: "python3-minimal",
    why: "its pty module is a terminal for the monitor's tests",
  },
  { program: "/usr/sbin/nginx", package: "nginx", why: "its log lines, as it writes them, are parsed" },
  { program: "/usr/sbin/haproxy", package: "haproxy", why: "its log lines, as it writes them, are parsed" },
  { program: "/usr/bin/goaccess", package: "goaccess", why: "`logspread tail GROUP | goaccess -` is promised to work" },
  { program: "/usr/bin/chromium", package: "chromium", why: "the dashboard is tested in a real browser" },
];

/** Asked by Debian's packages before they start a service; 101 forbids it. */
const POLICY = "/usr/sbin/policy-rc.d";

/** Installs what is missing. Throws a Failure that says what to install where that cannot be done from here. */
export async function debianPrograms() {
  const missing = NEEDED.filter(({ program }) => !existsSync(program));
  if (missing.length === 0) return;
  const packages = missing.map((needed) => needed.package);
  const list = missing.map(({ program, why }) => `  ${program}: ${why}`).join("\n");
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) {
    throw new Failure(
      `the tests need programs that are not here:\n${list}\n` +
        `On Debian or Ubuntu install them with: sudo apt-get install --no-install-recommends ${packages.join(" ")}`,
    );
  }
  console.error(`debian: installing ${packages.join(", ")}, which the tests need`);
  await withoutServices(async () => {
    await aptGet("update", "-qq");
    await aptGet("install", "-qq", "-y", "--no-install-recommends", ...packages);
  });
}

async function aptGet(...args) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const code = await run("apt-get", args, { env, stdio: ["ignore", 2, 2] });
  if (code !== 0) throw new Failure(`apt-get ${args.join(" ")} failed with exit code ${code}; see above`);
}

/** Runs `work` while no package may start a service; leaves the machine's own policy alone if it has one. */
async function withoutServices(work) {
  if (existsSync(POLICY)) return work();
  writeFileSync(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755, flag: "wx" });
  try {
    return await work();
  } finally {
    rmSync(POLICY, { force: true });
  }
}

await script(import.meta, "debian", async () => {
  await debianPrograms();
  return 0;
});
