import { render } from "preact";
import { App } from "./app.tsx";
import { applyTheme } from "./header/theme.ts";
import "./style/base.css";
import "./style/header.css";
import "./style/panels.css";
import "./style/tables.css";

applyTheme();
render(<App />, document.getElementById("app")!);
