/** A word with its meaning one press away: shown by the browser's own popover, closed by Escape. */

import { useId, type ReactNode } from "react";

import { t } from "../texts";
import { Icon } from "./address";

export function Explain({ what, children }: { what: string; children: ReactNode }) {
  const id = useId();
  return (
    <span className="explain">
      <button type="button" popoverTarget={id} aria-label={t.explain(what)}>
        <Icon name="question" />
      </button>
      <span id={id} popover="auto" role="note">
        <strong>{what}</strong>
        {children}
      </span>
    </span>
  );
}
