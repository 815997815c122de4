import type { Bus } from "../bus/bus.ts";
import type { Report } from "../message/report.ts";
import { harmlessText } from "../outputs/harmless.ts";
import type { Io } from "./command.ts";

/** A person waits: a node that does not answer at once is most probably not there. */
const PROBE_MS = 500;

/** A command that ends by itself gives up when no node has answered for so long. */
const GIVE_UP_MS = 30_000;

/**
 * A bus at the first of `nodes` that answers. Rejects with BUS_UNREACHABLE at once if none does; later, a patient one
 * waits for as long as it takes.
 */
export async function openNodes(nodes: readonly string[], io: Io, { patient }: { patient: boolean }): Promise<Bus> {
  const { remote } = await import("../bus/remote/remote.ts");
  const probe = remote({ nodes, giveUpAfterMs: PROBE_MS }, { report: () => {} }); // What fails is told by its error.
  try {
    await probe.status();
  } finally {
    await probe.close();
  }
  const report: Report = (_, text) => void io.stderr.write(`logspread: ${harmlessText(text)}\n`);
  return remote({ nodes, giveUpAfterMs: patient ? Number.POSITIVE_INFINITY : GIVE_UP_MS }, { report });
}
