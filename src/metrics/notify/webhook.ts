/** Posts a notification; tries again while it makes sense. */
import { reasonOf } from "../../message/error.ts";
import type { WebhookConfig } from "./config.ts";

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 60_000;

/** Time and chance, so that tests need not wait. */
export interface Pauses {
  /** Resolves after `ms`; rejects when `signal` aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** 0 to 1, 1 excluded. */
  random(): number;
}

export type Posted = { readonly kind: "sent" } | { readonly kind: "failed"; readonly why: string };

/** Resolves when the server has taken `body` (a 2xx), or when it is given up. Rejects only when `signal` aborts. */
export async function post(config: WebhookConfig, body: string, pauses: Pauses, signal: AbortSignal): Promise<Posted> {
  for (let attempt = 1; ; attempt++) {
    const tried = await postOnce(config, body, signal);
    if (tried.kind === "sent") return tried;
    if (tried.kind === "refused" || attempt === config.attempts) {
      const tries = attempt === 1 ? "" : ` (${attempt} tries)`;
      return { kind: "failed", why: tried.why + tries };
    }
    const waitMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempt - 1));
    await pauses.sleep(waitMs * (0.5 + pauses.random()), signal);
  }
}

type Tried = { kind: "sent" } | { kind: "refused"; why: string } | { kind: "again"; why: string };

async function postOnce({ url, headers, timeout }: WebhookConfig, body: string, signal: AbortSignal): Promise<Tried> {
  signal.throwIfAborted();
  const deadline = AbortSignal.timeout(timeout);
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body,
      // The answer to a redirect would go to a place that nobody configured, with the headers.
      redirect: "manual",
      signal: AbortSignal.any([signal, deadline]),
    });
    await response.body?.cancel();
    if (response.ok) return { kind: "sent" };
    const why = `it answered ${response.status}`;
    const temporary = response.status >= 500 || response.status === 408 || response.status === 429;
    return { kind: temporary ? "again" : "refused", why };
  } catch (error) {
    signal.throwIfAborted();
    if (deadline.aborted) return { kind: "again", why: `no answer within ${timeout} ms` };
    return { kind: "again", why: reasonOf((error as Error).cause ?? error) };
  }
}
