import { useState } from "preact/hooks";
import { type Range, SHORTEST_S, SPANS } from "../data/view.ts";
import { clockMinutes, fromLocalInput, localInput, moment } from "../text/moment.ts";
import { Menu } from "./menu.tsx";

interface Props {
  readonly range: Range;
  readonly choose: (range: Range) => void;
}

/** The time that is shown: one of the usual lengths up to now, or from one moment to another. */
export function RangePicker({ range, choose }: Props) {
  const custom = range.kind === "fixed" ? `${moment(range.fromS)} – ${clockMinutes(range.toS)}` : "Custom";
  return (
    <div class="range">
      <fieldset class="segments" aria-label="Time range">
        {SPANS.map(({ spanS, label, words }) => (
          <button
            type="button"
            key={label}
            title={words}
            aria-label={words}
            aria-pressed={range.kind === "last" && range.spanS === spanS}
            onClick={() => choose({ kind: "last", spanS })}
          >
            {label}
          </button>
        ))}
      </fieldset>
      <Menu id="custom-range" title="From one moment to another" active={range.kind === "fixed"} label={custom}>
        {(close) => (
          <Moments
            range={range}
            verb="Show"
            done={(fromS, toS) => {
              choose({ kind: "fixed", fromS, toS });
              close();
            }}
          />
        )}
      </Menu>
    </div>
  );
}

interface MomentsProps {
  readonly range: Range;
  readonly verb: string;
  readonly done: (fromS: number, toS: number) => void;
}

function Moments({ range, verb, done }: MomentsProps) {
  const [start] = useState(() => edgesOf(range));
  const [from, setFrom] = useState(localInput(start.fromS));
  const [to, setTo] = useState(localInput(start.toS));
  const fromS = fromLocalInput(from);
  const toS = fromLocalInput(to);
  const fault =
    fromS === undefined || toS === undefined
      ? "Give both moments"
      : toS - fromS < SHORTEST_S
        ? "The end comes before the start"
        : undefined;
  return (
    <form
      class="moments"
      onSubmit={(event) => {
        event.preventDefault();
        if (fault === undefined) done(fromS!, toS!);
      }}
    >
      <label>
        <span>From</span>
        <input type="datetime-local" step="1" value={from} onInput={(event) => setFrom(event.currentTarget.value)} />
      </label>
      <label>
        <span>To</span>
        <input type="datetime-local" step="1" value={to} onInput={(event) => setTo(event.currentTarget.value)} />
      </label>
      <p class="fault" role="status">
        {fault}
      </p>
      <button type="submit" class="control wide primary" disabled={fault !== undefined}>
        {verb}
      </button>
    </form>
  );
}

/** Where `range` begins and ends now, s. */
export function edgesOf(range: Range): { fromS: number; toS: number } {
  if (range.kind !== "last") return { fromS: range.fromS, toS: range.toS };
  const toS = Math.floor(Date.now() / 1000);
  return { fromS: toS - range.spanS, toS };
}
