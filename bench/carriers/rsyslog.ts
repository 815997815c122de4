import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Tools } from "../debian-tools.ts";
import type { Carrier } from "./carrier.ts";
import { tcpCarrier } from "./tcp.ts";

/**
 * The fastest settings found: the plain TCP input with a thread of its own, one worker behind a queue, its batches
 * written as they are. A second worker, asynchronous writing (a third thread) and longer queues were slower on two cores.
 */
export function rsyslog(tools: Tools): Carrier {
  return tcpCarrier("rsyslog", (folder, port, output) => {
    const config = join(folder, "rsyslog.conf");
    writeFileSync(
      config,
      `global(workDirectory="${folder}" parser.escapeControlCharactersOnReceive="off" net.enableDNS="off")
module(load="imptcp" threads="1")
template(name="line" type="string" string="%rawmsg%\\n")
ruleset(name="write" parser="rsyslog.rfc3164" queue.type="fixedArray" queue.size="20000" queue.dequeueBatchSize="4096"
        queue.workerThreads="1") {
  action(type="omfile" file="${output}" template="line" ioBufferSize="256k" asyncWriting="off")
}
input(type="imptcp" address="127.0.0.1" port="${port}" ruleset="write" supportOctetCountedFraming="off")
`,
    );
    const modules = join(tools.libraries, "rsyslog");
    const command = join(tools.root, "usr/sbin/rsyslogd");
    return { command, args: ["-n", "-f", config, "-i", join(folder, "pid"), "-M", modules], env: tools.env };
  });
}
