/** Waits until `condition` holds, looking every few milliseconds; fails after `limitMs`. */
export async function waitFor(condition: () => boolean | Promise<boolean>, limitMs = 10_000): Promise<void> {
  const end = Date.now() + limitMs;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited ${limitMs} ms in vain for: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
