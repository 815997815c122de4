import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { basename } from "node:path";
import { test } from "node:test";
import { takeSlot } from "../../../src/bus/spool/slot.ts";
import { tempFolder } from "../../temp.ts";

const any = () => 0;

test("the first free slot is taken, and a slot that is held is left alone", async (t) => {
  const root = tempFolder(t);
  const slot = `import { takeSlot } from "${new URL("../../../src/bus/spool/slot.ts", import.meta.url)}";
    const slot = takeSlot(process.argv[1], "web", () => 0);
    console.log(slot.folder);
    setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ["--input-type=module", "-e", slot, root], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => holder.kill("SIGKILL"));
  const [folder] = await once(holder.stdout, "data");
  assert.equal(basename(String(folder).trim()), "web.0");
  const second = takeSlot(root, "web", any);
  assert.equal(basename(second.folder), "web.1");
  holder.kill("SIGKILL");
  await once(holder, "exit");
  const third = takeSlot(root, "web", any);
  assert.equal(basename(third.folder), "web.0", "the lock died with its holder");
  second.release();
  third.release();
});

test("the slot of the best rank is taken; one that is ranked out never is", (t) => {
  const root = tempFolder(t);
  const slots = [0, 1, 2].map(() => takeSlot(root, "web", () => undefined));
  for (const slot of slots) slot.release();
  const ranks = new Map([
    ["web.0", undefined],
    ["web.1", 2],
    ["web.2", 1],
  ]);
  const slot = takeSlot(root, "web", (folder) => ranks.get(basename(folder)));
  assert.equal(basename(slot.folder), "web.2");
  slot.release();
});

test("slots of another name are others' slots", (t) => {
  const root = tempFolder(t);
  takeSlot(root, "web.1", any).release();
  const slot = takeSlot(root, "web", any);
  assert.equal(basename(slot.folder), "web.0");
  slot.release();
});
