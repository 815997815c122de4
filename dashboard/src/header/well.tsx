import type { Health } from "../data/health.ts";

/** The state of the site at a glance: a shape, a word, and the reason. */
export function Well({ health }: { readonly health: Health }) {
  const { level, words, reason } = health;
  return (
    <div class={`well is-${level}`} data-level={level}>
      <svg viewBox="0 0 20 20" aria-hidden="true">
        {level === "well" && <path d="M10 1a9 9 0 110 18 9 9 0 010-18z" class="shape" />}
        {level === "well" && <path d="M5.8 10.3l2.8 2.8 5.6-6" class="sign" />}
        {level === "look" && <path d="M10 1.5l9 16.5H1z" class="shape" />}
        {level === "look" && <path d="M10 7.5v4.6M10 15v.1" class="sign" />}
        {level === "trouble" && <path d="M6.3 1h7.4L19 6.3v7.4L13.7 19H6.3L1 13.7V6.3z" class="shape" />}
        {level === "trouble" && <path d="M6.8 6.8l6.4 6.4M13.2 6.8l-6.4 6.4" class="sign" />}
        {(level === "quiet" || level === "unknown") && <circle cx="10" cy="10" r="8" class="ring" />}
      </svg>
      <div class="well-words" role="status">
        <strong>{words}</strong>
        {reason !== "" && <span title={reason}>{reason}</span>}
      </div>
    </div>
  );
}
