import { open } from "node:fs/promises";

/** Makes the creation, renaming or deletion of a file in `folder` durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
