import assert from "node:assert/strict";
import { basename } from "node:path";
import { type TestContext, test } from "node:test";
import type { Slot } from "../../src/bus/spool/slot.ts";
import { intakeIn, takeSlotFor } from "../../src/cli/publish-slot.ts";
import { Intake, type PipeId } from "../../src/inputs/intake.ts";
import { newProducer } from "../../src/message/batch.ts";
import { tempFolder } from "../temp.ts";

const labels = { producer: newProducer(), sender: "me@here", group: "web", groupField: 0 };

/** A publisher that holds a slot for a pipe, as far as others can see it. */
function hold(t: TestContext, root: string, pipe: PipeId): { slot: Slot; intake: Intake; die(): void } {
  const slot = takeSlotFor(root, "web", pipe, Date.now());
  const intake = new Intake(intakeIn(slot.folder), { labels, pipe, generation: Date.now(), report: () => {} });
  let alive = true;
  const die = () => {
    if (alive) intake.close();
    if (alive) slot.release();
    alive = false;
  };
  t.after(die);
  intake.takeOver(-1);
  return { slot, intake, die };
}

const [first, second, third] = [1, 2, 3].map((inode) => ({ inode, device: 9 })) as [PipeId, PipeId, PipeId];

test("a publisher that is killed is followed in its own slot, also when all that it had read was in the spool", (t) => {
  const root = tempFolder(t);
  const publishers = [hold(t, root, first), hold(t, root, second)];
  const folders = publishers.map(({ slot }) => slot.folder);
  for (const { intake, die } of publishers) {
    const region = { index: 0, generation: 0, at: 0 };
    intake.write(region, Buffer.from("a line\n"), false, 1, 0);
    intake.clear(region);
    die();
  }
  // Else its lines would overtake those that wait in the other slot.
  assert.equal(hold(t, root, second).slot.folder, folders[1]);
  assert.equal(hold(t, root, first).slot.folder, folders[0]);
});

test("a publisher that is killed before it has read anything is followed in its own slot", (t) => {
  const root = tempFolder(t);
  const publishers = [hold(t, root, first), hold(t, root, second)];
  for (const { die } of publishers) die();
  assert.equal(basename(hold(t, root, second).slot.folder), "web.1");
});

test("the slot of a pipe that was read to its end is taken at once by whoever comes", (t) => {
  const root = tempFolder(t);
  const ended = hold(t, root, first);
  ended.intake.forget();
  ended.die();
  assert.equal(hold(t, root, third).slot.folder, ended.slot.folder);
});
