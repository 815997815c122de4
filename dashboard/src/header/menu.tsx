import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

interface Props {
  readonly id: string;
  /** What the button says. */
  readonly label: ComponentChildren;
  readonly title: string;
  readonly active?: boolean;
  readonly children: (close: () => void) => ComponentChildren;
}

/** A button that opens a small panel; Escape, a click elsewhere or leaving it with Tab closes it. */
export function Menu({ id, label, title, active, children }: Props) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  // Before the next key is pressed.
  useLayoutEffect(() => {
    if (!open) return;
    const outside = (event: Event) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    const key = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      setOpen(false);
      button.current?.focus();
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("focusin", outside);
    document.addEventListener("keydown", key, true);
    root.current?.querySelector<HTMLElement>(".menu-panel :is(input, button, select)")?.focus();
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("focusin", outside);
      document.removeEventListener("keydown", key, true);
    };
  }, [open]);
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  return (
    <div class="menu" ref={root}>
      <button
        type="button"
        id={id}
        ref={button}
        class={`control${active ? " is-active" : ""}`}
        title={title}
        aria-expanded={open}
        aria-controls={open ? `${id}-panel` : undefined}
        onClick={() => setOpen(!open)}
      >
        {label}
        <svg class="caret" viewBox="0 0 10 6" aria-hidden="true">
          <path d="M1 1l4 4 4-4" />
        </svg>
      </button>
      {open && (
        <fieldset class="menu-panel" id={`${id}-panel`} aria-label={title}>
          {children(close)}
        </fieldset>
      )}
    </div>
  );
}
