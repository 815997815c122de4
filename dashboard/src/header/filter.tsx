import { visible } from "../text/visible.ts";
import { Menu } from "./menu.tsx";

interface Props {
  readonly id: string;
  /** "groups" or "servers". */
  readonly of: string;
  readonly names: readonly string[];
  /** None: all of them. */
  readonly chosen: readonly string[];
  readonly choose: (names: readonly string[]) => void;
}

/** Chooses some of many names. */
export function Filter({ id, of, names, chosen, choose }: Props) {
  const all = [...new Set([...names, ...chosen])].sort(byName);
  const label =
    chosen.length === 0 ? `All ${of}` : chosen.length === 1 ? visible(chosen[0]!, 24) : `${chosen.length} ${of}`;
  const toggle = (name: string) =>
    choose(chosen.includes(name) ? chosen.filter((other) => other !== name) : [...chosen, name]);
  return (
    <Menu id={id} title={`Choose ${of}`} active={chosen.length > 0} label={label}>
      {(close) => (
        <>
          <ul class="choices">
            {all.length === 0 && <li class="dim">none seen yet</li>}
            {all.map((name) => (
              <li key={name}>
                <label>
                  <input type="checkbox" checked={chosen.includes(name)} onChange={() => toggle(name)} />
                  <bdi>{visible(name, 80)}</bdi>
                </label>
              </li>
            ))}
          </ul>
          <button
            type="button"
            class="control wide"
            disabled={chosen.length === 0}
            onClick={() => {
              choose([]);
              close();
            }}
          >
            Show all {of}
          </button>
        </>
      )}
    </Menu>
  );
}

const byName = new Intl.Collator("en", { numeric: true }).compare;
