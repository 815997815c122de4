/** What the bus's ledger knows of the producers of some lines. */
import { HttpNode } from "../bus/remote/http-node.ts";
import { reasonOf } from "../message/error.ts";
import type { Compared } from "../verify/verify.ts";

export interface LedgerLoss {
  readonly sender: string;
  readonly producer: string;
  /** Messages that the producer reported as dropped, by reason. */
  readonly lost: Readonly<Record<string, number>>;
  /** Batches that it numbered and that never came. */
  readonly missingBatches: number;
}

export type LedgerAnswer =
  | { readonly kind: "known"; readonly losses: readonly LedgerLoss[] }
  | { readonly kind: "unknown"; readonly why: string };

const MINUTE_US = 60_000_000;

/** Asks the first of `nodes` that answers for the minutes that were compared. */
export async function ledgerOf(nodes: readonly string[], { range, producers }: Compared): Promise<LedgerAnswer> {
  if (range === undefined) return { kind: "known", losses: [] };
  const from = timeOf(Math.floor(range.firstUs / MINUTE_US) * MINUTE_US);
  const to = timeOf((Math.floor(range.lastUs / MINUTE_US) + 1) * MINUTE_US);
  const path = `/v1/ledger?${new URLSearchParams({ from, to })}`;
  let why = "no node answered";
  for (const name of nodes) {
    const node = new HttpNode(name);
    try {
      const { status, body } = await node.ask({ method: "GET", path }, new AbortController().signal);
      if (status !== 200) {
        why = `${name} answered ${status}`;
        continue;
      }
      const sum = JSON.parse(body.toString()) as { producers: readonly LedgerLoss[]; truncated: boolean };
      if (sum.truncated) return { kind: "unknown", why: "there were more producers than the ledger tells apart" };
      const eventful = sum.producers.filter(
        ({ lost, missingBatches }) => missingBatches > 0 || Object.values(lost).some((messages) => messages > 0),
      );
      return { kind: "known", losses: eventful.filter(({ producer }) => producers.has(producer)) };
    } catch (error) {
      why = `${name}: ${reasonOf(error)}`;
    } finally {
      node.close();
    }
  }
  return { kind: "unknown", why };
}

function timeOf(us: number): string {
  return new Date(us / 1000).toISOString();
}
