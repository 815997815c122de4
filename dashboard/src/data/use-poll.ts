import { useEffect, useState } from "preact/hooks";

/**
 * The latest answer of `address`, asked for again every `everyMs`; undefined until the first one, and while there is no
 * address. What fails is tried again: the header says that the node is away.
 */
export function usePoll<T>(
  address: string | undefined,
  everyMs: number,
  get: (address: string, signal: AbortSignal) => Promise<T>,
): T | undefined {
  const [got, setGot] = useState<{ address: string; value: T }>();
  useEffect(() => {
    if (address === undefined) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async () => {
      try {
        const value = document.hidden ? undefined : await get(address, abort.signal);
        if (value !== undefined && !abort.signal.aborted) setGot({ address, value });
      } catch {
        // See above.
      }
      if (!abort.signal.aborted) timer = setTimeout(ask, everyMs);
    };
    void ask();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [address, everyMs, get]);
  return got !== undefined && address !== undefined ? got.value : undefined;
}
