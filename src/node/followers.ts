/** Who reads the bus just now, and how far behind each is. */
import type { Bus, BusStatus, Subscription } from "../bus/bus.ts";
import type { Delivery } from "../message/delivery.ts";
import { groupMatcher } from "../message/names.ts";

/** One subscription while it lasts. */
export interface Follower {
  readonly name: string;
  readonly groups: readonly string[];
  readonly follow: boolean;
  /** Last position that it was given; undefined before the first. */
  position: number | undefined;
}

export interface Lag {
  readonly follower: Follower;
  /** Positions between what it was given and the last one of its groups. */
  readonly positions: number;
}

export class Followers {
  readonly #all = new Set<Follower>();

  get count(): number {
    return this.#all.size;
  }

  add(name: string, what: Subscription, status: BusStatus): Follower {
    const { groups, from, follow } = what;
    // One that starts at the end has nothing to catch up with; any other has, until it is given something.
    const position = from === "new" ? status.lastPosition : undefined;
    const follower: Follower = { name, groups, follow, position };
    this.#all.add(follower);
    return follower;
  }

  delete(follower: Follower): void {
    this.#all.delete(follower);
  }

  /** How far behind each one is; a follower of one group does not lag behind the others. */
  lags(status: BusStatus): Lag[] {
    return [...this.#all].map((follower) => {
      const position = follower.position ?? status.firstPosition - 1;
      return { follower, positions: Math.max(0, lastPositionOf(follower, status) - position) };
    });
  }

  /** The last position of the groups that the follower `name` reads; undefined while it reads none. */
  lastPositionFor(name: string, status: BusStatus): number | undefined {
    const mine = [...this.#all].filter((follower) => follower.name === name);
    return mine.length === 0 ? undefined : Math.max(...mine.map((follower) => lastPositionOf(follower, status)));
  }
}

function lastPositionOf({ groups }: Follower, status: BusStatus): number {
  const wanted = groupMatcher(groups);
  let last = 0;
  for (const { group, lastPosition } of status.groups) if (wanted(group)) last = Math.max(last, lastPosition);
  return last;
}

/** `bus` as the output `name` sees it: what it reads is told to `followers`. */
export function followedBus(bus: Bus, name: string, followers: Followers): Bus {
  return {
    publish: (batch) => bus.publish(batch),
    cursor: (cursor) => bus.cursor(cursor),
    status: () => bus.status(),
    close: () => bus.close(),
    subscribe: (what, signal) => followed(bus, what, signal, name, followers),
  };
}

async function* followed(
  bus: Bus,
  what: Subscription,
  signal: AbortSignal,
  name: string,
  followers: Followers,
): AsyncGenerator<Delivery> {
  const follower = followers.add(name, what, await bus.status());
  try {
    for await (const delivery of bus.subscribe(what, signal)) {
      yield delivery;
      // Only now, when the output asks for the next, is it done with this one.
      follower.position = delivery.kind === "gap" ? delivery.last : delivery.position;
    }
  } finally {
    followers.delete(follower);
  }
}
