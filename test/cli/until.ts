import { setTimeout as sleep } from "node:timers/promises";

/** Resolves when `holds` does; looks every 20 ms, and gives up after 20 s. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 1000; tries++) {
    if (await holds()) return;
    await sleep(20);
  }
  throw new Error(`in 20 s it never held that ${holds}`);
}
