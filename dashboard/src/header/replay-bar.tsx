import { useEffect, useRef, useState } from "preact/hooks";
import type { Feed } from "../data/feed.ts";
import { LIVE, type Range, SHORTEST_S, SPEEDS } from "../data/view.ts";
import { fromLocalInput, localInput, moment } from "../text/moment.ts";
import { edgesOf } from "./range-picker.tsx";

interface Props {
  readonly feed: Feed;
  readonly range: Range;
  readonly choose: (range: Range) => void;
  readonly close: () => void;
}

/** Without another wish, the last so many seconds are played. */
const DEFAULT_S = 900;

/** The scrubber: plays a stretch of the past through the same panels, and can be moved by hand. */
export function ReplayBar({ feed, range, choose, close }: Props) {
  const playing = range.kind === "replay";
  const [edges, setEdges] = useState(() => initial(range));
  const [speed, setSpeed] = useState<number>(playing ? range.speed : 10);
  /** Where the reader holds the slider. */
  const [held, setHeld] = useState<number>();
  /** A pause shows a fixed time too, but the replay's own ends stay. */
  const paused = useRef<Range | undefined>(undefined);
  useEffect(() => {
    if (range.kind === "fixed" && range !== paused.current) setEdges({ fromS: range.fromS, toS: range.toS });
  }, [range]);
  const valid = edges.toS - edges.fromS >= SHORTEST_S;
  const ended = playing && feed.link.kind === "ended";
  const atS =
    held ?? (playing && feed.overview !== undefined ? clamp(feed.overview.scope.toUs / 1e6, edges) : edges.fromS);
  const play = (fromS: number, newSpeed = speed) => {
    const start = Math.min(fromS, edges.toS - SHORTEST_S);
    setHeld(undefined);
    choose({ kind: "replay", fromS: start, toS: edges.toS, speed: newSpeed });
  };
  const pause = () => {
    paused.current = { kind: "fixed", ...pausedAt(edges, atS) };
    setHeld(atS);
    choose(paused.current);
  };
  const edge = (which: "fromS" | "toS") => (event: { currentTarget: HTMLInputElement }) => {
    const s = fromLocalInput(event.currentTarget.value);
    if (s !== undefined) setEdges({ ...edges, [which]: s });
  };
  return (
    <section class={`replay${playing ? " is-playing" : ""}`} aria-label="Replay">
      <strong class="replay-mark" role="status">
        {playing ? (ended ? "Replay ended" : `Replay ${speed}×, not live`) : "Replay the past"}
      </strong>
      <div class="replay-controls">
        {playing && !ended ? (
          <button type="button" class="control" onClick={pause}>
            Pause
          </button>
        ) : (
          <button
            type="button"
            class="control primary"
            disabled={!valid}
            onClick={() => play(ended ? edges.fromS : atS)}
          >
            Play
          </button>
        )}
        <label class="inline">
          <span>Speed</span>
          <select
            value={String(speed)}
            onChange={(event) => {
              const chosen = Number(event.currentTarget.value);
              setSpeed(chosen);
              if (playing && !ended) play(atS, chosen);
            }}
          >
            {SPEEDS.map((s) => (
              <option key={s} value={String(s)}>
                {s}×
              </option>
            ))}
          </select>
        </label>
      </div>
      <div class="replay-slider">
        <input
          type="range"
          aria-label="Place in the replay"
          aria-valuetext={moment(atS)}
          min={edges.fromS}
          max={edges.toS}
          step="1"
          value={atS}
          disabled={!valid}
          onInput={(event) => setHeld(Number(event.currentTarget.value))}
          onChange={(event) => play(Number(event.currentTarget.value))}
        />
        <output>{moment(atS)}</output>
      </div>
      <div class="replay-edges">
        <label class="inline">
          <span>From</span>
          <input type="datetime-local" step="1" value={localInput(edges.fromS)} onChange={edge("fromS")} />
        </label>
        <label class="inline">
          <span>to</span>
          <input type="datetime-local" step="1" value={localInput(edges.toS)} onChange={edge("toS")} />
        </label>
      </div>
      <button
        type="button"
        class="control"
        onClick={() => {
          if (range.kind !== "last") choose(LIVE);
          close();
        }}
      >
        {playing || range.kind === "fixed" ? "Back to live" : "Close"}
      </button>
    </section>
  );
}

function initial(range: Range): { fromS: number; toS: number } {
  const edges = edgesOf(range);
  return range.kind === "last" ? { fromS: edges.toS - Math.max(range.spanS, DEFAULT_S), toS: edges.toS } : edges;
}

function clamp(s: number, { fromS, toS }: { fromS: number; toS: number }): number {
  return Math.round(Math.min(Math.max(s, fromS), toS));
}

/** What stands still when the replay is paused: the minute before. */
function pausedAt(edges: { fromS: number; toS: number }, atS: number): { fromS: number; toS: number } {
  return { fromS: Math.max(edges.fromS, atS - 60), toS: Math.max(atS, edges.fromS + SHORTEST_S) };
}
