import { useState } from "preact/hooks";
import { nodeAddress, type Refusal } from "../data/api.ts";

/** Nothing has been published yet: what to do about it. */
export function Empty() {
  const node = nodeAddress();
  return (
    <section class="notice" aria-labelledby="empty-title" data-notice="empty">
      <h2 id="empty-title">No log lines yet</h2>
      <p>The node is running and waits for the first ones. Publish a file that you have:</p>
      <Command text={`curl --data-binary @access.log ${node}/v1/groups/coolsite/messages`} />
      <p>or let a web server publish as it goes, here Apache:</p>
      <Command text={`CustomLog "|/usr/bin/logspread publish --group coolsite --to ${node}" combined`} />
      <p class="dim">This page notices by itself.</p>
    </section>
  );
}

function Command({ text }: { readonly text: string }) {
  const [copied, setCopied] = useState(false);
  const copy = () =>
    navigator.clipboard?.writeText(text).then(
      () => setCopied(true),
      () => setCopied(false),
    );
  return (
    <div class="command">
      <code>{text}</code>
      {/* Browsers give a clipboard to pages of this machine and of https only. */}
      {navigator.clipboard !== undefined && (
        <button type="button" class="control" onClick={copy}>
          <span role="status">{copied ? "Copied" : "Copy"}</span>
        </button>
      )}
    </div>
  );
}

/** The node will not give figures. */
export function Refused({ refusal }: { readonly refusal: Refusal }) {
  const off = refusal.status === 404;
  return (
    <section class="notice" role="alert" data-notice="refused">
      <h2>{off ? "This node keeps no metrics" : "The node gave no figures"}</h2>
      {off ? (
        <>
          <p>Switch them on in logspread.yaml and start the node again:</p>
          <Command text="metrics: {}" />
        </>
      ) : (
        <p>{refusal.message}</p>
      )}
      <p class="dim">This page tries again by itself.</p>
    </section>
  );
}

/** Before the first figures: places for what will come, so that nothing jumps. */
export function Loading({ lost }: { readonly lost: string | undefined }) {
  return (
    <div class="loading" aria-busy="true">
      <div class="figures">
        {Array.from({ length: 7 }, (_, at) => (
          <div class="tile ghost" key={at} />
        ))}
      </div>
      <div class="panel ghost tall-ghost area-requests" />
      <div class="panel ghost tall-ghost area-times" />
      <p role="status" class="sr-only">
        {lost ?? "Loading"}
      </p>
    </div>
  );
}
