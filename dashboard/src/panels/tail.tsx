import { useEffect, useRef, useState } from "preact/hooks";
import { MAX_LINES, type TailLine, type TailState, tail } from "../data/tail.ts";
import { clock } from "../text/moment.ts";

interface Props {
  readonly groups: readonly string[];
  readonly paused: boolean;
  readonly setPaused: (paused: boolean) => void;
}

/** Lines that are drawn; more could not be read. */
const DRAWN = 200;

/** The lines themselves, as they come. */
export function Tail({ groups, paused, setPaused }: Props) {
  const [filter, setFilter] = useState("");
  const [lines, setLines] = useState<readonly TailLine[]>([]);
  const [state, setState] = useState<TailState>("connecting");
  /** Lines that came while paused. */
  const [waiting, setWaiting] = useState<readonly TailLine[]>([]);
  const seen = useSeen();
  const isPaused = useRef(paused);
  isPaused.current = paused;
  const list = useRef<HTMLOListElement>(null);
  const key = groups.join();

  // `key` stands for the groups.
  useEffect(() => {
    if (!seen.value) return;
    const abort = new AbortController();
    const add = (some: readonly TailLine[]) => {
      const append = (kept: readonly TailLine[]) => [...kept, ...some].slice(-MAX_LINES);
      if (isPaused.current) setWaiting(append);
      else setLines(append);
    };
    void tail(groups, add, setState, abort.signal);
    return () => abort.abort();
  }, [key, seen.value]);

  useEffect(() => {
    if (paused) return;
    setLines((kept) => [...kept, ...waiting].slice(-MAX_LINES));
    setWaiting([]);
    // What waits is looked at when the pause ends.
  }, [paused]);

  const wanted = filter.toLowerCase();
  const shown = lines.filter((line) => wanted === "" || line.kind === "note" || matches(line, wanted)).slice(-DRAWN);
  const lastId = shown.at(-1)?.id;
  // The list moves when there is a newer line.
  useEffect(() => {
    const element = list.current;
    if (element !== null && !isPaused.current) element.scrollTop = element.scrollHeight;
  }, [lastId]);

  return (
    <section class="panel area-tail" aria-labelledby="tail-title" ref={seen.ref}>
      <div class="panel-head">
        <h2 id="tail-title">Live tail</h2>
        <span class="dim" role="status">
          {paused
            ? `paused${waiting.length > 0 ? `, ${waiting.length}${waiting.length === MAX_LINES ? " or more" : ""} waiting` : ""}`
            : STATES[state]}
        </span>
        <input
          type="search"
          id="tail-filter"
          class="find"
          placeholder="Filter lines"
          aria-label="Filter lines"
          value={filter}
          onInput={(event) => setFilter(event.currentTarget.value)}
        />
        <button type="button" class="control" aria-pressed={paused} onClick={() => setPaused(!paused)}>
          {paused ? "Go on" : "Pause"}
        </button>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls. */}
      <ol class="tail" ref={list} tabIndex={0} aria-label="Log lines, newest last">
        {shown.map((line) => (
          <li key={line.id} class={`is-${line.kind}`}>
            <time>{clock(line.atS)}</time>
            {line.kind === "line" && <bdi class="from">{line.sender.replace(/^[^@]*@/, "")}</bdi>}
            <bdi class="text">{line.text}</bdi>
          </li>
        ))}
      </ol>
      {shown.length === 0 && (
        <p class="nothing">{filter === "" ? "Waiting for the next line." : "No line that came since matches."}</p>
      )}
    </section>
  );
}

const STATES: Readonly<Record<TailState, string>> = {
  connecting: "connecting",
  live: "following",
  lost: "disconnected",
};

function matches({ text, sender, group }: TailLine, wanted: string): boolean {
  return [text, sender, group].some((part) => part.toLowerCase().includes(wanted));
}

/**
 * Whether the panel can be seen. A browser has six connections to a node, for all its pages: one that follows lines
 * nobody looks at would be a waste.
 */
function useSeen() {
  const ref = useRef<HTMLElement>(null);
  const [value, setValue] = useState(false);
  useEffect(() => {
    let near = false;
    const look = () => setValue(near && !document.hidden);
    const observer = new IntersectionObserver(
      (entries) => {
        near = entries.at(-1)!.isIntersecting;
        look();
      },
      { rootMargin: "200px" },
    );
    observer.observe(ref.current!);
    document.addEventListener("visibilitychange", look);
    return () => {
      observer.disconnect();
      document.removeEventListener("visibilitychange", look);
    };
  }, []);
  return { ref, value };
}
