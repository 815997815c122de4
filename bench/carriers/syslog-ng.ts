import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Tools } from "../debian-tools.ts";
import type { Carrier } from "./carrier.ts";
import { tcpCarrier } from "./tcp.ts";

/** The fastest settings found: no parsing, flow control, batches of a thousand; with ten thousand it was slower. */
export function syslogNg(tools: Tools): Carrier {
  return tcpCarrier("syslog-ng", (folder, port, output) => {
    const config = join(folder, "syslog-ng.conf");
    writeFileSync(
      config,
      `@version: 3.38
options { threaded(yes); chain-hostnames(no); use-dns(no); dns-cache(no); keep-hostname(yes); stats-freq(0); };
source tcp { network(ip("127.0.0.1") port(${port}) transport("tcp") flags(no-parse)
  log-iw-size(20000) log-fetch-limit(1000)); };
destination file { file("${output}" template("$MSG\\n") flush-lines(1000) log-fifo-size(40000)); };
log { source(tcp); destination(file); flags(flow-control); };
`,
    );
    const libraries = join(tools.root, "usr/lib/syslog-ng");
    const version = readdirSync(libraries, { withFileTypes: true }).find((entry) => entry.isDirectory());
    if (version === undefined) throw new Error(`${libraries} holds no modules`);
    const file = (option: string, name: string) => `--${option}=${join(folder, name)}`;
    const args = ["-F", "--no-caps", "-f", config, `--module-path=${join(libraries, version.name)}`];
    const own = [file("pidfile", "pid"), file("control", "control"), file("persist-file", "persist")];
    return { command: join(tools.root, "usr/sbin/syslog-ng"), args: [...args, ...own], env: tools.env };
  });
}
