/** Light, dark, or as the system has it. Remembered in this browser (public/theme.js sets it before the first paint). */

import { useState } from "react";

import { recall, remember } from "../units/memory";
import { t } from "../texts";
import { Icon } from "./address";

const KEY = "linkpool.theme";
const ORDER = ["system", "light", "dark"] as const;
type Theme = (typeof ORDER)[number];
const ICONS = { system: "half", light: "sun", dark: "moon" } as const;

function current(): Theme {
  return ORDER.find((each) => each === recall(KEY)) ?? "system";
}

export function ThemeSwitch() {
  const [theme, setTheme] = useState<Theme>(current);
  function next() {
    const chosen = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length] ?? "system";
    remember(KEY, chosen === "system" ? null : chosen);
    if (chosen === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = chosen;
    setTheme(chosen);
  }
  return (
    <button type="button" className="plain" onClick={next} aria-label={t.theme.label(t.theme[theme])} title={t.theme.label(t.theme[theme])}>
      <Icon name={ICONS[theme]} />
    </button>
  );
}
