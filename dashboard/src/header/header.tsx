import { useState } from "preact/hooks";
import type { Feed } from "../data/feed.ts";
import { healthOf } from "../data/health.ts";
import type { View } from "../data/view.ts";
import { Connection } from "./connection.tsx";
import { Filter } from "./filter.tsx";
import { RangePicker } from "./range-picker.tsx";
import { chooseTheme, isDark } from "./theme.ts";
import { Well } from "./well.tsx";

interface Props {
  readonly feed: Feed;
  readonly view: View;
  readonly groups: readonly string[];
  readonly servers: readonly string[];
  readonly replayOpen: boolean;
  readonly change: (change: Partial<View>) => void;
  readonly toggleReplay: () => void;
  readonly themeChanged: () => void;
  readonly help: () => void;
}

export function Header(props: Props) {
  const { feed, view, groups, servers, change } = props;
  const [dark, setDark] = useState(isDark);
  const switchTheme = () => {
    chooseTheme(isDark() ? "light" : "dark");
    setDark(isDark());
    props.themeChanged();
  };
  return (
    <header class="top">
      <button type="button" class="skip" onClick={() => document.getElementById("main")?.focus()}>
        Skip to the figures
      </button>
      <h1 class="brand">
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <path d="M4 16h8M12 16c6 0 6-9 15-9M12 16h15M12 16c6 0 6 9 15 9" />
        </svg>
        logspread
      </h1>
      <Well health={healthOf(feed)} />
      <div class="top-tools">
        <Connection feed={feed} />
        <button
          type="button"
          class={`control${props.replayOpen ? " is-active" : ""}`}
          aria-pressed={props.replayOpen}
          onClick={props.toggleReplay}
        >
          Replay
        </button>
        <button
          type="button"
          class="control square"
          id="theme"
          title={dark ? "Light colours (t)" : "Dark colours (t)"}
          aria-label={dark ? "Switch to light colours" : "Switch to dark colours"}
          onClick={switchTheme}
        >
          <svg viewBox="0 0 16 16" aria-hidden="true">
            <circle cx="8" cy="8" r="6" class="outline" />
            <path d="M8 2a6 6 0 010 12z" class="solid" />
          </svg>
        </button>
        <button
          type="button"
          class="control square"
          title="Keys (?)"
          aria-label="Keyboard shortcuts"
          onClick={props.help}
        >
          ?
        </button>
      </div>
      <div class="top-filters">
        <Filter
          id="filter-groups"
          of="groups"
          names={groups}
          chosen={view.groups}
          choose={(chosen) => change({ groups: chosen })}
        />
        <Filter
          id="filter-servers"
          of="servers"
          names={servers}
          chosen={view.servers}
          choose={(chosen) => change({ servers: chosen })}
        />
        <RangePicker range={view.range} choose={(range) => change({ range })} />
      </div>
    </header>
  );
}
