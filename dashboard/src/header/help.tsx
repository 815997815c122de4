import { useEffect, useRef } from "preact/hooks";
import { SPANS } from "../data/view.ts";

export const KEYS: readonly { readonly keys: string; readonly does: string }[] = [
  { keys: `1 – ${SPANS.length}`, does: "time range, from the last minute to the last week" },
  { keys: "l", does: "back to live" },
  { keys: "− +", does: "zoom out, zoom in" },
  { keys: "← →", does: "on a chart: read its values; Enter zooms in there" },
  { keys: "g  s", does: "choose groups, servers" },
  { keys: "r", does: "replay the past" },
  { keys: "/", does: "filter the live tail" },
  { keys: "p", does: "pause the live tail, or go on" },
  { keys: "t", does: "light or dark" },
  { keys: "?", does: "this list" },
];

interface Props {
  readonly open: boolean;
  readonly close: () => void;
}

export function Help({ open, close }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  return (
    <dialog ref={dialog} aria-labelledby="help-title" onClose={close}>
      <h2 id="help-title">Keys</h2>
      <dl class="keys">
        {KEYS.map(({ keys, does }) => (
          <div key={keys}>
            <dt>
              {keys.split("  ").map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <p class="dim">Drag over a chart to zoom in. A click on a server shows it alone.</p>
      <button type="button" class="control primary" onClick={close}>
        Close
      </button>
    </dialog>
  );
}
