import { type Feed, retryNow } from "../data/feed.ts";
import { span, text } from "../text/figures.ts";
import { useNow } from "./use-now.ts";

/** Whether what is shown is fresh, and if not, how old it is and what happens next. */
export function Connection({ feed }: { readonly feed: Feed }) {
  const { link, receivedMs, overview } = feed;
  const now = useNow(link.kind === "lost" || link.kind === "live" ? 1000 : undefined);
  const ageS = Math.max(0, Math.round((now - receivedMs) / 1000));
  const lag = overview !== undefined && overview.lagS >= 3 ? `, ${text(span(overview.lagS))} behind` : "";
  switch (link.kind) {
    case "live":
      return <State kind="live" words={ageS > 3 ? `Live, ${ageS} s old` : `Live${lag}`} />;
    case "connecting":
      return <State kind="connecting" words="Connecting" />;
    case "still":
      return <State kind="still" words="Fixed time" />;
    case "ended":
      return <State kind="still" words="Replay ended" />;
    case "refused":
      return <State kind="lost" words="No figures" />;
    case "lost": {
      const waitS = Math.max(0, Math.ceil((link.retryAtMs - now) / 1000));
      const age = receivedMs > 0 ? ` · figures ${text(span(ageS))} old` : "";
      return (
        <>
          <State
            kind="lost"
            words={`Disconnected${age}`}
            title={`${link.why}; ${waitS > 0 ? `tries again in ${waitS} s` : "trying again"}`}
          />
          <button type="button" class="control" onClick={retryNow}>
            Try now
          </button>
        </>
      );
    }
    default:
      return link satisfies never;
  }
}

interface StateProps {
  readonly kind: "live" | "connecting" | "still" | "lost";
  readonly words: string;
  readonly title?: string;
}

function State({ kind, words, title }: StateProps) {
  return (
    <span class={`connection is-${kind}`} title={title} data-state={kind}>
      <svg viewBox="0 0 12 12" aria-hidden="true">
        {kind === "live" && <circle cx="6" cy="6" r="4" class="solid" />}
        {kind === "connecting" && <circle cx="6" cy="6" r="4" class="outline dashed" />}
        {kind === "still" && <path class="solid" d="M3 2h2v8H3zM7 2h2v8H7z" />}
        {kind === "lost" && <path class="outline" d="M2.5 2.5l7 7M9.5 2.5l-7 7" />}
      </svg>
      {words}
    </span>
  );
}
